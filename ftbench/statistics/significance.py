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
_ALMOST = 1e-9


def sign_flip(differences: NDArray[np.float64]) -> float:
    """Two-sided p-value of "either sign was as likely", for one difference an image (images,), nought where equal.

    If two methods are alike, whatever makes them differ on an image might as well have favoured the other (Fisher,
    The Design of Experiments, 1935, section 21). Images without a difference say nothing. Up to ``EXACT`` others
    every pattern of signs is counted; beyond that the tail of Σ ±d is Lugannani and Rice's saddlepoint
    approximation (Advances in Applied Probability 12, 1980), half a step of the smallest difference as its
    correction for continuity. 1 where nothing differs.
    """
    sizes = np.abs(differences[differences != 0])
    if sizes.size == 0:
        return 1.0
    # Scaled, so that no unit can underflow.
    largest, number = float(sizes.max()), len(sizes)
    sizes, total = sizes / largest, abs(float((differences / largest).sum()))
    if number <= EXACT:
        return float(np.mean(np.abs(_signs(number) @ sizes) >= total - _ALMOST * number))
    rarest = math.ldexp(2.0, -number)
    if total >= float(sizes.sum()) - _ALMOST * number:
        return rarest
    # Differences of bits have few sizes, each of many images.
    sizes, counts = np.unique(sizes, return_counts=True)
    return min(1.0, max(rarest, 2 * _tail(sizes, counts.astype(np.float64), total - float(sizes[0]))))


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


def _tail(sizes: NDArray[np.float64], counts: NDArray[np.float64], total: float) -> float:
    """P(Σ ±sizes >= total) for independent even signs, ``counts`` of each size, and total below their sum."""
    spread = math.sqrt(float((counts * np.square(sizes)).sum()))
    if total < 0.05 * spread:
        # The formula's two terms cancel here, where the sum is as good as normal.
        return float(scipy.special.ndtr(-total / spread))

    weighted = counts * sizes

    def excess(tilt: float) -> float:
        return float((weighted * np.tanh(tilt * sizes)).sum()) - total

    high = 1.0
    while excess(high) < 0:
        high *= 2
    tilt = float(scipy.optimize.brentq(excess, 0.0, high, xtol=1e-12))
    tilted = tilt * sizes
    cumulant = float((counts * (tilted + np.log1p(np.exp(-2 * tilted)) - math.log(2))).sum())
    root = math.sqrt(2 * (tilt * total - cumulant))
    curved = tilt * math.sqrt(float((counts * np.square(sizes / np.cosh(np.minimum(tilted, 300)))).sum()))
    density = math.exp(-root * root / 2) / math.sqrt(2 * math.pi)
    return float(scipy.special.ndtr(-root)) + density * (1 / curved - 1 / root)
