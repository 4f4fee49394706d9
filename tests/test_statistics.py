"""Intervals against scipy, against simulated coverage, and tests against the exact binomial."""

from __future__ import annotations

import dataclasses
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from ftbench.statistics.detection import weighted_tail
from ftbench.statistics.estimates import (
    Estimate,
    capacity,
    clustered_rate,
    mean_over_images,
    p_value,
    paired_difference,
    smallest_match,
    unseen_share,
    wilson,
)


def covers(estimate, truth):
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 50), (7, 50), (49, 50), (50, 50), (2731, 2824)])
def test_wilson_is_scipys(successes, trials, confidence):
    estimate = wilson(successes, trials, confidence)
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert estimate.value == successes / trials
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert covers(estimate, estimate.value)
    assert estimate.n == trials


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (0, 0), (-1, 5), (6, 5), (math.nan, 5), (1, math.inf)])
def test_wilson_refuses_what_is_no_rate(successes, trials):
    with pytest.raises(ValueError, match="no rate"):
        wilson(successes, trials)


@pytest.mark.parametrize("right", [0, 1, 20, 37, 40])
def test_a_rate_of_one_trial_an_image_is_plain_wilson(right):
    words = np.arange(40) < right
    plain, clustered = wilson(right, 40), clustered_rate(words, np.ones(40))
    assert dataclasses.astuple(clustered)[:4] == pytest.approx(dataclasses.astuple(plain)[:4], abs=1e-12)


@pytest.mark.parametrize("right", [0, 20, 37, 40])
def test_trials_that_all_agree_count_once_an_image(right):
    words = 60 * (np.arange(40) < right)
    assert clustered_rate(words, np.full(40, 60)).low == pytest.approx(wilson(right, 40).low, abs=1e-12)
    assert clustered_rate(words, np.full(40, 60)).high == pytest.approx(wilson(right, 40).high, abs=1e-12)


def test_trials_of_images_with_one_common_rate_count_in_full():
    estimate, plain = clustered_rate(np.full(400, 45), np.full(400, 60)), wilson(18_000, 24_000)
    assert (estimate.low, estimate.high) == pytest.approx((plain.low, plain.high), abs=1e-12)
    assert estimate.n == 400


def test_a_single_image_says_so_and_counts_once():
    estimate = clustered_rate([54], [60])
    assert estimate.method == "wilson, one image"
    assert estimate.high - estimate.low == pytest.approx(wilson(0.9, 1).high - wilson(0.9, 1).low)
    assert clustered_rate([60], [60]).low == pytest.approx(wilson(1, 1).low)


def test_images_without_trials_change_nothing():
    assert clustered_rate([3, 0, 5], [4, 0, 6]) == clustered_rate([3, 5], [4, 6])


def test_unequal_images_that_agree_count_less_than_their_number():
    """Kish's effective number: 60² / (10² + 20² + 30²) = 2.57 of 3 images."""
    estimate = clustered_rate([10, 20, 30], [10, 20, 30])
    assert estimate.low == pytest.approx(wilson(18 / 7, 18 / 7).low, abs=1e-12)
    assert estimate.n == 3


@pytest.mark.parametrize(
    ("successes", "trials"),
    [([1, 2], [2]), ([[1]], [[2]]), ([3], [2]), ([-1], [2]), ([0], [0]), ([], []), ([math.nan], [2])],
)
def test_a_clustered_rate_refuses_bad_counts(successes, trials):
    with pytest.raises(ValueError, match="image"):
        clustered_rate(successes, trials)


@pytest.mark.parametrize("agreement", [0.02, 0.2, 0.8])
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("images", [20, 92])
def test_the_clustered_interval_covers_the_rate(images, rate, agreement):
    """Beta-binomial images of 60 trials with an intra-image correlation; plain Wilson fails this widely."""
    rng = np.random.default_rng(7)
    concentration = (1 - agreement) / agreement
    chances = rng.beta(rate * concentration, (1 - rate) * concentration, (500, images))
    right = rng.binomial(60, chances)
    trials = np.full(images, 60)
    share = np.mean([covers(clustered_rate(row, trials), rate) for row in right])
    assert 0.90 <= share <= 0.99
    naive = np.mean([covers(wilson(row.sum(), trials.sum()), rate) for row in right])
    assert naive < share


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.99])
def test_the_clustered_interval_of_independent_trials_is_nearly_the_plain_one_or_the_unseen_images(rate):
    rng = np.random.default_rng(8)
    right = rng.binomial(60, rate, (200, 92))
    clustered = [clustered_rate(row, np.full(92, 60)) for row in right]
    plain = [wilson(row.sum(), 92 * 60) for row in right]
    below, above = (
        [np.mean([side(one) for one in many]) for many in (clustered, plain)]
        for side in (lambda one: one.value - one.low, lambda one: one.high - one.value)
    )
    # 1 - 0.05^(1/92) = 3.2 % of images may be of a kind that none of the 92 is.
    assert 0.99 * below[1] <= below[0] <= max(1.15 * below[1], 0.0321 * (rate - 0.5) + 0.0005)
    assert 0.99 * above[1] <= above[0] <= max(1.15 * above[1], 0.0321 * (1 - rate) + 0.0005)


