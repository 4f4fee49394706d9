from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ftbench.report.pairs import pairs_table, verdict
from ftbench.report.tables import csv_text
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import CellResult, MetricInfo
from tests.report.printing import tables

Make = Callable[..., CellResult]


def test_clear_differences_and_a_clear_tie(many: Make) -> None:
    spread = np.linspace(28, 36, 40)
    wobble = np.tile([0.5, -0.5], 20)
    # PSNR: second is 2 dB better in every image, up to half a dB. Bits: one more error in every other
    # image and one less in the rest, so the mean difference is nought.
    first = many("1", spread, np.full(40, 2))
    second = many("2", spread + 2 + wobble, 2 + np.tile([1, -1], 20))
    frame = pairs_table([first, second]).frame
    assert list(frame["psnr_verdict"]) == ["lower"]
    assert list(frame["marked_raw_bit_accuracy_verdict"]) == ["tie"]
    psnr = frame["psnr_difference"].iloc[0].estimate
    assert psnr.value == pytest.approx(-2.0)
    assert psnr.n == 40
    # 0.5 dB around −2 in 40 images: the standard error is 0.08 dB.
    assert -2.25 < psnr.low < -2 < psnr.high < -1.75
    turned = pairs_table([second, first]).frame
    assert list(turned["psnr_verdict"]) == ["higher"]
    assert list(turned["ssim_verdict"]) == ["tie"]


def test_pairing_finds_what_the_spread_between_images_hides(many: Make) -> None:
    generator = np.random.default_rng(3)
    hard = generator.uniform(20, 45, 60)
    first, second = (
        many("1", hard + 0.3, np.zeros(60)),
        many("2", hard + generator.normal(0, 0.1, 60), np.zeros(60)),
    )
    assert list(pairs_table([first, second]).frame["psnr_verdict"]) == ["higher"]


def test_accuracy_is_a_share_of_each_codes_own_length(many: Make) -> None:
    psnr = np.full(10, 30.0)
    first, second = many("1", psnr, np.full(10, 2), bits=8), many("2", psnr, np.full(10, 2), bits=16)
    estimate = pairs_table([first, second]).frame["faceswap_raw_bit_accuracy_difference"].iloc[0].estimate
    assert estimate.value == pytest.approx((1 - 2 / 8) - (1 - 2 / 16))


def test_rows_are_joined_by_image_and_not_by_place(many: Make) -> None:
    psnr = np.linspace(25, 40, 20)
    first, second = many("1", psnr + 1, np.arange(20) % 5), many("2", psnr, np.arange(20) % 5)
    shuffled = replace(
        second,
        rows=second.rows.sample(frac=1, random_state=1),
        quality=second.quality.sample(frac=1, random_state=2),
    )
    frame = pairs_table([first, shuffled]).frame
    estimate = frame["psnr_difference"].iloc[0].estimate
    assert (estimate.low, estimate.high) == pytest.approx((1.0, 1.0))
    assert list(frame["marked_raw_bit_accuracy_verdict"]) == ["tie"]


def test_other_images_are_not_compared_but_named(many: Make) -> None:
    first, second = many("1", np.full(10, 30.0), np.zeros(10)), many("2", np.full(9, 30.0), np.zeros(9))
    table = pairs_table([first, second])
    assert table.frame.empty
    assert table.nothing == "No two settings could be compared."
    assert "set 1 and set 2 were not read on the same images and draws: not compared." in table.notes
    other_draw = replace(first, rows=first.rows.assign(draw=1), cell="3", label="set 3")
    assert pairs_table([first, other_draw]).frame.empty


def test_a_deepfake_that_one_side_did_not_meet_is_left_out(many: Make) -> None:
    first = many("1", np.full(10, 30.0), np.zeros(10))
    second = replace(first, cell="2", label="set 2", rows=first.rows[first.rows["simulator"] == "none"])
    frame = pairs_table([first, second]).frame
    assert list(frame["faceswap_raw_bit_accuracy_verdict"]) == ["—"]
    assert list(frame["marked_raw_bit_accuracy_verdict"]) == ["tie"]


