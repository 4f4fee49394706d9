"""A method of a results folder as the protocol looks at it: what was found after each attack, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ftbench.protocol.attacks import Parts, found
from ftbench.protocol.rules import Protocol, Wanted
from ftbench.report.crossed import Method, over_method
from ftbench.report.looks import quality_sample
from ftbench.report.measures import OFF, qualities
from ftbench.report.sample import Sample, measured, pooled
from ftbench.report.scores import Attack, Floats, Scores
from ftbench.report.table import Measured
from ftbench.statistics.detection import smallest_match
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import QUALITY_COLUMNS, CellResult

OUT_OF_REACH = "out of reach"
UNTRAINED = "none"
"""λ of a pair of which nothing learns."""


@dataclass(frozen=True)
class Made:
    """What a folder says of itself, as far as the protocol asks."""

    folder: str
    """As a reader knows it."""
    data: str
    digest: str
    size: int
    """Pixels along a side."""
    parts: Parts
    shown: int | None
    """People whom its test images show; None: it does not say."""
    held_out: int | None
    """Of those the ones whom no other image shows."""


@dataclass(frozen=True)
class League:
    """Who is ranked together: only what was measured on the same data, at one size, with one length of payload."""

    version: int
    data: str
    digest: str
    size: int
    bits: int

    @property
    def title(self) -> str:
        """In words."""
        return f"v{self.version}: {self.data} {self.digest[:12]}, {self.size} px, {self.bits} bits"


@dataclass(frozen=True)
class Hits:
    """How often marks are found after one attack: image by image, or as a table has it, or why it is not known."""

    sample: Sample | None = None
    entry: Measured = field(default_factory=Measured)
    missing: str = ""
    attack: Attack | None = None


@dataclass(frozen=True)
class Entry:
    """One method of one folder."""

    method: str
    made: Made
    league: League
    seeds: int
    images: int
    people: int | None
    draws: int
    hits: Mapping[Wanted, Hits]
    quality: Mapping[str, Measured]
    """Of marked images, by metric."""
    lacks: tuple[str, ...]
    """Why it is provisional, a few words each; none: it is not."""
    outside: str
    """Why it is not admitted, however much were run; empty: it is."""
    cells: tuple[str, ...] = ()

    @property
    def ranked(self) -> bool:
        """Whether it has a rank."""
        return not self.lacks and not self.outside


def from_rows(
    method: Method, results: Sequence[CellResult], scores: Sequence[Scores], made: Made, protocol: Protocol
) -> Entry:
    """An entry of its cells' rows; ``results`` and ``scores`` are of all cells that ``method`` chooses from."""
    first = results[method.places[0]]
    own = [scores[place] for place in method.places]
    threshold = smallest_match(first.bits, protocol.rate)
    found_by_seed = [] if threshold is None else [one.summed(matched(one, threshold)) for one in own]
    draws = min((int(one.readings.max(initial=0)) for one in own), default=0)
    hits = {wanted: _hits(wanted, method.seeds, own, found_by_seed, made) for wanted in protocol.at(made.size)}
    people = {str(who) for place in method.places for who in results[place].rows["identity"].unique() if str(who)}
    quality = {
        name: measured({0: sample})[0]
        for name in first.quality.columns
        if name not in (*QUALITY_COLUMNS, "simulator", "distortion")
        if (sample := over_method(method, [quality_sample(qualities(one, "marked"), name) for one in results]))
    }
    images = min((len(one.images) for one in own), default=0)
    return entry_of(
        method.label, method.cells, made, protocol,
        bits=first.bits, seeds=_seeds(method, first, protocol), images=images, draws=draws,
        people=None if made.held_out is None or made.held_out != made.shown else min(len(people), made.held_out),
        hits=hits, quality=quality, stalled=any(results[place].stalled for place in method.places),
    )  # fmt: skip


