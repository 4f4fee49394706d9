"""Is there a difference at all? An exact test over images, and Holm's correction for a family of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy
from numpy.typing import NDArray

EXACT = 14
"""Every way of turning the signs of so many differences is counted; of more, their sum's tail is approximated."""
FEWEST = 6
"""Of fewer images no outcome is rarer than 1 in 20: 2·2⁻⁵ = 0.0625."""
SETS_AT_ONCE = 32
"""As many fit a processor's cache with a thousand images each; the result does not hang on it."""
STEPS = 30
_ALMOST = 1e-9
_ROUNDING = 1e-12

Floats = NDArray[np.float64]


def sign_flip(differences: Floats) -> float:
    """``sign_flips`` of one set (images,)."""
    return float(sign_flips(differences[None])[0])


def sign_flips(differences: Floats) -> Floats:
    """Two-sided p-values of "either sign was as likely", of each set (sets, images), nought where images are equal.

    If two methods are alike, whatever makes them differ on an image might as well have favoured the other (Fisher,
    The Design of Experiments, 1935, section 21). Images without a difference say nothing. Up to ``EXACT`` others
    every pattern of signs is counted; beyond that the tail of Σ ±d is Lugannani and Rice's saddlepoint
    approximation (Advances in Applied Probability 12, 1980), half a step of the smallest difference as its
    correction for continuity. 1 where nothing differs.
    """
    p_values = np.ones(len(differences))
    number = np.count_nonzero(differences, axis=1)
    for start in range(0, len(differences), SETS_AT_ONCE):
        some = np.arange(start, min(start + SETS_AT_ONCE, len(differences)))
        many = some[number[some] > EXACT]
        if len(many):
            p_values[many] = _approximated(differences[many], number[many])
    for few in range(1, EXACT + 1):
        if len(some := np.flatnonzero(number == few)):
            p_values[some] = _counted(differences[some], few)
    return p_values


def _counted(differences: Floats, number: int) -> Floats:
    """Of sets in which so many images differ."""
    there = differences[differences != 0].reshape(len(differences), number)
    scaled = there / np.abs(there).max(axis=1, keepdims=True)
    totals = np.abs(scaled.sum(axis=1))
    shares = [
        np.mean(np.abs(_signs(number) @ sizes) >= total - _ALMOST * number)
        for sizes, total in zip(np.abs(scaled), totals, strict=True)
    ]
    return np.asarray(shares)


def _approximated(differences: Floats, number: NDArray[np.int_]) -> Floats:
    # Scaled, so that no unit can underflow.
    scaled = differences / np.abs(differences).max(axis=1, keepdims=True)
    totals = np.abs(scaled.sum(axis=1))
    sizes, counts = _distinct(np.abs(scaled))
    rarest = np.ldexp(2.0, -number)
    p_values: Floats = rarest.copy()
    inner = totals < (counts * sizes).sum(axis=1) - _ALMOST * number
    smallest = np.where(counts > 0, sizes, np.inf).min(axis=1)
    tails = _tails(sizes[inner], counts[inner], (totals - smallest)[inner])
    p_values[inner] = np.minimum(1.0, np.maximum(rarest[inner], 2 * tails))
    return p_values


def _distinct(sizes: Floats) -> tuple[Floats, Floats]:
    """Sizes in 0..1 of each set (sets, images) without noughts, and how many images have each; the same twice is one.

    Differences of bits have few sizes, each of many images, and what rounding alone tells apart is one size.
    """
    ordered = np.sort(sizes, axis=1)
    fresh = np.diff(ordered, axis=1, prepend=0.0) > _ROUNDING
    most = int(fresh.sum(axis=1).max(initial=0))
    if most > sizes.shape[1] // 2:
        return ordered, (ordered > 0).astype(np.float64)
    rows, _ = np.nonzero(fresh)
    which = np.cumsum(fresh, axis=1)
    kinds = np.zeros((len(sizes), most + 1))
    kinds[rows, which[fresh]] = ordered[fresh]
    flat = which + (most + 1) * np.arange(len(sizes))[:, None]
    counts = np.bincount(flat.ravel(), minlength=kinds.size).reshape(kinds.shape).astype(np.float64)
    return kinds[:, 1:], counts[:, 1:]


def holm(p_values: Sequence[float], family: int = 0) -> list[float]:
    """Each p-value corrected for all of them (Holm, Scandinavian Journal of Statistics 6, 1979), in their order.

    Calling those at most alpha different is wrong anywhere in the family with a chance of at most alpha. ``family``:
    how many comparisons there are, where these are only those of them that were looked at; the others are taken to be
    less sure, which is the careful side.
    """
    corrected, worst = [0.0] * len(p_values), 0.0
    family = max(family, len(p_values))
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (family - rank) * p_values[index]))
        corrected[index] = worst
    return corrected


@cache
def _signs(number: int) -> NDArray[np.float64]:
    """(2^number, number) of ±1, every pattern once."""
    bits = np.arange(2**number)[:, None] >> np.arange(number) & 1
    return np.where(bits == 1, -1.0, 1.0).astype(np.float64)


def _tails(sizes: Floats, counts: Floats, totals: Floats) -> Floats:
    """P(Σ ±sizes >= total) for independent even signs, of each set (sets, sizes), ``counts`` of each size.

    Totals are below their sums.
    """
    spread = np.sqrt((counts * np.square(sizes)).sum(axis=1))
    # The formula's two terms cancel near the middle, where the sum is as good as normal.
    tails: Floats = scipy.special.ndtr(-totals / spread)
    outer = totals >= 0.05 * spread
    sizes, counts, totals = sizes[outer], counts[outer], totals[outer]
    tilts = _tilts(sizes, counts * sizes, totals)
    tilted = tilts[:, None] * sizes
    cumulants = (counts * (tilted + np.log1p(np.exp(-2 * tilted)) - math.log(2))).sum(axis=1)
    roots = np.sqrt(2 * (tilts * totals - cumulants))
    curved = tilts * np.sqrt((counts * np.square(sizes / np.cosh(np.minimum(tilted, 300)))).sum(axis=1))
    density = np.exp(-roots * roots / 2) / math.sqrt(2 * math.pi)
    tails[outer] = scipy.special.ndtr(-roots) + density * (1 / curved - 1 / roots)
    return tails


def _tilts(sizes: Floats, weights: Floats, totals: Floats) -> Floats:
    """Where Σ weights · tanh(tilt · sizes) is the total, of each set.

    Newton's steps from nought: the sum rises and bends down, so none of them goes too far, and each is nearer.
    """
    tilts = np.zeros(len(sizes))
    left = np.arange(len(sizes))
    for _ in range(STEPS):
        bent = np.tanh(tilts[left, None] * sizes[left])
        short = totals[left] - (weights[left] * bent).sum(axis=1)
        steps = short / (weights[left] * sizes[left] * (1 - np.square(bent))).sum(axis=1)
        tilts[left] += steps
        left = left[np.abs(steps) > _ROUNDING * tilts[left]]
        if not len(left):
            break
    for one in left:
        tilts[one] = _tilt(sizes[one], weights[one], float(totals[one]))
    return tilts


def _tilt(sizes: Floats, weights: Floats, total: float) -> float:
    """The same of one set, of whose sum almost all is wanted: the steps would be many."""

    def excess(tilt: float) -> float:
        return float((weights * np.tanh(tilt * sizes)).sum()) - total

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return float(scipy.optimize.brentq(excess, 0.0, high, xtol=1e-12))
