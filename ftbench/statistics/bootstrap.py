"""A bootstrap of many means at once: the same resamples for every set of as many images, as one product of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 0
HELD = 4_000_000
"""Counts of resamples that are held at once; what is drawn does not hang on it."""
_ROUNDING = 1e-12
_ON_GRID = 1e-9

Floats = NDArray[np.float64]


def bca(samples: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of bias-corrected, accelerated intervals (Efron, JASA 82, 1987) of the means of ``samples`` (sets, images).

    ``level`` is their confidence. Every set needs two different values, and should be scaled so that no unit of it
    underflows in the third power. The same as ``scipy.stats.bootstrap`` gives set by set with
    ``default_rng(SEED)``, but that means which differ by rounding alone count as equal.
    """
    images = samples.shape[1]
    means = samples.mean(axis=1)
    centred = samples - means[:, None]
    spread = np.ptp(samples, axis=1)
    squared = np.square(centred)
    acceleration = (squared * centred).sum(axis=1) / (6 * squared.sum(axis=1) ** 1.5)
    steps, step, whole = _in_steps(samples, spread)
    low, high = means.copy(), means.copy()
    # Sums of so few whole numbers are exact in single precision, which takes half the time.
    for some, values, unit in ((whole, steps, step / images), (~whole, centred[~whole], 1 / images)):
        if some.any():
            ends = _ends(values, _ROUNDING * spread[some] / unit, acceleration[some], level)
            low[some] += ends[0] * unit
            high[some] += ends[1] * unit
    return low, high


def _ends(values: NDArray[np.floating], near: Floats, acceleration: Floats, level: float) -> tuple[Floats, Floats]:
    """Of sums over resamples of ``values`` (sets, images), beyond their own sum; ``near`` is what counts as nought."""
    resampled = np.empty((len(values), RESAMPLES), dtype=values.dtype)
    start = 0
    for counts in _resamples(values.shape[1]):
        resampled[:, start : start + len(counts)] = values @ counts.T.astype(values.dtype, copy=False)
        start += len(counts)
    resampled -= values.sum(axis=1, keepdims=True)
    resampled.sort(axis=1)
    limit = near[:, None].astype(values.dtype)
    below = ((resampled < -limit).sum(axis=1) + (resampled <= limit).sum(axis=1)) / (2 * RESAMPLES)
    bias = scipy.special.ndtri(np.clip(below, 1 / (2 * RESAMPLES), 1 - 1 / (2 * RESAMPLES)))
    wide = scipy.special.ndtri((1 + level) / 2)
    low, high = (
        _quantile(resampled, scipy.special.ndtr(bias + z / (1 - acceleration * z))) for z in (bias - wide, bias + wide)
    )
    return low, high


def _in_steps(samples: Floats, spread: Floats) -> tuple[NDArray[np.float32], Floats, NDArray[np.bool_]]:
    """Rates lie on a grid: those samples as whole numbers of steps from their least, the step, and which they are."""
    raised = (samples - samples.min(axis=1, keepdims=True)) / spread[:, None]
    number = np.rint(1 / np.where(raised > _ON_GRID, raised, 1.0).min(axis=1))
    steps = raised * number[:, None]
    off = np.abs(steps - np.rint(steps)).max(axis=1)
    whole = (off < _ON_GRID) & (number * samples.shape[1] < 2**24)
    return np.rint(steps[whole]).astype(np.float32), (spread / number)[whole], whole


def _resamples(images: int) -> Iterator[Floats]:
    """How often each resample holds each image (resamples, images), batch by batch."""
    if images * RESAMPLES <= HELD:
        yield _all_counts(images)
        return
    rng = np.random.default_rng(SEED)
    a_batch = max(1, HELD // images)
    for start in range(0, RESAMPLES, a_batch):
        yield _counts(rng, min(a_batch, RESAMPLES - start), images)


@lru_cache(maxsize=4)
def _all_counts(images: int) -> Floats:
    return _counts(np.random.default_rng(SEED), RESAMPLES, images)


def _counts(rng: np.random.Generator, resamples: int, images: int) -> Floats:
    drawn = rng.integers(0, images, (resamples, images)) + images * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * images).reshape(resamples, images).astype(np.float64)


def _quantile(sorted_values: NDArray[np.floating], shares: Floats) -> Floats:
    """Of each row (sets, values) its own share (sets,), linear between neighbours as ``numpy.quantile`` has it."""
    place = np.clip(shares, 0, 1) * (sorted_values.shape[1] - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, sorted_values.shape[1] - 1)
    rows = np.arange(len(sorted_values))
    below, above = (sorted_values[rows, at].astype(np.float64) for at in (low, high))
    found: Floats = below + (above - below) * (place - low)
    return found