def entry_of(
    label: str,
    cells: tuple[str, ...],
    made: Made,
    protocol: Protocol,
    *,
    bits: int,
    seeds: int,
    images: int,
    draws: int,
    people: int | None,
    hits: Mapping[Wanted, Hits],
    quality: Mapping[str, Measured],
    stalled: bool,
    more: Sequence[str] = (),
) -> Entry:
    """Hold what was measured against the rules."""
    lacks = [
        f"{have} {what}, {least} wanted"
        for have, what, least in (
            (seeds, _plural("seed", seeds), protocol.seeds),
            (images, _plural("image", images), protocol.images),
            (draws, _plural("draw", draws), protocol.draws),
        )
        if have < least
    ]
    if people is None:
        lacks.append("not said to be of people whom no training saw")
    elif people < protocol.people:
        lacks.append(f"{people} people held out, {protocol.people} wanted")
    if smallest_match(bits, protocol.rate) is None:
        lacks.append(f"{bits} payload bits cannot reach a false-positive rate of {protocol.rate:g}")
    lacks += _missing(hits)
    lacks += [f"no {name.upper()}" for name in protocol.beside if _value(quality.get(name)) is None]
    lacks += more
    psnr = _value(quality.get("psnr"))
    outside = "stalled: it has not learned to read" if stalled else ""
    if psnr is None:
        lacks.append("no PSNR")
    elif psnr < protocol.psnr - OFF["psnr"]:
        outside = outside or f"{psnr:.1f} dB, {protocol.psnr:g} wanted"
    flip = _value(quality.get("flip"))
    if flip is not None and protocol.flip is not None and flip > protocol.flip + OFF["flip"]:
        outside = outside or f"FLIP {flip:.3f}, {protocol.flip:g} at most"
    league = League(protocol.version, made.data, made.digest, made.size, bits)
    return Entry(label, made, league, seeds, images, people, draws, hits, quality, tuple(lacks), outside, cells)


def _hits(wanted: Wanted, seeds: Sequence[str], own: Sequence[Scores], summed: Sequence[Floats], made: Made) -> Hits:
    """``summed``: of each training the marks found, by attack and image; nothing where its payload is too short."""
    attack, why = found(wanted, own[0].attacks, made.parts)
    if attack is None:
        return Hits(missing=why)
    if not summed:
        return Hits(missing=OUT_OF_REACH, attack=attack)
    each = [rate_sample(one, attack, hits) for one, hits in zip(own, summed, strict=True)]
    sample = pooled(each, seeds)
    if sample is None:
        return Hits(missing="not of the same images with every seed", attack=attack)
    return Hits(sample, measured({0: sample})[0], attack=attack)


def matched(one: Scores, threshold: int) -> NDArray[np.bool_]:
    """(readings,): whether at least so many payload bits match."""
    enough: NDArray[np.bool_] = one.payload_errors <= one.bits - threshold
    return enough


def rate_sample(one: Scores, attack: Attack, summed: Floats) -> Sample | None:
    """How much of each image's readings after an attack was right; ``summed`` (attacks, images) counts it.

    Images are told apart from others' by their content, not by the draws that they were read with. None where the
    attack was not run.
    """
    at = one.where([attack])
    if not at:
        return None
    hit, tried = summed[at[0]], one.readings[at[0]]
    there = tried > 0
    names = tuple(name for name, read in zip(one.images, there, strict=True) if read)
    return Sample(hit[there][None], tried[there][None], (hash(names),), 0.0)


def learns(settings: Mapping[str, str]) -> bool:
    """Whether anything of a pair is trained, by its settings columns."""
    return settings.get("λ", "") != UNTRAINED


def _seeds(method: Method, first: CellResult, protocol: Protocol) -> int:
    # What does not learn is the same with every seed.
    return len(method.places) if learns(first.settings) else max(len(method.places), protocol.seeds)


def _missing(hits: Mapping[Wanted, Hits]) -> list[str]:
    """Kind by kind what was not run, and why."""
    lacking: dict[tuple[str, str], list[str]] = {}
    counted: dict[str, int] = {}
    for wanted, hit in hits.items():
        counted[wanted.kind] = counted.get(wanted.kind, 0) + 1
        if hit.missing:
            lacking.setdefault((wanted.kind, hit.missing), []).append(wanted.name)
    return [
        f"{kind}: {f'{len(names)} attacks' if len(names) == counted[kind] > 1 else ', '.join(names)} {why}"
        for (kind, why), names in lacking.items()
        if why != OUT_OF_REACH
    ]


def _value(entry: Measured | None) -> float | None:
    return None if entry is None or entry.estimate is None else entry.estimate.value


def _plural(noun: str, number: int) -> str:
    return noun if number == 1 else f"{noun}s"


def mean_of(entries: Sequence[Measured]) -> Measured:
    """The mean of rates that tables give, each with its interval alone.

    Its ends are the means of theirs. The spread of a mean is never more than the mean of spreads, however the rates
    hang together: so the interval is at least as wide as one over images would be.
    """
    estimates = [entry.estimate for entry in entries if entry.estimate is not None]
    if len(estimates) < len(entries) or not estimates:
        return Measured()
    low, value, high = (float(np.mean([getattr(one, of) for one in estimates])) for of in ("low", "value", "high"))
    return Measured(Estimate(value, low, high, min(one.n for one in estimates), "mean of intervals"))
