"""Intervals and corrections against statsmodels, and the many-at-once forms against scipy set by set."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from ftbench.statistics.detection import capacity, false_positive_rate, p_value
from ftbench.statistics.estimates import (
    clustered_rates,
    difference_over_images,
    differences_over_images,
    mean_over_images,
    mean_over_seeds,
    means_over_images,
    wilson,
    worst_rate,
)
from ftbench.statistics.significance import holm


@pytest.mark.parametrize(("right", "of"), [(0, 20), (1, 20), (10, 20), (97, 100), (100, 100), (499, 500)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_wilson(right: int, of: int, confidence: float) -> None:
    found = wilson(right, of, confidence)
    expected = proportion_confint(right, of, 1 - confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)


def test_holm() -> None:
    p_values = list(np.random.default_rng(0).random(40) ** 4)
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))
    # Looked at some of a family alone: as if the others were less sure.
    few = sorted(p_values)[:5]
    assert holm(few, 40) == pytest.approx(list(multipletests([*few, *[1.0] * 35], method="holm")[1][:5]))


def test_exact_rates() -> None:
    for bits in (1, 8, 30, 64):
        found = [false_positive_rate(bits, matches) for matches in range(bits + 1)]
        assert found == pytest.approx(list(stats.binom.sf(np.arange(bits + 1) - 1, bits, 0.5)), rel=1e-9)
        assert list(p_value(np.arange(bits + 1), bits)) == pytest.approx(found, rel=1e-9)


def test_capacity_is_one_minus_the_entropy() -> None:
    assert capacity(30, 0.11) == pytest.approx(30 * (1 - stats.entropy([0.11, 0.89], base=2)))


@pytest.mark.parametrize("images", [5, 40, 3000])
def test_many_bootstraps_are_those_of_scipy_set_by_set(images: int) -> None:
    rng = np.random.default_rng(1)
    sets = [
        rng.normal(30, 2, images),
        rng.exponential(1.0, images),
        rng.random(images) ** 8,
        rng.binomial(8, 0.9, images) / 8,
    ]
    together = means_over_images(sets)
    for sample, found in zip(sets, together, strict=True):
        alone = mean_over_images(sample)
        assert (found.value, found.n) == (alone.value, alone.n)
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-12)
        wide = 2 * stats.norm.cdf(math.sqrt(images / (images - 1)) * stats.t.ppf(0.975, images - 1)) - 1
        interval = stats.bootstrap(
            ((sample - sample.mean()) / np.ptp(sample),), np.mean, confidence_level=wide, n_resamples=2000,
            batch=100, method="BCa", rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
        ends = [sample.mean() + np.ptp(sample) * end for end in interval]
        # Means that tie with the sample's are counted by halves here, and by rounding there: of rates many do.
        near = (2e-2 if images < 10 else 2e-3) * np.ptp(sample) / math.sqrt(images)
        tied = 1 / (8 * images) if len(np.unique(sample)) < 10 else 0.0
        assert [found.low, found.high] == pytest.approx(ends, abs=max(near, 1.01 * tied))


def test_rates_on_a_grid_are_bootstrapped_as_other_values_are() -> None:
    rng = np.random.default_rng(3)
    rates = rng.binomial(32, 0.9, (20, 400)) / 32
    # So far off the grid that nothing is taken for whole steps.
    beside = rates + rng.uniform(-1e-6, 1e-6, rates.shape)
    for found, other in zip(means_over_images(rates), means_over_images(beside), strict=True):
        assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=1.1 / (32 * 400))


def test_many_differences_are_those_of_each() -> None:
    rng = np.random.default_rng(2)
    sets = [rng.normal(0.1, 1, 50), np.zeros(50), rng.integers(-1, 2, 50) / 8, rng.normal(0, 1, 7)]
    for found, one in zip(differences_over_images(sets, reach=0.5), sets, strict=True):
        alone = difference_over_images(one, reach=0.5)
        assert (found.value, found.n) == (alone.value, alone.n)
        # What is added up together is added up in another order.
        assert found.p == pytest.approx(alone.p, rel=1e-12)
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-12)


def test_a_mean_over_seeds_holds_student_s_interval() -> None:
    values = [0.91, 0.95, 0.93]
    images = clustered_rates([[93.0] * 100], [[100.0] * 100])[0]
    found = mean_over_seeds(images, values)
    expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert found.low <= expected[0]
    assert found.high >= expected[1]
    with pytest.raises(ValueError, match="two seeds"):
        mean_over_seeds(images, [0.9])


def test_the_worst_of_one_is_itself_and_of_several_is_wider() -> None:
    rng = np.random.default_rng(3)
    right, trials = rng.binomial(8, 0.9, (6, 60)).astype(float), np.full((6, 60), 8.0)
    each = clustered_rates(right, trials)
    assert worst_rate(right[:1], trials[:1]) == (0, each[0])
    place, found = worst_rate(right, trials)
    assert found.value == min(one.value for one in each) == each[place].value
    assert found.low == min(one.low for one in each)
    assert found.high > each[place].high
