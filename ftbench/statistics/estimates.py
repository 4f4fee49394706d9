"""Numbers that can be believed: estimates with intervals.

Images are the units that were sampled. Bits and payload draws of one image stand or fall together, so
intervals always widen to what the images, not the bits, can tell. Intervals are at 95 % unless told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ftbench.statistics.bootstrap import bca

# What users import from here since it stood here.
from ftbench.statistics.detection import capacity, p_value, smallest_match  # noqa: F401
from ftbench.statistics.significance import sign_flips

SETS_AT_ONCE = 500
"""Sets that are bootstrapped together: what memory may hold of their resamples; the result does not hang on it."""
ROUNDING = 1e-6
"""Relative: what two values may lie apart and still be the same, taken in float32 as the metrics are."""


@dataclass(frozen=True)
class Estimate:
    """A value, its interval, the number of images behind it, and how the interval was made."""

    value: float
    low: float
    high: float
    n: int
    method: str
    p: float | None = None
    """Of a difference: the chance of one as large between two that are alike (``ftbench.statistics.significance``)."""


def wilson(successes: float, trials: float, confidence: float = 0.95) -> Estimate:
    """Rate of independent trials, one an image, with Wilson's score interval (JASA 22, 1927).

    (p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n). Trials need not be whole: an effective number will
    do. Raises ValueError unless 0 <= successes <= trials and trials > 0.

    >>> found = wilson(97, 100)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.97, 0.915, 0.99)
    """
    if not (0 <= successes <= trials and 0 < trials < math.inf):
        raise ValueError(f"{successes} successes in {trials} trials are no rate")
    rate = successes / trials
    squared = _z(confidence) ** 2 / trials
    centre = (rate + squared / 2) / (1 + squared)
    half = math.sqrt(squared * (rate * (1 - rate) + squared / 4)) / (1 + squared)
    # The ends are exact at 0 and 1, which rounding would miss by an ulp.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Estimate(rate, low, high, math.floor(trials), "wilson")


@lru_cache
def unseen_share(images: float, confidence: float = 0.95) -> float:
    """The largest share of images of a kind that so many images might not have shown: 1 - (1 - confidence)^(1/n).

    The exact form of the "rule of three", 3/n at 95 % (Hanley and Lippman-Hand, JAMA 249, 1983).
    """
    return -math.expm1(math.log1p(-confidence) / images)


def clustered_rate(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95, *, chance: float = 0.5
) -> Estimate:
    """``clustered_rates`` of one set: ``successes`` and ``trials`` (images,)."""
    right, tried = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if right.ndim != 1 or right.shape != tried.shape:
        raise ValueError(f"successes {right.shape} and trials {tried.shape} must both be one number an image")
    return clustered_rates(right[None], tried[None], confidence, chance=chance)[0]


def clustered_rates(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95, *, chance: float = 0.5
) -> list[Estimate]:
    """Rates whose trials come in clusters: ``successes`` and ``trials`` (sets, images), such as right bits of k.

    The rate is Σs/Σt. Its variance is that of a ratio over N clusters, N/(N-1) · Σ(s - p·t)² / (Σt)². The
    independent trials worth as much, p(1-p)/variance, are lowered by (z/t)² because a variance seen in few
    clusters may be far off (Korn and Graubard, Survey Methodology 24, 1998). t is Student's quantile with as
    many degrees of freedom as images hold the rarer outcome, N-1 at most: at rates near 0 or 1 these alone
    tell how the trials of an image agree (a rule of this project, its coverage simulated in the tests). The
    result is kept between (Σt)²/Σt², the number of images (all trials of an image agreeing), and Σt (all
    independent), and goes into Wilson's interval.

    When every trial succeeds or none does, nothing tells how the trials of an image agree; then they count
    as one, the most careful choice. The same with one image, whose method reads ``wilson, one image``.

    Images that fail altogether may be too rare to have been drawn, and then no variance shows them. So the
    interval holds at least what the rate would be if ``unseen_share`` of all images were read as if by chance
    (``chance``: 0.5 for bits, 0 for words), or all right.

    Images without trials are left out. The others should have about as many trials each: one image with
    most of the trials hides its own error from the variance.

    Raises ValueError for other shapes, a set without trials, or successes outside 0..trials.
    """
    right, tried = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if right.ndim != 2 or right.shape != tried.shape:
        raise ValueError(f"successes {right.shape} and trials {tried.shape} must both be (sets, images)")
    total = tried.sum(axis=1)
    if not (np.isfinite(tried).all() and (right >= 0).all() and (right <= tried).all() and (total > 0).all()):
        raise ValueError("every image needs 0 <= successes <= trials, and one of them a trial")
    images = (tried > 0).sum(axis=1)
    rates = right.sum(axis=1) / total
    fewest = total**2 / np.square(tried).sum(axis=1)
    rarer = np.minimum((right > 0).sum(axis=1), (right < tried).sum(axis=1))
    spread = np.square(right - rates[:, None] * tried).sum(axis=1) / total**2
    told = (images > 1) & (rarer > 0)
    freedom = np.where(told, np.minimum(rarer, images - 1), 1)
    shrink = np.square(_z(confidence) / scipy.special.stdtrit(freedom, (1 + confidence) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = shrink * rates * (1 - rates) / (spread * images / (images - 1))
    # Images that all show the same rate have no variance: their trials count in full.
    worth = np.where(spread > 0, worth, total)
    effective = np.where(told, np.minimum(np.maximum(worth, fewest), total), fewest)
    return [
        _clustered(float(rate), float(trials_worth), int(n), unseen_share(float(least), confidence), confidence, chance)
        for rate, trials_worth, n, least in zip(rates, effective, images, fewest, strict=True)
    ]


def _clustered(rate: float, effective: float, images: int, unseen: float, confidence: float, chance: float) -> Estimate:
    seen = wilson(rate * effective, effective, confidence)
    if images == 1:
        return replace(seen, value=rate, n=images, method="wilson, one image")
    low = min(seen.low, rate - unseen * max(0.0, rate - chance))
    high = max(seen.high, rate + unseen * (1 - rate))
    return Estimate(rate, low, high, images, "wilson, clustered")


def worst_rate(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95, *, chance: float = 0.5
) -> tuple[int, Estimate]:
    """The lowest of several rates of the same images, (sets, images): its place, with an interval of the true lowest.

    The one that came out lowest was chosen because it did, and is too low by chance. The interval knows it: below it is
    the lowest of all lower ends, since whichever rate is truly lowest is above its own; above it the lowest of upper
    ends that hold for all rates together (Bonferroni), since any of them may have been chosen.
    """
    right, tried = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    each = clustered_rates(right, tried, confidence, chance=chance)
    if len(each) == 1:
        return 0, each[0]
    together = clustered_rates(right, tried, 1 - (1 - confidence) / len(each), chance=chance)
    place = min(range(len(each)), key=lambda index: each[index].value)
    low, high = min(one.low for one in each), min(one.high for one in together)
    return place, replace(each[place], low=low, high=high, method=f"wilson, clustered, worst of {len(each)}")


def mean_over_images(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """``means_over_images`` of one set (images,)."""
    return means_over_images([values], confidence)[0]


def means_over_images(sets: Iterable[ArrayLike], confidence: float = 0.95) -> list[Estimate]:
    """Mean of one value an image, of each set (images,), with a bootstrap interval over images.

    Bias-corrected and accelerated (Efron, JASA 82, 1987), 2,000 resamples from a fixed seed, the level
    raised to 2·Φ(√(n/(n-1))·t) - 1 as Hesterberg proposes (The American Statistician 69, 2015): a plain
    bootstrap of few images is too narrow. Under ten images it still is (five: .89 to .91). One image has no
    spread: its interval is infinite and its method reads ``one image``. Equal values give an interval
    without width.

    Raises ValueError when values are missing, not (images,) or not finite: a PSNR of identical images is
    infinite, and counted apart.
    """
    samples = [np.asarray(values, dtype=np.float64) for values in sets]
    lengths: dict[int, list[int]] = {}
    for place, sample in enumerate(samples):
        if sample.ndim != 1 or sample.size == 0:
            raise ValueError(f"values of shape {sample.shape} must be one number an image, and at least one")
        lengths.setdefault(len(sample), []).append(place)
    found: dict[int, Estimate] = {}
    for places in lengths.values():
        for start in range(0, len(places), SETS_AT_ONCE):
            block = places[start : start + SETS_AT_ONCE]
            found |= zip(block, _means(np.stack([samples[place] for place in block]), confidence), strict=True)
    return [found[place] for place in range(len(samples))]


def _means(values: NDArray[np.float64], confidence: float) -> list[Estimate]:
    """Of sets of as many images each (sets, images)."""
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite have no mean: count those images apart")
    images, least, most = values.shape[1], values.min(axis=1), values.max(axis=1)
    if images == 1:
        return [Estimate(float(value), -math.inf, math.inf, 1, "one image") for value in least]
    found: dict[int, Estimate] = {}
    for place, value in enumerate(map(float, least)):
        if value == most[place]:
            found[place] = Estimate(value, value, value, images, "bootstrap")
    spread = [place for place in range(len(values)) if place not in found]
    if spread:
        found |= zip(spread, _bootstrapped(values[spread], confidence, images), strict=True)
    return [found[place] for place in range(len(values))]


def _bootstrapped(values: NDArray[np.float64], confidence: float, n: int) -> list[Estimate]:
    means, least, most = values.mean(axis=1), values.min(axis=1), values.max(axis=1)
    widened = math.sqrt(n / (n - 1)) * float(scipy.special.stdtrit(n - 1, (1 + confidence) / 2))
    level = min(2 * float(scipy.special.ndtr(widened)) - 1, 1 - 1e-9)
    # Scaled, so that no unit of the values can underflow in the third moment.
    reach = most - least
    low, high = bca((values - means[:, None]) / reach[:, None], level)
    low, high = means + reach * low, means + reach * high
    # An end that should be nought comes out as some 1e-19.
    low, high = (np.where(np.abs(end) <= 1e-12 * reach, 0.0, end) for end in (low, high))
    low, high = np.maximum(least, np.minimum(low, means)), np.minimum(most, np.maximum(high, means))
    return [
        Estimate(float(mean), float(below), float(above), n, "bootstrap")
        for mean, below, above in zip(means, low, high, strict=True)
    ]


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95, *, reach: float | None = None) -> Estimate:
    """Mean of a - b over the same images in the same order, both (images,), bootstrapped over images.

    Pairing takes the images' own difficulty out. Values that are equal but for rounding (``ROUNDING``) have no
    difference. ``reach`` is the most by which an image can differ: 1 for a rate, 0.5 for bits between one who reads
    all and one who guesses, 0 where there is no such limit, as for PSNR; None: 1 where all values lie within 0..1.
    The rest is as ``difference_over_images`` does it.

    Raises ValueError as ``mean_over_images`` does, and when the lengths differ.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} values are not pairs of the same images")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("pairs with a value that is not finite have no difference: count them apart")
    if reach is None:
        both = np.concatenate([first.ravel(), second.ravel()])
        reach = 1.0 if ((both >= 0) & (both <= 1)).all() else 0.0
    return difference_over_images(apart(first, second), confidence, reach=reach)


