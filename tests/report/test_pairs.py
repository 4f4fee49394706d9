from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ftbench.report.pairs import pairs_table, verdict
from ftbench.report.result import CellResult
from ftbench.statistics import Estimate

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
