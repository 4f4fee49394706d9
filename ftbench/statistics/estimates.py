"""Numbers that can be believed: estimates with intervals, and exact tests of a read payload.

Images are the units that were sampled. Bits and payload draws of one image stand or fall together, so
intervals always widen to what the images, not the bits, can tell. Intervals are at 95 % unless told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ftbench.statistics.significance import sign_flip

RESAMPLES = 2000
SEED = 0
# Values drawn at once: what stays in the processor's cache; the result does not hang on it.
BATCH = 100_000
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


def unseen_share(images: float, confidence: float = 0.95) -> float:
    """The largest share of images of a kind that so many images might not have shown: 1 - (1 - confidence)^(1/n).

    The exact form of the "rule of three", 3/n at 95 % (Hanley and Lippman-Hand, JAMA 249, 1983).
    """
    return -math.expm1(math.log1p(-confidence) / images)


def clustered_rate(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95, *, chance: float = 0.5
) -> Estimate:
    """Rate whose trials come in clusters: ``successes`` and ``trials`` (images,), such as right bits of k.

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

    Raises ValueError for other shapes, no trials, or successes outside 0..trials.
    """
    right, tried = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if right.ndim != 1 or right.shape != tried.shape:
        raise ValueError(f"successes {right.shape} and trials {tried.shape} must both be one number an image")
    if not (np.isfinite(tried).all() and (right >= 0).all() and (right <= tried).all() and tried.sum() > 0):
        raise ValueError("every image needs 0 <= successes <= trials, and one of them a trial")
    right, tried = right[tried > 0], tried[tried > 0]
    images, total = len(tried), float(tried.sum())
    rate = float(right.sum()) / total
    effective = fewest = total**2 / float(np.square(tried).sum())
    rarer = min(int((right > 0).sum()), int((right < tried).sum()))
    if images > 1 and rarer > 0:
        variance = images / (images - 1) * float(np.square(right - rate * tried).sum()) / total**2
        spread = float(scipy.stats.t.ppf((1 + confidence) / 2, min(rarer, images - 1)))
        shrink = (_z(confidence) / spread) ** 2
        # Images that all show the same rate have no variance: their trials count in full.
        worth = shrink * rate * (1 - rate) / variance if variance > 0 else total
        effective = min(max(worth, fewest), total)
    seen = replace(wilson(rate * effective, effective, confidence), value=rate, n=images)
    if images == 1:
        return replace(seen, method="wilson, one image")
    unseen = unseen_share(fewest, confidence)
    return replace(
        seen,
        low=min(seen.low, rate - unseen * max(0.0, rate - chance)),
        high=max(seen.high, rate + unseen * (1 - rate)),
        method="wilson, clustered",
    )


def mean_over_images(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of one value an image (images,) with a bootstrap interval over images.

    Bias-corrected and accelerated (Efron, JASA 82, 1987), 2,000 resamples from a fixed seed, the level
    raised to 2·Φ(√(n/(n-1))·t) - 1 as Hesterberg proposes (The American Statistician 69, 2015): a plain
    bootstrap of few images is too narrow. Under ten images it still is (five: .89 to .91). One image has no
    spread: its interval is infinite and its method reads ``one image``. Equal values give an interval
    without width.

    Raises ValueError when values are missing, not (images,) or not finite: a PSNR of identical images is
    infinite, and counted apart.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"values of shape {sample.shape} must be one number an image, and at least one")
    if not np.isfinite(sample).all():
        raise ValueError("values that are not finite have no mean: count those images apart")
    n = len(sample)
    if n == 1:
        return Estimate(float(sample[0]), -math.inf, math.inf, 1, "one image")
    mean, least, most = float(sample.mean()), float(sample.min()), float(sample.max())
    if least == most:
        return Estimate(least, least, least, n, "bootstrap")
    widened = math.sqrt(n / (n - 1)) * float(scipy.stats.t.ppf((1 + confidence) / 2, n - 1))
    # Scaled, so that no unit of the values can underflow in the third moment.
    interval = scipy.stats.bootstrap(
        ((sample - mean) / (most - least),),
        np.mean,
        confidence_level=min(2 * float(scipy.stats.norm.cdf(widened)) - 1, 1 - 1e-9),
        n_resamples=RESAMPLES,
        batch=max(1, BATCH // n),
        method="BCa",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    low, high = (mean + (most - least) * float(end) for end in interval)
    # An end that should be nought comes out as some 1e-19.
    low, high = (0.0 if abs(end) <= 1e-12 * (most - least) else end for end in (low, high))
    return Estimate(mean, max(least, min(low, mean)), min(most, max(high, mean)), n, "bootstrap")


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
    return difference_over_images(_apart(first, second), confidence, reach=reach)


def difference_over_images(differences: ArrayLike, confidence: float = 0.95, *, reach: float = 0.0) -> Estimate:
    """Mean of one difference an image (images,), with its interval and the p-value of ``sign_flip``.

    The interval is that of ``mean_over_images``, with two amendments. It allows for ``unseen_share`` of images that
    differ by ``reach`` either way: a failure too rare to have been drawn leaves no trace among the others. And the
    test decides about 0, since a bootstrap of few differing images is too narrow: an interval holds 0 where the
    p-value is above 1 - confidence, and where it is not, the end beside 0 is the bootstrap's.
    """
    each = np.asarray(differences, dtype=np.float64)
    found = mean_over_images(each, confidence)
    if found.n == 1:
        return found
    p, unseen = sign_flip(each), unseen_share(found.n, confidence)
    low = found.low - unseen * max(0.0, reach + found.low)
    high = found.high + unseen * max(0.0, reach - found.high)
    if p > 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    elif found.value > 0:
        low = found.low
    else:
        high = found.high
    return replace(found, low=low, high=high, method="paired bootstrap", p=p)


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
    images = difference_over_images(_apart(first.mean(0), second.mean(0)), confidence, reach=reach)
    if paired:
        by_seed = _apart(first.mean(1), second.mean(1))
        squared, freedom = float(by_seed.var(ddof=1)) / len(by_seed), float(len(by_seed) - 1)
    else:
        parts = [float(side.mean(1).var(ddof=1)) / len(side) for side in (first, second)]
        squared = sum(parts)
        below = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (first, second), strict=True))
        freedom = squared**2 / below if below > 0 else float(len(first) + len(second) - 2)
    error = math.sqrt(squared)
    p = 2 * float(scipy.stats.t.sf(abs(images.value) / error, freedom)) if error > 0 else float(images.value == 0)
    wide = float(scipy.stats.t.ppf((1 + confidence) / 2, freedom)) * error
    low = images.value - math.hypot(images.value - images.low, wide)
    high = images.value + math.hypot(images.high - images.value, wide)
    if p > 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    return replace(
        images, low=low, high=high, method="over seeds and images", p=None if images.p is None else max(p, images.p)
    )


@lru_cache
def smallest_match(bits: int, fpr: float) -> int | None:
    """Smallest m with P(Bin(bits, ½) >= m) <= fpr, counted in whole numbers; None where 2^-bits > fpr.

    The threshold on matching bits at which an unmarked image is taken for a marked one with a chance of at
    most ``fpr``, whatever the decoder, because its payload was drawn uniformly. Raises ValueError unless
    bits >= 1 and 0 < fpr <= 1.

    >>> smallest_match(30, 1e-6)
    28
    >>> smallest_match(15, 1e-6) is None  # 2^-15 is more than one in a million
    True
    """
    if bits < 1 or not 0 < fpr <= 1:
        raise ValueError(f"{bits} bits at a false-positive rate of {fpr} have no threshold")
    allowed = Fraction(fpr) * 2**bits
    tail = 0
    for matches in range(bits, -1, -1):
        tail += math.comb(bits, matches)
        if tail > allowed:
            return None if matches == bits else matches + 1
    return 0


def p_value(matches: ArrayLike, bits: int, registered: int = 1) -> NDArray[np.float64]:
    """min(1, M · P(Bin(bits, ½) >= matches)) for each number of matching bits, any shape.

    ``registered`` is M, the payloads that the read one was compared with (Bonferroni's bound). Raises
    ValueError when a number is outside 0..bits or M is below 1.
    """
    found = np.asarray(matches)
    if bits < 1 or registered < 1 or (found < 0).any() or (found > bits).any():
        raise ValueError(f"matches must be within 0..{bits} and registered payloads at least 1")
    tail: NDArray[np.float64] = np.minimum(1.0, registered * scipy.stats.binom.sf(found - 1, bits, 0.5))
    return tail


def capacity(bits: int, ber: float) -> float:
    """k · (1 - H₂(BER)): the payload bits that a perfect code could carry over a symmetric channel.

    Rises again above a BER of ½, where reading the bits inverted is better. Raises ValueError outside 0..1.
    """
    if bits < 1 or not 0 <= ber <= 1:
        raise ValueError(f"{bits} bits at a bit error rate of {ber} have no capacity")
    entropy = float(scipy.special.entr(ber) + scipy.special.entr(1 - ber)) / math.log(2)
    return bits * (1 - entropy)


def _apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """First minus second, nought where rounding alone is between them."""
    differences = first - second
    differences[np.abs(differences) <= ROUNDING * np.maximum(np.abs(first), np.abs(second))] = 0.0
    return differences


def _z(confidence: float) -> float:
    return float(scipy.stats.norm.ppf((1 + confidence) / 2))
