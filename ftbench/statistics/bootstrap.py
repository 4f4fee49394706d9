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

Floats = NDArray[np.float64]


def bca(samples: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of bias-corrected, accelerated intervals (Efron, JASA 82, 1987) of the means of ``samples`` (sets, images).

    ``level`` is their confidence. Every set needs two different values, and should be scaled so that no unit of it
    underflows in the third power. The same as ``scipy.stats.bootstrap`` gives set by set with
    ``default_rng(SEED)``, but that means which differ by rounding alone count as equal.
    """
    sets, images = samples.shape
    means = samples.mean(axis=1)
    centred = samples - means[:, None]
    resampled = np.empty((sets, RESAMPLES))
    start = 0
    for counts in _resamples(images):
        resampled[:, start : start + len(counts)] = centred @ counts.T / images
        start += len(counts)
    spread = np.ptp(samples, axis=1)[:, None]
    resampled[np.abs(resampled) <= _ROUNDING * spread] = 0.0
    resampled.sort(axis=1)
    below = ((resampled < 0).sum(axis=1) + (resampled <= 0).sum(axis=1)) / (2 * RESAMPLES)
    bias = scipy.special.ndtri(np.clip(below, 1 / (2 * RESAMPLES), 1 - 1 / (2 * RESAMPLES)))
    skewed = np.square(centred).sum(axis=1)
    acceleration = (centred**3).sum(axis=1) / (6 * skewed**1.5)
    wide = scipy.special.ndtri((1 + level) / 2)
    ends = []
    for z in (bias - wide, bias + wide):
        ends.append(means + _quantile(resampled, scipy.special.ndtr(bias + z / (1 - acceleration * z))))
    return ends[0], ends[1]


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


def _quantile(sorted_values: Floats, shares: Floats) -> Floats:
    """Of each row (sets, values) its own share (sets,), linear between neighbours as ``numpy.quantile`` has it."""
    place = np.clip(shares, 0, 1) * (sorted_values.shape[1] - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, sorted_values.shape[1] - 1)
    rows = np.arange(len(sorted_values))
    below, above = sorted_values[rows, low], sorted_values[rows, high]
    found: Floats = below + (above - below) * (place - low)
    return found
