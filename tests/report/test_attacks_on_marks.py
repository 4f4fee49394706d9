"""Attacks on marks stand apart in tables: what they take off, how far that is from chance, and what they forge."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ftbench.report.attacked import AWAY
from ftbench.report.attacks import FORGERIES, REMOVALS
from ftbench.storage.results import CellResult
from tests.report.printing import lines, tables

INVERTED, FORGED = "averaging pairs=8 strength=2", "copy"


@pytest.fixture
def attacked(result: CellResult) -> CellResult:
    """The result with an attack that inverts 15 of 16 bits, and a forgery of which 14 are read."""
    plain = result.rows[(result.rows.simulator == "none") & (result.rows.distortion == "identity")]
    inverted = plain.assign(simulator=INVERTED, code_errors=[4, 4, 4, 3], payload_errors=[2, 2, 2, 2])
    forged = plain.assign(simulator=FORGED, code_errors=[0, 1, 1, 0], payload_errors=[0, 1, 0, 0])
    jpeg = forged.assign(distortion="jpeg quality=50", category="compression")
    marked = result.quality[result.quality.of == "marked"]
    quality = [
        marked.assign(of=f"{of}:{name}", psnr=value, ssim=0.9)
        for of, name, value in (
            ("left", INVERTED, [33.0, 35.0, 33.0, 35.0]), ("changed", INVERTED, 28.0), ("forged", FORGED, 31.0),
        )
    ]  # fmt: skip
    return replace(
        result,
        rows=pd.concat([result.rows, inverted, forged, jpeg], ignore_index=True),
        quality=pd.concat([result.quality, *quality], ignore_index=True),
    )


def values(result: CellResult, table: str, stem: str, **keys: str) -> list[float]:
    found = [line for line in lines(tables([result])[table][1]) if all(line[key] == keys[key] for key in keys)]
    return [float(line[f"{stem}_value"]) for line in found]


def test_how_far_from_one_half_stands_beside_what_is_read(attacked: CellResult) -> None:
    assert values(attacked, "attacks", "raw_bit_accuracy", kind=REMOVALS) == [1 / 16]
    away = [line for line in lines(tables([attacked])["attacks"][1]) if line["kind"] == AWAY]
    assert [line["simulator"] for line in away] == [INVERTED]
    assert float(away[0]["raw_bit_accuracy_value"]) == 7 / 16
    [read] = [line for line in lines(tables([attacked])["attacks"][1]) if line["kind"] == REMOVALS]
    low, high = (float(read[f"raw_bit_accuracy_{end}"]) for end in ("low", "high"))
    # So few images tell nothing for certain: their interval holds one half, and so this one holds nought.
    assert low < 0.5 < high
    assert float(away[0]["raw_bit_accuracy_low"]) == 0
    assert float(away[0]["raw_bit_accuracy_high"]) == pytest.approx(max(0.5 - low, high - 0.5))


def test_forgeries_are_no_removals(attacked: CellResult, result: CellResult) -> None:
    assert values(attacked, "attacks", "raw_bit_accuracy", kind=FORGERIES) == [14 / 16]
    overview = lines(tables([attacked])["overview"][1])
    measures = {line["measure"]: line["overview_value"] for line in overview}
    assert float(measures[f"bits {FORGERIES}, {FORGED}"]) == 14 / 16
    # The mean over all simulators is that of the deepfake (8 of 16) and the removal.
    assert float(measures["bits all simulators: mean of 2"]) == (8 + 1) / 32
    assert FORGED not in [line["said"] for line in overview if line["measure"] == "which of simulators"]


def test_an_owner_wants_little_of_a_forgery_to_be_read(attacked: CellResult) -> None:
    better = replace(attacked, cell="cd" * 32, label="other", rows=attacked.rows.copy())
    mine = better.rows.simulator == FORGED
    better.rows.loc[mine, "code_errors"] = 2
    found = lines(tables([attacked, better])["attacks"][1])
    best = {line["label"] for line in found if line["kind"] == FORGERIES and line["mark"] == "best"}
    assert best <= {"other"}
    # After a distortion it is a forgery still.
    combined = [line for line in lines(tables([attacked, better])["combined"][1]) if line["simulator"] == FORGED]
    assert {line["label"] for line in combined if line["behind_best_value"]} <= {attacked.label}
    assert combined


def test_what_is_left_of_the_picture_has_lines_of_its_own(attacked: CellResult) -> None:
    assert values(attacked, "quality", "quality", of=f"left:{INVERTED}", metric="psnr") == [34.0]
    assert values(attacked, "quality", "quality", of=f"changed:{INVERTED}", metric="psnr") == [28.0]
    assert values(attacked, "quality", "quality", of=f"forged:{FORGED}", metric="psnr") == [31.0]
    titles = list(tables([attacked])["quality"][0].frame["row"])
    assert f"{INVERTED}: what is left against the cover" in titles
    assert f"{FORGED}: forged against the cover" in titles