# Of 1 % of images nothing is read, and hardly an error else. The figures before: 0.18, 0.37, 0.62.
@pytest.mark.parametrize("images", [20, 50, 100])
def test_the_interval_of_a_rate_covers_failures_too_rare_to_be_drawn(images):
    rng = np.random.default_rng(21)
    chances = np.where(rng.random((400, images)) < 0.01, 0.5, 0.999)
    right = rng.binomial(480, chances)
    share = np.mean([covers(clustered_rate(row, np.full(images, 480)), 0.01 * 0.5 + 0.99 * 0.999) for row in right])
    assert share >= 0.93


def test_the_unseen_share_is_the_rule_of_three():
    """A share that large is missed by so many images with a chance of exactly 5 %."""
    assert unseen_share(100) == pytest.approx(0.0295, abs=5e-5)
    for images in (6, 100, 5000):
        assert (1 - unseen_share(images)) ** images == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize(
    ("images", "draw", "mean"),
    [
        (10, lambda rng, n: rng.normal(30, 2, n), 30),
        (50, lambda rng, n: rng.normal(30, 2, n), 30),
        (50, lambda rng, n: rng.exponential(1, n), 1),
        (200, lambda rng, n: rng.lognormal(0, 0.5, n), math.exp(0.125)),
    ],
)
def test_the_bootstrap_interval_covers_the_mean(images, draw, mean):
    rng = np.random.default_rng(9)
    share = np.mean([covers(mean_over_images(draw(rng, images)), mean) for _ in range(300)])
    assert 0.90 <= share <= 0.985


def test_the_bootstrap_interval_is_students_where_both_hold():
    values = np.random.default_rng(10).normal(30, 2, 1000)
    estimate = mean_over_images(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert estimate.value == values.mean()
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert (estimate.n, estimate.method) == (1000, "bootstrap")


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e150])
def test_the_interval_follows_the_unit_of_the_values(scale):
    values = np.random.default_rng(11).exponential(1, 30)
    plain, scaled = mean_over_images(values), mean_over_images(values * scale)
    assert (scaled.low / scale, scaled.high / scale) == pytest.approx((plain.low, plain.high), rel=1e-9)
    shifted = mean_over_images(values + 5)
    assert (shifted.low - 5, shifted.high - 5) == pytest.approx((plain.low, plain.high), abs=1e-9)


def test_the_same_values_give_the_same_interval_whatever_else_was_drawn():
    values = np.random.default_rng(12).normal(size=40)
    first = mean_over_images(values)
    np.random.default_rng().normal(size=5)
    assert mean_over_images(values) == first


@pytest.mark.parametrize("values", [[0.1] * 3, [31.5] * 200, [0.0, 0.0]])
def test_equal_values_have_an_interval_without_width(values):
    assert mean_over_images(values) == Estimate(values[0], values[0], values[0], len(values), "bootstrap")


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.0] * 99 + [1.0], [0.1, 0.1, 0.1 + 2e-17], [1.0, 1.0 + 2e-16]])
def test_awkward_values_give_a_finite_interval_about_their_mean(values):
    estimate = mean_over_images(values)
    assert math.isfinite(estimate.low)
    assert math.isfinite(estimate.high)
    assert covers(estimate, estimate.value)
    assert min(values) <= estimate.low
    assert estimate.high <= max(values)


def test_one_image_has_no_interval_and_says_so():
    assert mean_over_images([30.5]) == Estimate(30.5, -math.inf, math.inf, 1, "one image")
    assert paired_difference([3.0], [1.0]) == Estimate(2.0, -math.inf, math.inf, 1, "one image")


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]], [1.0, math.inf], [1.0, math.nan]])
def test_a_mean_refuses_what_has_none(values):
    with pytest.raises(ValueError, match="image"):
        mean_over_images(values)


@pytest.mark.parametrize(
    ("bits", "fpr", "threshold"),
    [
        *((30, fpr, m) for fpr, m in ((1e-2, 22), (1e-3, 24), (1e-6, 28))),
        *((64, fpr, m) for fpr, m in ((1e-2, 42), (1e-3, 45), (1e-6, 51))),
        *((128, fpr, m) for fpr, m in ((1e-2, 78), (1e-3, 82), (1e-6, 92))),
    ],
)
def test_published_thresholds(bits, fpr, threshold):
    assert smallest_match(bits, fpr) == threshold