def difference_over_images(differences: ArrayLike, confidence: float = 0.95, *, reach: float = 0.0) -> Estimate:
    """``differences_over_images`` of one set (images,)."""
    return differences_over_images([differences], confidence, reach=reach)[0]


def differences_over_images(
    sets: Iterable[ArrayLike], confidence: float = 0.95, *, reach: float = 0.0
) -> list[Estimate]:
    """Mean of one difference an image, of each set (images,), with its interval and the p-value of ``sign_flip``.

    The interval is that of ``means_over_images``, with two amendments. It allows for ``unseen_share`` of images that
    differ by ``reach`` either way: a failure too rare to have been drawn leaves no trace among the others. And the
    test decides about 0, since a bootstrap of few differing images is too narrow: an interval holds 0 where the
    p-value is above 1 - confidence, and where it is not, the end beside 0 is the bootstrap's.
    """
    each = [np.asarray(differences, dtype=np.float64) for differences in sets]
    means = means_over_images(each, confidence)
    lengths: dict[int, list[int]] = {}
    for place, one in enumerate(each):
        lengths.setdefault(len(one), []).append(place)
    p_values: dict[int, float] = {}
    for places in lengths.values():
        for start in range(0, len(places), SETS_AT_ONCE):
            block = places[start : start + SETS_AT_ONCE]
            p_values |= zip(block, map(float, sign_flips(np.stack([each[place] for place in block]))), strict=True)
    return [_tested(found, p_values[place], confidence, reach) for place, found in enumerate(means)]


