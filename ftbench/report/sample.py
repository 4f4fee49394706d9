"""What one entry of a table was measured on, image by image: estimates of many at once, and which differ beyond chance.

Trainings of one setting with several seeds make one sample: (seeds, images).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ftbench.report.table import Measured
from ftbench.statistics.estimates import (
    Estimate,
    apart,
    clustered_rates,
    differences_over_images,
    mean_over_seeds,
    means_over_images,
    told_over_seeds,
    worst_rate,
)
from ftbench.statistics.significance import FEWEST

SETS_AT_ONCE = 64
"""Samples that are estimated together; what comes out does not hang on it."""
Floats = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Sample:
    """Rates or values of the same images, a row a training."""

    values: Floats
    """(seeds, images): how much of ``trials`` was right; or, without trials, the value, NaN where there is none."""
    trials: Floats | None
    images: tuple[Hashable, ...]
    """Of each training: the same where it was measured on the same images and draws."""
    chance: float = 0.5
    identical: int = 0
    """Pictures that equal their reference, where the metric is infinite."""
    missing: int = 0
    """Pictures of which the metric is not a number."""
    seeds: tuple[str, ...] = ()
    partial: NDArray[np.bool_] | None = None
    """(seeds, images): where draws of an image have no finite value, and it is compared with nothing."""

    @property
    def each(self) -> Floats:
        """(seeds, images): the rate or value of each image, NaN where it cannot be compared."""
        if self.trials is not None:
            return self.values / self.trials
        return self.values if self.partial is None else np.where(self.partial, np.nan, self.values)


def pooled(samples: Sequence[Sample | None], seeds: Sequence[str]) -> Sample | None:
    """Trainings of one setting as one sample; None where one is missing or they were not read on the same images."""
    there = [one for one in samples if one is not None]
    if not there or len(there) < len(samples) or len({one.images for one in there}) > 1:
        return None
    if len(there) == 1:
        return replace(there[0], seeds=tuple(seeds))
    trials = (
        None if there[0].trials is None else np.concatenate([one.trials for one in there if one.trials is not None])
    )
    return Sample(
        np.concatenate([one.values for one in there]),
        trials,
        there[0].images,
        there[0].chance,
        sum(one.identical for one in there),
        sum(one.missing for one in there),
        tuple(seeds),
        None if trials is not None else np.concatenate([one.partial for one in there if one.partial is not None]),
    )


def measured(samples: Mapping[Key, Sample]) -> dict[Key, Measured]:
    """Estimates of many samples, those of one kind together."""
    rates: dict[tuple[int, float], list[Key]] = {}
    found: dict[Key, Measured] = {}
    values: dict[Key, Floats] = {}
    for key, sample in samples.items():
        if sample.trials is not None:
            rates.setdefault((sample.values.shape[1], sample.chance), []).append(key)
            continue
        means = _finite_mean(sample.values)
        if len(kept := means[np.isfinite(means)]):
            values[key] = kept
        else:
            found[key] = Measured(None, sample.identical, sample.missing)
    for (_, chance), keys in rates.items():
        # Block by block: the memory of one is the next one's.
        for start in range(0, len(keys), SETS_AT_ONCE):
            block = keys[start : start + SETS_AT_ONCE]
            right = np.stack([_over_trainings(samples[key].values) for key in block])
            trials = np.stack([_over_trainings(_trials(samples[key])) for key in block])
            for key, estimate in zip(block, clustered_rates(right, trials, chance=chance), strict=True):
                found[key] = _with_seeds(samples[key], estimate)
    for key, estimate in zip(values, means_over_images(values.values()), strict=True):
        found[key] = _with_seeds(samples[key], estimate)
    return found


def worst(samples: Sequence[Sample]) -> tuple[int, Measured]:
    """The lowest rate of some of the same images: which one, and its estimate, which knows that it was chosen."""
    right = np.stack([sample.values.sum(axis=0) for sample in samples])
    trials = np.stack([_trials(sample).sum(axis=0) for sample in samples])
    place, estimate = worst_rate(right, trials, chance=samples[0].chance)
    return place, _with_seeds(samples[place], estimate)


def compared(pairs: Mapping[Key, tuple[Sample, Sample]]) -> dict[Key, Estimate]:
    """First minus second of each pair of samples of the same images, over seeds where both have some."""
    differences: dict[float, dict[Key, Floats]] = {}
    seeded: dict[Key, tuple[Floats, Floats, bool]] = {}
    for key, (first, second) in pairs.items():
        if first.images != second.images:
            continue
        a, b = first.each, second.each
        shared = [seed for seed in first.seeds if seed in second.seeds]
        if paired := len(shared) > 1:
            a = np.stack([a[first.seeds.index(seed)] for seed in shared])
            b = np.stack([b[second.seeds.index(seed)] for seed in shared])
        if first.trials is None or second.trials is None:
            both = np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0)
            if not both.any():
                continue
            a, b = a[:, both], b[:, both]
        reach = 0.0 if first.trials is None else 1.0 - first.chance
        differences.setdefault(reach, {})[key] = apart(_over_seeds(a), _over_seeds(b))
        if min(len(a), len(b)) > 1:
            seeded[key] = a.mean(axis=1), b.mean(axis=1), paired
    found: dict[Key, Estimate] = {}
    for reach, sets in differences.items():
        found |= zip(sets, differences_over_images(sets.values(), reach=reach), strict=True)
    for key, (a, b, paired) in seeded.items():
        found[key] = told_over_seeds(found[key], a, b, paired=paired)
    return found


def _over_seeds(each: Floats) -> Floats:
    means: Floats = each[0] if len(each) == 1 else each.mean(axis=0)
    return means


def tellable(difference: Estimate) -> bool:
    """Whether so many images could tell a difference from chance at all."""
    return difference.p is not None and difference.n >= FEWEST and math.isfinite(difference.low)


def _with_seeds(sample: Sample, estimate: Estimate) -> Measured:
    left_out = sample.identical, sample.missing
    if len(sample.values) == 1:
        return Measured(estimate, *left_out)
    by_seed = [float(value) for value in _seed_means(sample)]
    if not all(map(math.isfinite, by_seed)):
        return Measured(estimate, *left_out)
    told = mean_over_seeds(estimate, by_seed)
    if sample.trials is not None:
        told = replace(told, low=max(0.0, told.low), high=min(1.0, told.high))
    return Measured(told, *left_out, min(by_seed), max(by_seed), len(by_seed))


def _seed_means(sample: Sample) -> Floats:
    if sample.trials is not None:
        rates: Floats = sample.values.sum(axis=1) / sample.trials.sum(axis=1)
        return rates
    return np.asarray([_mean(row) for row in sample.values])


def _mean(row: Floats) -> float:
    kept = row[np.isfinite(row)]
    return float(kept.mean()) if len(kept) else math.nan


def _finite_mean(values: Floats) -> Floats:
    """Over seeds (seeds, images) -> (images,), of the seeds with a finite value; NaN where none has one."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(finite, values, 0.0).sum(axis=0) / finite.sum(axis=0)
    return means


def _over_trainings(counts: Floats) -> Floats:
    summed: Floats = counts[0] if len(counts) == 1 else counts.sum(axis=0)
    return summed


def _trials(sample: Sample) -> Floats:
    if sample.trials is None:
        raise ValueError("a value without trials is no rate")
    return sample.trials