def test_identical_pictures_drop_out_of_both_sides(many: Make) -> None:
    first, second = many("1", np.full(10, 30.0), np.zeros(10)), many("2", np.full(10, 29.0), np.zeros(10))
    infinite = replace(first, quality=first.quality.assign(psnr=[np.inf] * 3 + [30.0] * 7))
    estimate = pairs_table([infinite, second]).frame["psnr_difference"].iloc[0].estimate
    assert (estimate.value, estimate.n) == (pytest.approx(1.0), 7)
    all_infinite = replace(first, quality=first.quality.assign(psnr=np.inf))
    assert list(pairs_table([all_infinite, second]).frame["psnr_verdict"]) == ["—"]


def test_one_image_decides_nothing(many: Make) -> None:
    first, second = many("1", np.array([30.0]), np.array([0])), many("2", np.array([20.0]), np.array([8]))
    frame = pairs_table([first, second]).frame
    assert list(frame["psnr_verdict"]) == ["undecided"]


def test_every_pair_once(many: Make) -> None:
    cells = [many(str(number), np.full(4, 30.0), np.zeros(4)) for number in range(4)]
    frame = pairs_table(cells).frame
    expected = [("0", "1"), ("0", "2"), ("0", "3"), ("1", "2"), ("1", "3"), ("2", "3")]
    assert list(zip(frame["first_cell"], frame["second_cell"], strict=True)) == expected
    assert not pd.Series(frame["first"]).str.contains("STALLED").any()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.1, 0.2, "higher"), (-0.2, -0.1, "lower"), (-0.1, 0.1, "tie"), (0.0, 0.2, "tie"), (0.0, 0.0, "tie"),
     (float("nan"), 0.2, "undecided"), (0.1, float("inf"), "undecided")],
)  # fmt: skip
def test_verdict(low: float, high: float, said: str) -> None:
    assert verdict(Estimate((low + high) / 2, low, high, 10, "test")) == said


def test_verdict_of_nothing() -> None:
    assert verdict(None) == "—"


def seeded(made: CellResult, setting: str, seed: int, **more: str) -> CellResult:
    return replace(
        made,
        cell=f"{setting}-{seed}",
        label=f"{setting} seed {seed}",
        settings={"λ": setting, **more, "seed": str(seed)},
    )


def test_one_image_in_a_hundred_is_a_tie(many: Make) -> None:
    psnr, wrong = np.full(100, 30.0), np.zeros(100)
    first, second = many("1", psnr, wrong, bits=32), many("2", psnr, (np.arange(100) == 7).astype(int), bits=32)
    frame = pairs_table([first, second]).frame
    assert list(frame["marked_raw_bit_accuracy_verdict"]) == ["tie"]
    # 1 − 0.05^(1/100) = 2.95 % of images could read half their bits less, and none of the hundred show it.
    for results in ([first, second], [first, replace(first, cell="3")]):
        found = pairs_table(results).frame["marked_raw_bit_accuracy_difference"].iloc[0].estimate
        assert found.low < -0.014
        assert found.high > 0.014


def test_verdicts_are_corrected_for_all_comparisons_of_the_table(many: Make) -> None:
    """Seven of 40 images differ alike: p = 1/64 by itself, and one of 3 pairs × 4 measures here."""
    wrong = np.zeros(40)
    cells = [many(str(number), np.linspace(28, 36, 40), wrong) for number in range(2)]
    worse = many("worse", np.linspace(28, 36, 40), np.arange(40) < 7)
    table = pairs_table([*cells, worse])
    row = table.frame[(table.frame["first_cell"] == "0") & (table.frame["second_cell"] == "worse")].iloc[0]
    assert float(row["marked_raw_bit_accuracy_p"]) == 2.0**-6
    assert row["marked_raw_bit_accuracy_verdict"] == "higher?"
    # The interval is the comparison's own.
    assert row["marked_raw_bit_accuracy_difference"].estimate.low > 0
    assert any("Holm" in note and "comparisons, 12 in all" in note for note in table.notes)
    alone = pairs_table([cells[0], worse], metrics=()).frame
    assert list(alone["marked_raw_bit_accuracy_verdict"]) == ["higher"]
    assert "marked_raw_bit_accuracy_p" in csv_text(table).splitlines()[0].split(",")