def _tested(found: Estimate, p: float, confidence: float, reach: float) -> Estimate:
    if found.n == 1:
        return found
    unseen = unseen_share(found.n, confidence)
    low = found.low - unseen * max(0.0, reach + found.low)
    high = found.high + unseen * max(0.0, reach - found.high)
    if p > 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    elif found.value > 0:
        low = found.low
    else:
        high = found.high
    return replace(found, low=low, high=high, method="paired bootstrap", p=p)


def mean_over_seeds(images: Estimate, by_seed: ArrayLike, confidence: float = 0.95) -> Estimate:
    """A mean over trainings with other seeds: ``images`` is its estimate over images, ``by_seed`` (seeds,) its values.

    Over seeds the error is Student's; the interval has both, as errors that do not hang together. Raises ValueError for
    fewer than two seeds.
    """
    values = np.asarray(by_seed, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{values.shape}: values of two seeds or more are needed")
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    wide = float(scipy.special.stdtrit(len(values) - 1, (1 + confidence) / 2)) * error
    low = images.value - math.hypot(images.value - images.low, wide)
    high = images.value + math.hypot(images.high - images.value, wide)
    return replace(images, low=low, high=high, method="over seeds and images")


def difference_over_seeds(
    a: ArrayLike, b: ArrayLike, confidence: float = 0.95, *, paired: bool, reach: float = 0.0
) -> Estimate:
    """Mean of a - b over trainings and images: ``a`` (seeds, images) and ``b`` (seeds, images), 2 seeds each or more.

    ``paired`` where the rows of both are of the same seeds. Over seeds the error is Student's (Welch's where they are
    not paired), over images it is that of ``difference_over_images`` of the means over seeds; the interval has both,
    as errors that do not hang together. The p-value is the larger of the two: a difference has to be told from 0
    over seeds and over images. n is the number of images.

    Raises ValueError as ``paired_difference`` does, and for fewer than two seeds.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise ValueError(f"{first.shape} and {second.shape}: two seeds of each, or more, on the same images are needed")
    images = difference_over_images(apart(first.mean(0), second.mean(0)), confidence, reach=reach)
    return told_over_seeds(images, first.mean(1), second.mean(1), confidence, paired=paired)


def told_over_seeds(
    images: Estimate, first: ArrayLike, second: ArrayLike, confidence: float = 0.95, *, paired: bool
) -> Estimate:
    """A difference over images with the error over seeds in it: ``first`` and ``second`` (seeds,) are their means."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if paired:
        by_seed = apart(a, b)
        squared, freedom = float(by_seed.var(ddof=1)) / len(by_seed), float(len(by_seed) - 1)
    else:
        parts = [float(side.var(ddof=1)) / len(side) for side in (a, b)]
        squared = sum(parts)
        below = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (a, b), strict=True))
        freedom = squared**2 / below if below > 0 else float(len(a) + len(b) - 2)
    error = math.sqrt(squared)
    p = 2 * float(scipy.special.stdtr(freedom, -abs(images.value) / error)) if error > 0 else float(images.value == 0)
    wide = float(scipy.special.stdtrit(freedom, (1 + confidence) / 2)) * error
    low = images.value - math.hypot(images.value - images.low, wide)
    high = images.value + math.hypot(images.high - images.value, wide)
    if p > 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    return replace(
        images, low=low, high=high, method="over seeds and images", p=None if images.p is None else max(p, images.p)
    )


def two_samples(first: Estimate, second: Estimate) -> Estimate:
    """Second minus first of two samples apart: Newcombe's interval (Statistics in Medicine 17, 1998).

    The p-value goes with its arm beside 0.
    """
    value = second.value - first.value
    low = value - math.hypot(second.value - second.low, first.high - first.value)
    high = value + math.hypot(second.high - second.value, first.value - first.low)
    arm = value - low if value > 0 else high - value
    p = math.erfc(abs(value) / arm * _z(0.95) / math.sqrt(2)) if arm > 0 else float(value == 0)
    return Estimate(value, low, high, min(first.n, second.n), "two samples", p)


def apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """First minus second, nought where rounding alone is between them."""
    differences = first - second
    differences[np.abs(differences) <= ROUNDING * np.maximum(np.abs(first), np.abs(second))] = 0.0
    return differences


@lru_cache
def _z(confidence: float) -> float:
    return float(scipy.special.ndtri((1 + confidence) / 2))
