"""Image quality after each distortion, against means by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ftbench.report import write_report
from ftbench.report.after import after_table
from ftbench.report.result import Caption
from ftbench.report.summary import fakes_table, main_table
from ftbench.storage.results import PSNR_SSIM, CellResult

MEASURED = [("none", "identity", np.inf, 1.0), ("none", "jpeg quality=50", 30.0, 0.9), ("swap", "identity", 20.0, 0.5)]


@pytest.fixture
def damaged(result: CellResult) -> CellResult:
    plain = result.quality.assign(simulator="", distortion="")
    marked = plain[plain["of"] == "marked"]
    after = [
        # The second image is better by two decibels.
        marked.assign(of="after", simulator=simulator, distortion=distortion, psnr=psnr, ssim=ssim).assign(
            psnr=lambda rows: rows["psnr"] + 2.0 * (rows["image"] == "b")
        )
        for simulator, distortion, psnr, ssim in MEASURED
    ]
    return replace(result, quality=pd.concat([plain, *after], ignore_index=True))


def test_means_by_hand_with_identical_images_apart(damaged: CellResult) -> None:
    table = after_table([damaged])
    assert table is not None
    assert list(zip(table.frame["simulator"], table.frame["distortion"], strict=True)) == [
        ("marked", "identity"),
        ("marked", "jpeg quality=50"),
        ("swap", "identity"),
    ]
    same, jpeg, swap = table.frame["psnr_all"]
    assert (same.estimate, same.identical) == (None, 4)
    assert (jpeg.estimate.value, swap.estimate.value) == (31.0, 21.0)
    assert [entry.estimate.value for entry in table.frame["ssim_all"]] == [1.0, 0.9, 0.5]


def test_other_tables_do_not_see_these_rows(damaged: CellResult, result: CellResult) -> None:
    for made in (main_table, fakes_table):
        pd.testing.assert_frame_equal(made([damaged]).frame, made([result]).frame)


def test_the_table_is_written_where_there_is_one(
    damaged: CellResult, result: CellResult, caption: Caption, tmp_path: Path
) -> None:
    file = tmp_path / "tables" / "after.md"
    write_report(tmp_path, [damaged], caption, PSNR_SSIM)
    lines = [[field.strip() for field in line.split("|")] for line in file.read_text(encoding="utf-8").splitlines()]
    (jpeg,) = (line for line in lines if "jpeg quality=50" in line)
    assert jpeg[1:3] == ["λ=1 α=0.1", "marked"]
    assert jpeg[4].startswith("31.00 ")
    write_report(tmp_path, [result], caption, PSNR_SSIM)
    assert not file.exists()
    assert after_table([result]) is None
