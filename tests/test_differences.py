"""Differences between two methods: against scipy, against simulated coverage and error of the first kind."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ftbench.statistics import difference_over_seeds, mean_over_images, paired_difference


def covers(estimate, truth):
    return estimate.low <= truth <= estimate.high


def test_pairing_finds_a_difference_that_the_images_spread_hides():
    rng = np.random.default_rng(13)
    difficulty = rng.normal(30, 4, 60)
    a, b = difficulty + 0.5 + rng.normal(0, 0.2, 60), difficulty + rng.normal(0, 0.2, 60)
    paired = paired_difference(a, b)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (paired.low, paired.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert paired.low > 0
    assert mean_over_images(a).low < mean_over_images(b).high
    assert paired.method == "paired bootstrap"
    opposite = paired_difference(b, a)
    assert (opposite.value, opposite.low) == pytest.approx((-paired.value, -paired.high), abs=0.02)


@pytest.mark.parametrize("images", [60, 99, 100, 200])
@pytest.mark.parametrize("differing", [1, 2, 3, 5])
@pytest.mark.parametrize("turned", [1, -1])
def test_a_few_images_that_differ_alike_tell_nothing(images, differing, turned):
    """Five of one sign are as rare as 1 in 16. An end that is nought but for rounding must not decide."""
    a = np.ones(images)
    b = a - turned * (np.arange(images) < differing) / 32
    for reach in (None, 0.0, 0.5, 1.0):
        estimate = paired_difference(a, b, reach=reach)
        assert estimate.low <= 0 <= estimate.high
        assert estimate.p == pytest.approx(2.0 ** (1 - differing))


def test_eight_images_that_differ_alike_decide():
    a, b = np.ones(100), 1 - (np.arange(100) < 8) / 32
    higher, lower = paired_difference(a, b, reach=0.5), paired_difference(b, a, reach=0.5)
    assert higher.p == lower.p == 2.0**-7
    assert 0 < higher.low < higher.value
    assert lower.high < 0


def test_rounding_is_no_difference():
    a = np.linspace(29, 31, 100)
    estimate = paired_difference(a, a + np.linspace(1e-9, 5e-6, 100))
    assert (estimate.value, estimate.low, estimate.high, estimate.p) == (0, 0, 0, 1)


def test_equal_rates_leave_room_for_images_that_were_not_drawn():
    ones = np.ones(100)
    for reach, room in ((None, 0.0295), (1.0, 0.0295), (0.5, 0.01475)):
        estimate = paired_difference(ones, ones, reach=reach)
        assert (estimate.low, estimate.high) == pytest.approx((-room, room), abs=5e-5)
    decibels = paired_difference(30 * ones, 30 * ones)
    assert (decibels.low, decibels.high) == (0, 0)


# The second fails on 1 % of images, altogether or by one bit of 32. The figures before: 0.19, 0.38, 0.60.
@pytest.mark.parametrize("failure", [0.5, 1 / 32])
@pytest.mark.parametrize("images", [20, 50, 100])
def test_the_interval_of_a_difference_covers_a_rare_failure_of_one_side(images, failure):
    rng = np.random.default_rng(22)
    failed = rng.random((300, images)) < 0.01
    share = np.mean([covers(paired_difference(np.ones(images), 1 - row * failure), 0.01 * failure) for row in failed])
    assert share >= 0.95


# Two alike methods. The figures before: 0.45 of verdicts at 100 images where 1 % fail, 0.10 to 0.19 else.
@pytest.mark.parametrize("draw", ["one bit of 32 in 1 % of images", "uneven, 99.9 %", "uneven, 99 %"])
@pytest.mark.parametrize("images", [20, 100])
def test_equal_methods_are_seldom_called_different(images, draw):
    rng = np.random.default_rng(23)

    def read():
        if "of 32" in draw:
            return 1 - (rng.random(images) < 0.01) / 32
        rate = 0.999 if "99.9" in draw else 0.99
        bits = 30 if "99.9" in draw else 128
        return rng.binomial(bits, rng.beta(rate * 7 / 3, (1 - rate) * 7 / 3, images)) / bits

    called = [not covers(paired_difference(read(), read(), reach=0.5), 0) for _ in range(300)]
    # 5 %, and two and a half standard errors of so many repeats.
    assert np.mean(called) <= 0.082


def test_a_difference_over_seeds_is_students_where_images_agree():
    """Differences of 1, 2 and 3 points in three seeds, alike in every image."""
    a, b = np.full((3, 50), 0.9) + np.array([[0.01], [0.02], [0.03]]), np.full((3, 50), 0.9)
    expected = stats.ttest_1samp([0.01, 0.02, 0.03], 0)
    paired = difference_over_seeds(a, b, paired=True)
    assert paired.value == pytest.approx(0.02)
    assert paired.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    # A p-value of 7 %: the interval holds 0.
    assert (paired.low, paired.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    apart = difference_over_seeds(a, b + np.array([[0.0], [0.001], [-0.001]]), paired=False)
    assert apart.p == pytest.approx(stats.ttest_ind([0.91, 0.92, 0.93], [0.9, 0.901, 0.899], equal_var=False).pvalue)


def test_alike_methods_whose_seeds_differ_are_seldom_called_different():
    """Seeds 5 points apart: one training of each is called different nearly always, three seldom."""
    rng = np.random.default_rng(24)
    single, several = [], []
    for _ in range(150):
        a, b = (0.9 + rng.normal(0, 0.05, (3, 1)) + rng.normal(0, 0.02, (3, 60)) for _ in range(2))
        single.append(not covers(paired_difference(a[0], b[0], reach=0.5), 0))
        several.append(not covers(difference_over_seeds(a, b, paired=True, reach=0.5), 0))
    assert np.mean(single) > 0.5
    assert np.mean(several) <= 0.1


@pytest.mark.parametrize("shape", [(1, 5), (5,), (2, 4)])
def test_a_difference_over_seeds_refuses_one_seed_and_other_images(shape):
    with pytest.raises(ValueError, match="seeds"):
        difference_over_seeds(np.zeros(shape), np.zeros((2, 5)), paired=False)


@pytest.mark.parametrize(("a", "b"), [([1.0, 2.0], [1.0]), ([1.0], [[1.0]]), ([math.inf, 1], [math.inf, 1]), ([], [])])
def test_a_paired_difference_refuses_what_is_no_pair(a, b):
    with pytest.raises(ValueError, match=r"pairs|image"):
        paired_difference(a, b)
