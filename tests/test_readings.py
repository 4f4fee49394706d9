"""Readings that are kept: what is written comes back, and gives the errors that the rows have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ftbench.errors import BadInput
from ftbench.storage.grounds import in_both
from ftbench.storage.readings import halved, packed, unpacked
from tests.test_evaluate import BITS, COUNT, found


def test_an_evaluation_is_scored_again_from_its_readings() -> None:
    findings = found()
    kept = unpacked(packed(findings.rows, **findings.readings))
    about = ["image", "draw", "simulator", "distortion"]
    pd.testing.assert_frame_equal(kept.of[about], findings.rows[about].astype({"draw": np.int64}))
    assert kept.logits.shape == (len(findings.rows), BITS)
    np.testing.assert_array_equal(kept.code_errors, findings.rows["code_errors"])
    again = ((kept.logits > 0) != (kept.payload > 0)).sum(axis=1)
    np.testing.assert_array_equal(again, findings.rows["payload_errors"])
    # One payload an image and draw, whatever was done to it.
    carried = pd.DataFrame(kept.payload).groupby([kept.of["image"], kept.of["draw"]]).nunique()
    assert len(carried) == 2 * COUNT
    assert (carried == 1).all(axis=None)


def test_rows_in_another_order_find_their_payloads() -> None:
    findings = found()
    order = np.random.default_rng(0).permutation(len(findings.rows))
    carried = findings.readings["carried"]
    turned = np.arange(len(carried))[::-1]
    given = {
        "logits": findings.readings["logits"][order],
        "carried": carried.iloc[turned],
        "payload": findings.readings["payload"][turned],
        "code": findings.readings["code"][turned],
    }
    kept = unpacked(packed(findings.rows.iloc[order].reset_index(drop=True), **given))
    np.testing.assert_array_equal(kept.code_errors, findings.rows["code_errors"].to_numpy()[order])


def test_a_reading_takes_few_bytes() -> None:
    findings = found()
    content = packed(findings.rows, **findings.readings)
    assert len(content) / len(findings.rows) < 2 * BITS + 4


def test_no_logit_loses_its_sign() -> None:
    """A million bit patterns across all that single precision has, and the ends of half precision."""
    patterns = np.arange(0, 2**32, 4099, dtype=np.uint32).view(np.float32)
    ends = np.asarray([0.0, -0.0, 1e-45, -1e-45, 2**-25, -(2**-25), 65504, 65520, 1e30, -1e30], dtype=np.float32)
    logits = np.concatenate([patterns[~np.isnan(patterns)], ends])
    half = halved(logits)
    np.testing.assert_array_equal(half > 0, logits > 0)
    np.testing.assert_array_equal(half < 0, logits < 0)
    assert np.isfinite(half).all()
    within = np.abs(logits) < 65504
    np.testing.assert_allclose(half[within].astype(np.float32), logits[within], rtol=2**-10, atol=6e-8)


def test_damaged_readings_are_a_sentence() -> None:
    findings = found()
    content = packed(findings.rows, **findings.readings)
    for broken in (b"", b"PK", content[: len(content) // 2], content[:-30]):
        with pytest.raises(BadInput, match="run the benchmark again"):
            unpacked(broken)


def test_readings_of_a_newer_release_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = found()
    monkeypatch.setattr("ftbench.storage.readings.FORM", 2)
    content = packed(findings.rows, **findings.readings)
    monkeypatch.undo()
    with pytest.raises(BadInput, match="update ftbench"):
        unpacked(content)


def test_readings_without_a_payload_are_refused() -> None:
    findings = found()
    half = {name: values[: COUNT // 2] for name, values in findings.readings.items() if name != "logits"}
    with pytest.raises(ValueError, match="has no payload"):
        packed(findings.rows, logits=findings.readings["logits"], **half)


def test_readings_that_unpack_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = found()
    content = packed(findings.rows, **findings.readings)
    monkeypatch.setattr("ftbench.storage.readings.MOST_UNPACKED", 1000)
    with pytest.raises(BadInput, match="unpack to more than"):
        unpacked(content)


def test_a_cell_from_before_readings_were_kept_came_out_the_same() -> None:
    def run(**files: str) -> dict[str, object]:
        named = {name.replace("_", "."): {"sha256": digest} for name, digest in files.items()}
        return {"cells": [{"kind": "evaluate", "label": "a", "identity": "1", "files": named}]}

    assert in_both(run(rows="1"), run(rows="1", readings_npz="2")) == (1, [])
    assert in_both(run(rows="1", readings_npz="3"), run(rows="1", readings_npz="2")) == (
        1,
        ["evaluate a (readings.npz)"],
    )
    assert in_both(run(rows="1"), run(rows="2", readings_npz="2")) == (1, ["evaluate a (rows)"])
