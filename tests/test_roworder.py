"""Rows stand in the benchmark's order, whichever order they were measured in."""

from __future__ import annotations

import gzip
import io

import pandas as pd

from ftbench.roworder import file_in_order, in_order
from ftbench.writing import csv_bytes, gzipped

ORDER = {"simulator": ["none", "b", "a", "unmarked"], "distortion": ["identity", "jpeg"], "of": ["marked"]}


def measured(simulators: list[str], distortions: list[str]) -> pd.DataFrame:
    rows = [
        (image, draw, simulator, distortion, f"0.1000{number}")
        for draw in ("0", "1")
        for number, (simulator, distortion) in enumerate((s, d) for s in simulators for d in distortions)
        for image in ("x", "NA", "y\r\nz")
    ]
    return pd.DataFrame(rows, columns=["image", "draw", "simulator", "distortion", "value"])


def keyed(rows: pd.DataFrame) -> dict[tuple[str, ...], str]:
    return {tuple(row[:4]): row[4] for row in rows.itertuples(index=False)}


def test_rows_follow_the_order_and_keep_what_they_say() -> None:
    rows = measured(["none", "a", "b", "unmarked"], ["jpeg", "identity"])
    ordered = in_order(rows, ORDER)
    assert list(dict.fromkeys(ordered["simulator"])) == ORDER["simulator"]
    assert list(dict.fromkeys(ordered["distortion"])) == ORDER["distortion"]
    assert list(dict.fromkeys(ordered["draw"])) == ["0", "1"]
    assert keyed(ordered) == keyed(rows)
    # Images of one test stay in their order, as sums over them do.
    one = ordered[(ordered["simulator"] == "a") & (ordered["distortion"] == "jpeg") & (ordered["draw"] == "0")]
    assert list(one["image"]) == ["x", "NA", "y\r\nz"]


def test_what_stands_in_order_is_left_byte_by_byte() -> None:
    rows = measured(["none", "b", "a", "unmarked"], ["identity", "jpeg"])
    assert in_order(rows, ORDER) is rows
    content = gzipped(csv_bytes(rows))
    assert file_in_order(content, ORDER) is content


def test_a_file_keeps_every_field_letter_by_letter() -> None:
    rows = measured(["none", "a", "b", "unmarked"], ["jpeg", "identity"])
    ordered = file_in_order(gzipped(csv_bytes(rows)), ORDER)
    back = pd.read_csv(io.BytesIO(gzip.decompress(ordered)), dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(back, in_order(rows, ORDER))