def test_seeds_of_one_setting_are_no_two_methods(many: Make) -> None:
    spread = np.linspace(28, 36, 40)
    cells = [
        seeded(many(f"{setting}{seed}", spread + seed, np.zeros(40)), setting, seed)
        for setting in ("a", "b")
        for seed in (0, 1)
    ]
    table = pairs_table(cells)
    pairs = set(zip(table.frame["first_cell"], table.frame["second_cell"], strict=True))
    assert pairs == {("a-0", "b-0"), ("a-0", "b-1"), ("a-1", "b-0"), ("a-1", "b-1")}
    assert any("seed alone" in note for note in table.notes)


def test_the_table_says_that_it_compares_two_trainings(many: Make) -> None:
    table = pairs_table([many("1", np.full(10, 30.0), np.zeros(10)), many("2", np.full(10, 31.0), np.zeros(10))])
    assert "Trainings" in table.title
    assert any("these two trainings" in note for note in table.notes)
    assert [column.title for column in table.columns if column.key in ("first", "second")] == [
        "first training",
        "second training",
    ]


@pytest.mark.parametrize("images", [2, 5])
def test_so_few_images_decide_nothing(images: int, many: Make) -> None:
    first, second = (many(str(db), np.full(images, db), np.zeros(images)) for db in (30.0, 20.0))
    table = pairs_table([first, second])
    assert list(table.frame["psnr_verdict"]) == ["undecided"]
    assert "Undecided: of fewer than 6 images no outcome can tell a difference from chance." in table.notes


@pytest.mark.parametrize("columns", [{"target dB": "32"}, {"target dB": "30", "at dB": "32"}])
@pytest.mark.parametrize(("db", "off"), [(32.16, True), (32.0, False), (32.04, False)])
def test_a_psnr_that_is_not_the_asked_one_is_said_in_the_row(
    columns: dict[str, str], db: float, off: bool, many: Make
) -> None:
    first, second = (
        seeded(many(str(reached), np.full(10, reached), np.zeros(10)), f"at {reached}", 0, **columns)
        for reached in (db, 32.0)
    )
    made = tables([first, second])
    main, pairs, overview = made["main"][1], made["pairs"][0], made["overview"][0]
    assert any("not of equal quality" in note for note in overview.notes) == off
    assert (list(main.frame.get("reached_db", [])) == ["32.16, asked 32.00", ""]) == off
    assert pairs.frame["first"].iloc[0].endswith("(reached 32.16 dB)") == off
    assert "reached" not in pairs.frame["second"].iloc[0]


@pytest.mark.parametrize(
    "columns", [{"target FLIP": "0.06"}, {"target FLIP": "0.1", "at dB": "own", "at FLIP": "0.06"}]
)
def test_a_flip_that_is_not_the_asked_one_is_said_in_the_row(columns: dict[str, str], many: Make) -> None:
    cells = [
        seeded(many(str(mean), np.full(10, 30.0), np.zeros(10)), f"at {mean}", 0, **columns) for mean in (0.055, 0.06)
    ]
    cells = [
        replace(cell, quality=cell.quality.assign(flip=mean)) for cell, mean in zip(cells, (0.055, 0.06), strict=True)
    ]
    made = tables(cells, [MetricInfo("flip", "", 3, False)])
    assert list(made["main"][1].frame["reached_db"]) == ["FLIP 0.0550, asked FLIP 0.0600", ""]
    assert made["pairs"][0].frame["first"].iloc[0].endswith("(reached FLIP 0.0550)")
    # Held equal, so that neither is the better one for its FLIP.
    flips = made["quality"][1].frame.query("metric == 'flip'")
    assert set(flips["mark"]) == {""}
