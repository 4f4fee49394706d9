"""Every expected number here is worked out by hand from the frames in conftest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ftbench.errors import BadInput
from ftbench.report.measures import distortions
from ftbench.report.result import display_labels
from ftbench.report.summary import main_table
from ftbench.report.table import Measured, Table
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import CellResult, MetricInfo
from tests.report.printing import tables


def found(table: Table, key: str, row: int = 0) -> Estimate:
    entry = table.frame[key].iloc[row]
    assert isinstance(entry, Measured)
    assert entry.estimate is not None
    return entry.estimate


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("marked_raw_bit_accuracy", 1 - 4 / 16),
        ("marked_raw_word_accuracy", 2 / 4),
        ("marked_payload_bit_accuracy", 1 - 1 / 8),
        ("marked_payload_word_accuracy", 3 / 4),
        ("faceswap_raw_bit_accuracy", 1 - 8 / 16),
        ("faceswap_raw_word_accuracy", 0.0),
        ("faceswap_payload_bit_accuracy", 1 - 4 / 8),
        ("faceswap_payload_word_accuracy", 1 / 4),
        ("unmarked_raw_bit_accuracy", 1 - 8 / 16),
    ],
)
def test_rates(result: CellResult, key: str, value: float) -> None:
    estimate = found(main_table([result]), key)
    assert estimate.value == pytest.approx(value, abs=1e-12)
    assert estimate.n == 2
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_quality_means_draws_within_an_image_and_counts_identical_pictures_apart(result: CellResult) -> None:
    table = main_table([result])
    # Image a: (30 + 32) / 2 = 31. Image b: one draw is identical, the other 40.
    assert found(table, "psnr_all").value == pytest.approx((31 + 40) / 2)
    assert table.frame["psnr_all"].iloc[0].identical == 1
    assert (found(table, "psnr_a").value, table.frame["psnr_a"].iloc[0].identical) == (31, 0)
    assert (found(table, "psnr_b").value, table.frame["psnr_b"].iloc[0].identical) == (40, 1)
    # SSIM of identical pictures is 1, an ordinary value.
    assert found(table, "ssim_all").value == pytest.approx((0.91 + 0.99) / 2)
    assert found(table, "ssim_b").value == pytest.approx(0.99)
    assert table.frame["ssim_all"].iloc[0].identical == 0


def test_all_pictures_identical_leaves_no_mean(result: CellResult) -> None:
    same = replace(result, quality=result.quality.assign(psnr=np.inf))
    entry = main_table([same]).frame["psnr_all"].iloc[0]
    assert entry == Measured(None, 4)


def test_payload_columns_only_where_a_cell_has_a_channel_code(result: CellResult) -> None:
    bare = replace(result, code_bits=4, bits=4, settings={**result.settings, "codec": "none"})
    assert not [key for key in main_table([bare]).frame if "payload_bit_accuracy" in str(key)]
    both = main_table([bare, result]).frame
    assert "marked_payload_bit_accuracy" in both
    # A code of rate 1 is a code all the same.
    assert "marked_payload_bit_accuracy" in main_table([replace(bare, settings={"codec": "permute"})]).frame


def test_what_a_cell_lacks_is_empty_and_not_nought(result: CellResult) -> None:
    other = replace(
        result,
        cell="ef" * 32,
        rows=result.rows[result.rows["simulator"] == "none"],
        quality=result.quality[result.quality["identity"] == "A"],
    )
    table = main_table([result, other])
    for key in ("faceswap_raw_bit_accuracy", "unmarked_raw_bit_accuracy", "psnr_b", "ssim_b"):
        assert table.frame[key].iloc[1] == Measured()
    assert found(table, "psnr_a", 1).value == 31


def test_unnamed_people_are_reported_together_alone(result: CellResult) -> None:
    unnamed = replace(result, quality=result.quality.assign(identity=None))
    frame = main_table([unnamed]).frame
    assert [key for key in frame if str(key).startswith("psnr")] == ["psnr_all"]
    assert found(main_table([unnamed]), "psnr_all").value == pytest.approx(35.5)


def test_people_named_by_numbers_keep_their_columns(result: CellResult) -> None:
    # A data set whose folders are numbers reads back from CSV as integers.
    numbered = replace(result, quality=result.quality.assign(identity=[7, 7, 8, 8] * 2))
    table = main_table([numbered])
    assert (found(table, "psnr_7").value, found(table, "psnr_8").value) == (31, 40)


def test_a_crowd_is_reported_together_alone(result: CellResult) -> None:
    crowd = pd.concat([result.quality.assign(identity=f"p{i}", image=f"i{i}") for i in range(9)])
    table = main_table([replace(result, quality=crowd)])
    assert [key for key in table.frame if str(key).startswith("psnr")] == ["psnr_all"]
    assert any("9 people" in note for note in tables([replace(result, quality=crowd)])["quality"][0].notes)


def test_single_image(result: CellResult) -> None:
    one = replace(
        result,
        rows=result.rows[result.rows["image"] == "a"],
        quality=result.quality[result.quality["image"] == "a"],
    )
    table = main_table([one])
    assert found(table, "marked_raw_bit_accuracy").value == pytest.approx(1 - 1 / 8)
    assert found(table, "psnr_all").value == 31
    assert found(table, "psnr_all").n == 1


def test_stalled_is_said_in_the_row_and_explained(result: CellResult, stalled: CellResult) -> None:
    made = tables([result, stalled])
    assert list(made["main"][1].frame["status"]) == ["done", "STALLED"]
    for name in ("overview", "attacks"):
        assert any(note.startswith("STALLED") for note in made[name][0].notes)
        assert [column.title for column in made[name][0].columns][2:] == ["λ=1 α=0.1", "λ=1 α=0.5 STALLED"]
        assert not any("STALLED" in note for note in tables([result])[name][0].notes)
    assert display_labels([result, stalled]) == ["λ=1 α=0.1", "λ=1 α=0.5 STALLED"]


def test_settings_columns_have_ascii_names_and_keep_order(result: CellResult, stalled: CellResult) -> None:
    table = main_table([result, stalled])
    keys = [column.key for column in table.columns]
    assert keys[3:9] == ["encoder", "codec", "lambda", "alpha", "payload_bits", "code_bits"]
    assert list(table.frame["alpha"]) == ["0.1", "0.5"]


def test_a_setting_named_like_a_column_does_not_replace_it(result: CellResult) -> None:
    frame = main_table([replace(result, settings={"status": "mine", "codec": "none"})]).frame
    assert list(frame["status"]) == ["done"]
    assert list(frame["status_2"]) == ["mine"]


def test_equal_labels_are_told_apart(result: CellResult) -> None:
    twin = replace(result, cell="cd" * 32)
    assert display_labels([result, twin]) == ["λ=1 α=0.1 (abababab)", "λ=1 α=0.1 (cdcdcdcd)"]


def test_metrics_come_from_the_caller(result: CellResult) -> None:
    lpips = replace(result, quality=result.quality.assign(lpips=0.25))
    table = main_table([lpips], [MetricInfo("lpips", "", 4, False)])
    assert found(table, "lpips_all").value == pytest.approx(0.25)
    assert "psnr_all" not in table.frame


def test_distortions_keep_file_order_within_their_category(result: CellResult) -> None:
    template = result.rows[result.rows["distortion"] == "identity"]
    order = [("jpeg quality=90", "compression"), ("noise std=1", "noise"), ("jpeg quality=50", "compression")]
    rows = pd.concat([template.assign(distortion=name, category=category) for name, category in order] + [template])
    assert [name for name, _ in distortions([replace(result, rows=rows)])] == [
        "identity",
        "jpeg quality=90",
        "jpeg quality=50",
        "noise std=1",
    ]


def test_no_cell_is_a_sentence() -> None:
    for table, rows in tables([]).values():
        assert table.frame.empty
        assert rows.frame.empty
        assert table.nothing.startswith("No")


def test_a_frame_without_its_columns_is_refused(result: CellResult) -> None:
    with pytest.raises(BadInput, match="code_errors"):
        replace(result, rows=result.rows.drop(columns="code_errors"))
    with pytest.raises(BadInput, match="quality lack"):
        replace(result, quality=result.quality.drop(columns="of"))