def test_a_threshold_below_the_floor_of_the_bits_does_not_exist():
    assert smallest_match(15, 1e-6) is None
    assert smallest_match(20, 1e-6) == 20
    for bits in (1, 15, 30, 64):
        assert smallest_match(bits, 2.0**-bits) == bits
        assert smallest_match(bits, math.nextafter(2.0**-bits, 0)) is None


@pytest.mark.parametrize("bits", [1, 8, 15, 100, 256])
def test_the_threshold_is_the_smallest_by_the_binomial_tail(bits):
    for fpr in (0.5, 0.3, 1e-2, 1e-3, 1e-6):
        threshold = smallest_match(bits, fpr)
        tails = stats.binom.sf(np.arange(-1, bits), bits, 0.5)
        allowed = np.flatnonzero(tails <= fpr * (1 + 1e-12))
        assert threshold == (int(allowed[0]) if allowed.size else None)
    assert smallest_match(bits, 1.0) == 0


def test_p_values_are_the_share_of_all_payloads_that_match_as_well():
    """Every 10-bit reading counted against one payload."""
    matches = np.array([sum(word) for word in itertools.product((0, 1), repeat=10)])
    expected = [(matches >= m).mean() for m in range(11)]
    np.testing.assert_allclose(p_value(np.arange(11), 10), expected, rtol=1e-12)
    np.testing.assert_allclose(p_value(10, 10, registered=50), 50 / 1024, rtol=1e-12)
    assert p_value(6, 10, registered=50) == 1.0
    assert p_value(np.full((2, 3), 9), 10).shape == (2, 3)


def test_a_threshold_and_its_p_value_agree():
    for bits, fpr in ((30, 1e-6), (64, 1e-3), (128, 1e-2)):
        threshold = smallest_match(bits, fpr)
        at, below = p_value([threshold, threshold - 1], bits)
        assert at <= fpr < below


@pytest.mark.parametrize("weights", [(1, 2, 3, 4, 5, 6), (1, 1, 1, 1), (0, 7, 7, 2, 5)])
def test_the_tail_of_weighted_matches_is_counted_over_all_payloads(weights):
    found = np.array([np.dot(word, weights) for word in itertools.product((0, 1), repeat=len(weights))])
    expected = [(found >= w).mean() for w in range(sum(weights) + 1)]
    np.testing.assert_allclose(weighted_tail(weights), expected, rtol=1e-12)


def test_the_tail_of_ranks_is_wilcoxons_and_that_of_ones_the_binomial():
    for bits in (5, 16, 32):
        draw = np.random.default_rng(bits)
        values = draw.permutation(np.arange(1, bits + 1)) * draw.choice([-1, 1], bits)
        wanted = stats.wilcoxon(values, alternative="greater", method="exact")
        got = weighted_tail(tuple(range(1, bits + 1)))[int(values[values > 0].sum())]
        assert got == pytest.approx(wanted.pvalue, rel=1e-12)
        np.testing.assert_allclose(weighted_tail((1,) * bits), p_value(np.arange(bits + 1), bits), rtol=1e-12)
    # All of 256 bits: far below what a sum of float64 keeps apart near 1.
    assert weighted_tail((1,) * 256)[-1] == 2.0**-256


@pytest.mark.parametrize("weights", [(), (1, -1)])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="weights of bits"):
        weighted_tail(weights)


def test_capacity():
    assert capacity(15, 0.0) == capacity(15, 1.0) == 15
    assert capacity(15, 0.5) == pytest.approx(0, abs=1e-12)
    assert capacity(100, 0.11) == pytest.approx(50.0, abs=0.02)
    for ber in (0.01, 0.2, 0.37):
        assert capacity(64, ber) == pytest.approx(64 * (1 - stats.entropy([ber, 1 - ber], base=2)))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (smallest_match, (0, 0.01)),
        (smallest_match, (15, 0.0)),
        (smallest_match, (15, 1.5)),
        (p_value, (16, 15)),
        (p_value, (-1, 15)),
        (p_value, (5, 15, 0)),
        (capacity, (0, 0.1)),
        (capacity, (15, 1.1)),
        (capacity, (15, math.nan)),
    ],
)
def test_impossible_questions_are_refused(function, arguments):
    with pytest.raises(ValueError, match=r"threshold|matches|capacity"):
        function(*arguments)


def test_statistics_need_no_torch():
    script = "import sys, ftbench.statistics.estimates; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
