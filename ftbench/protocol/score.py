"""The number that methods are ranked by: marks found, the mean over kinds of attack of the means over their attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ftbench.protocol.entry import Entry, Hits, mean_of
from ftbench.report.sample import Sample, measured, worst
from ftbench.report.table import Measured


@dataclass(frozen=True)
class Score:
    """What came of an entry."""

    sample: Sample | None
    """Image by image, where there are rows and nothing is missing."""
    whole: Measured
    weakest: Measured
    """The kind after which fewest are found; its interval knows that it was chosen."""
    kinds: Mapping[str, Measured]


def score(entry: Entry) -> Score:
    """Of an entry that lacks an attack there is no whole, only the kinds that are complete."""
    by_kind: dict[str, list[Hits]] = {}
    for wanted, hits in entry.hits.items():
        by_kind.setdefault(wanted.kind, []).append(hits)
    complete = {kind: hits for kind, hits in by_kind.items() if not any(one.missing for one in hits)}
    samples = {kind: sample for kind, hits in complete.items() if (sample := mean_sample(_samples(hits)))}
    told = dict(measured(samples))
    kinds = {
        kind: told[kind] if kind in told else mean_of([one.entry for one in hits]) for kind, hits in complete.items()
    }
    if len(complete) < len(by_kind) or not by_kind:
        return Score(None, Measured(), Measured(), kinds)
    sample = mean_sample(list(samples.values())) if len(samples) == len(by_kind) else None
    if sample is None:
        return Score(None, mean_of(list(kinds.values())), _lowest(kinds), kinds)
    place, low = worst(list(samples.values()))
    return Score(sample, measured({0: sample})[0], _said(low, list(samples)[place]), kinds)


def mean_sample(samples: Sequence[Sample]) -> Sample | None:
    """The mean of rates, image by image, each of equal weight however often it was tried; None without any.

    Trials are those of all of them together: what they are worth, the variance between images tells.
    """
    if not samples or len({(one.images, one.seeds) for one in samples}) > 1:
        return None
    trials = np.sum([one.trials for one in samples if one.trials is not None], axis=0)
    rates = np.mean([one.each for one in samples], axis=0)
    return Sample(rates * trials, trials, samples[0].images, samples[0].chance, seeds=samples[0].seeds)


def _samples(hits: Sequence[Hits]) -> list[Sample]:
    found = [one.sample for one in hits if one.sample is not None]
    return found if len(found) == len(hits) else []


def _lowest(kinds: Mapping[str, Measured]) -> Measured:
    """Of tables alone: which it is and its value, without an interval, since theirs do not know that it was chosen."""
    values = {kind: entry.estimate.value for kind, entry in kinds.items() if entry.estimate is not None}
    if not values:
        return Measured()
    kind = min(values, key=values.__getitem__)
    return Measured(said=f"{100 * values[kind]:.1f} {kind}")


def _said(entry: Measured, kind: str) -> Measured:
    return replace(entry, digits=None, scale=None, mark="", said=kind)
