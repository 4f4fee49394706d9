"""The sign-flip test against every pattern counted and against scipy's, and Holm's correction by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from ftbench.statistics.significance import EXACT, FEWEST, holm, sign_flip, sign_flips


@pytest.mark.parametrize("number", [1, 5, 9])
def test_few_differences_are_counted_exactly(number):
    differences = np.random.default_rng(1).normal(0.5, 1, number)
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=number)]
    expected = np.mean([one >= abs(differences.sum()) - 1e-12 for one in sums])
    assert sign_flip(differences) == expected
    assert sign_flip(np.concatenate([np.zeros(90), differences])) == expected
    assert sign_flip(-differences) == expected


def test_equal_sizes_are_the_sign_test():
    for wins, losses in ((8, 0), (7, 1), (9, 4), (16, 4), (25, 10)):
        differences = np.r_[np.full(wins, 1 / 32), np.full(losses, -1 / 32)]
        assert sign_flip(differences) == pytest.approx(stats.binomtest(wins, wins + losses).pvalue, rel=0.1)


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.7, 1.2])
def test_many_differences_are_nearly_exact(shift):
    differences = np.random.default_rng(2).normal(shift, 1, EXACT + 4)
    sums = np.zeros(1)
    for one in differences:
        sums = np.r_[sums + one, sums - one]
    expected = np.mean(np.abs(sums) >= abs(differences.sum()) - 1e-12)
    assert sign_flip(differences) == pytest.approx(expected, rel=0.15, abs=0.01)


def test_a_thousand_images_are_students():
    differences = np.random.default_rng(3).normal(0.09, 1, 1000)
    assert sign_flip(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, rel=0.05)


@pytest.mark.parametrize("images", [16, 300])
def test_many_at_once_are_those_of_scipy_one_by_one(images):
    rng = np.random.default_rng(5)
    spread = rng.normal(0.15, 1, images)
    sets = np.stack([
        spread,
        rng.binomial(8, 0.9, images) / 8 - rng.binomial(8, 0.85, images) / 8,
        np.where(rng.random(images) < 0.5, spread, 0.0),
        np.r_[np.ones(3), np.zeros(images - 3)],
        np.zeros(images),
    ])  # fmt: skip
    found = sign_flips(np.concatenate([sets] * 20))
    for p, differences in zip(found, np.concatenate([sets] * 20), strict=True):
        assert p == pytest.approx(sign_flip(differences), rel=1e-9)
    for p, differences in zip(found, sets, strict=False):
        counted = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=20_000, vectorized=True, rng=rng
        ).pvalue
        assert p == pytest.approx(counted, abs=0.02)


def test_the_more_agree_the_surer_it_is_however_unlike_their_sizes_are():
    sizes = 10.0 ** np.linspace(0, -6, 24)
    against = [np.where(np.arange(24) >= agreeing, -sizes, sizes) for agreeing in range(12, 25)]
    p_values = sign_flips(np.stack(against))
    assert (np.diff(p_values) < 0).all()
    assert p_values[-1] == 2.0**-23


def test_no_difference_and_all_of_one_sign():
    assert sign_flip(np.zeros(100)) == 1.0
    assert sign_flip(np.full(40, 2.0)) == 2.0**-39
    assert 2.0 ** (1 - FEWEST) <= 0.05 < 2.0 ** (2 - FEWEST)


@pytest.mark.parametrize("scale", [1e-200, 1e150])
@pytest.mark.parametrize("number", [8, 60])
def test_the_unit_does_not_matter(scale, number):
    differences = np.random.default_rng(4).normal(0.4, 1, number)
    assert sign_flip(differences * scale) == pytest.approx(sign_flip(differences), rel=1e-6)


def test_holm_by_hand():
    assert holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
