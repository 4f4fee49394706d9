"""Is the mark found, and its owner? True-positive rates at exact false-positive rates, tracing, capacity."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ftbench.report.attacked import met_in_training
from ftbench.report.attacks import CONTROL, Row, attack_rows
from ftbench.report.crossed import Crossed, Line, Method, over_method
from ftbench.report.sample import Sample, measured
from ftbench.report.scores import CHANCE, Attack, Scores
from ftbench.report.table import Measured
from ftbench.statistics.detection import capacity, false_positive_rate, smallest_match, traced_share
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import UNDISTORTED, UNMARKED, CellResult

RATES = (1e-2, 1e-3, 1e-6)
REGISTERED = (10, 10**4, 10**6)
FLOOR = "found when every payload bit matches, %"
EXACT_NOTE = (
    "Each image's payload was drawn uniformly, so matches of an unmarked image are binomial with p = ½ whatever the "
    "decoder, the attack and the code: the false-positive rates are exact. The control counts them."
)
TRACED_NOTE = (
    "Traced: at least so many images are nearest to their own of M registered payloads; the chances that one of the "
    "others is as near are added up (union bound)."
)
CAPACITY_NOTE = (
    "Capacity: n · (1 − H(share of wrong bits)) bits an image of n code bits, H the entropy of a bit; an image has the "
    "pixels of the caption's size."
)
ROC_NOTE = (
    "Empirical cross-check: the chance that a reading after the attack matches better than one of an unmarked cover "
    "does (the area under the ROC curve)."
)
CODE_NOTE = (
    "Where a channel code stands between, payload bits are those after it. Before it no rate is exact: k payload bits "
    "have 2^k code words however many code bits each has, so matches of code bits are not binomial."
)
NO_CODE_NOTE = "No channel code stands between: payload bits before and after it are the same."


@dataclass(frozen=True)
class _Measure:
    part: str
    key: str
    right: Callable[[Scores], NDArray[np.generic] | None]
    chance: float = 0.0
    control: bool = False
    scale: float = 100.0
    digits: int = 1
    quiet: bool = False


def detection_table(
    results: Sequence[CellResult],
    scores: Sequence[Scores],
    methods: Sequence[Method],
    rates: Sequence[float] = RATES,
) -> Crossed:
    """One line an attack and measure. CSV: ``detection_value`` and so on, rates in 0..1, capacity in bits an image.

    ``rates``: of false positives, the mildest first.
    """
    rows = attack_rows(results, scores)
    lines: list[Line] = []
    samples: dict[tuple[int, int], Sample] = {}
    said: dict[tuple[int, int], Measured] = {}
    met = met_in_training(rows, results, methods)
    met_lines = set()
    for measure in _measures(scores, rates):
        attacks = [row.attack for row in rows if measure.control or row.kind != CONTROL]
        each = [_taken(one, measure, attacks) for one in scores]
        for place, row in enumerate(rows):
            if row.attack not in attacks:
                continue
            number = len(lines)
            lines.append(_line(measure, row))
            of_row = [found.get(row.attack) for found in each]
            for column, method in enumerate(methods):
                if (place, column) in met:
                    met_lines.add((number, column))
                if (sample := over_method(method, of_row)) is not None:
                    samples[number, column] = sample
                elif measure.right(scores[method.places[0]]) is None:
                    said[number, column] = Measured(said="out of reach")
    _capacities(rows, scores, methods, lines, said)
    notes = [*_thresholds(scores, rates), EXACT_NOTE, TRACED_NOTE, CAPACITY_NOTE]
    if any(row.kind == CONTROL for row in rows):
        notes.append(ROC_NOTE)
    notes.append(CODE_NOTE if any(result.coded for result in results) else NO_CODE_NOTE)
    title = "Marks found at exact false-positive rates, and traced"
    return Crossed(
        "detection", title, "detection", tuple(lines), tuple(methods), samples, said, tuple(notes),
        met=frozenset(met_lines),
    )  # fmt: skip


def _measures(scores: Sequence[Scores], rates: Sequence[float]) -> list[_Measure]:
    lengths = {one.bits for one in scores}
    found = []
    for rate in rates:
        if any(smallest_match(bits, rate) is not None for bits in lengths):
            part = f"found at a false-positive rate of at most {_power(rate)}, %"
            found.append(_Measure(part, f"found at {rate:g}", partial(_found, rate=rate), control=True))
    # Where even the mildest rate wants every bit, that is the floor already.
    if any(smallest_match(bits, rates[-1]) is None and smallest_match(bits, rates[0]) != bits for bits in lengths):
        found.append(_Measure(FLOOR, "found, every bit", lambda one: one.payload_errors == 0, control=True))
    for number in REGISTERED:
        quiet = not any(_tellable(bits, number) for bits in lengths)
        part = f"traced to the right one of {number:,} registered payloads, %"
        found.append(_Measure(part, f"traced among {number}", partial(_traced, registered=number), quiet=quiet))
    if any((UNMARKED, UNDISTORTED) in one.attacks for one in scores):
        found.append(_Measure("area under the empirical ROC curve", "area", _placements, CHANCE, scale=1.0, digits=3))
    return found


def _found(one: Scores, rate: float) -> NDArray[np.generic] | None:
    threshold = smallest_match(one.bits, rate)
    return None if threshold is None else one.payload_errors <= one.bits - threshold


def _tellable(bits: int, registered: int) -> bool:
    """Whether a payload without an error can be told from those of so many: not where the others fill every place."""
    return registered - 1 < 1 << bits


def _traced(one: Scores, registered: int) -> NDArray[np.generic]:
    return traced_share(np.arange(one.bits, -1, -1), one.bits, registered)[one.payload_errors]


def _placements(one: Scores) -> NDArray[np.generic] | None:
    """Of each reading: the share of unmarked covers' readings that match worse, those that match alike by half."""
    at = one.where([(UNMARKED, UNDISTORTED)])
    if not at:
        return None
    unmarked = one.payload_errors[one.place // len(one.images) == at[0]]
    counts = np.bincount(unmarked, minlength=one.bits + 1) / len(unmarked)
    # More errors match worse.
    worse = counts[::-1].cumsum()[::-1] - counts / 2
    placed: NDArray[np.float64] = np.clip(worse, 0.0, 1.0)[one.payload_errors]
    return placed


def _taken(one: Scores, measure: _Measure, attacks: Sequence[Attack]) -> dict[Attack, Sample]:
    right = measure.right(one) if one.attacks else None
    return {} if right is None else one.rates(attacks, right, measure.chance)


def _line(measure: _Measure, row: Row) -> Line:
    title = "unmarked covers (false positives)" if row.kind == CONTROL else row.title
    keys = {"measure": measure.key, **row.keys}
    return Line(row.kind, title, keys, measure.digits, measure.scale, row.better, measure.part, measure.quiet)


def _capacities(
    rows: Sequence[Row],
    scores: Sequence[Scores],
    methods: Sequence[Method],
    lines: list[Line],
    said: dict[tuple[int, int], Measured],
) -> None:
    """Capacity follows from the bits read, its interval from theirs."""
    taken: dict[Hashable, Sample] = {}
    kept = [row for row in rows if row.kind != CONTROL]
    for number, row in enumerate(kept, start=len(lines)):
        each = [one.bits_read([row.attack]) for one in scores]
        for column, method in enumerate(methods):
            if (sample := over_method(method, each)) is not None:
                taken[number, column] = sample
        lines.append(
            Line(row.kind, row.title, {"measure": "capacity", **row.keys}, 2, 1.0, 0, "capacity, bits an image")
        )
    for key, entry in measured(taken).items():
        if isinstance(key, tuple) and entry.estimate is not None:
            said[key] = Measured(_capacity(entry.estimate, scores[methods[key[1]].places[0]].code_bits))


def _capacity(read: Estimate, length: int) -> Estimate:
    ends = sorted(capacity(length, 1 - rate) for rate in (read.low, read.high))
    low = 0.0 if read.low <= CHANCE <= read.high else ends[0]
    return Estimate(capacity(length, 1 - read.value), low, ends[1], read.n, read.method)


def _thresholds(scores: Sequence[Scores], rates: Sequence[float]) -> list[str]:
    """In words: how many bits have to match for which exact rate."""
    notes = []
    for bits in sorted({one.bits for one in scores}):
        told, beyond = [], []
        for rate in rates:
            threshold = smallest_match(bits, rate)
            if threshold is None:
                beyond.append(_power(rate))
            else:
                told.append(f"{threshold} for {_power(rate)} (exactly {false_positive_rate(bits, threshold):.2g})")
        reach = (
            f" {' and '.join(beyond)} cannot be reached: the floor is 2^−{bits} = {2.0**-bits:.2g}." if beyond else ""
        )
        needed = f" must match: {', '.join(told)}." if told else " are too few."
        many = [f"{number:,}" for number in REGISTERED if not _tellable(bits, number)]
        apart = f" {' or '.join(many)} payloads are more than {bits} bits can tell apart." if many else ""
        notes.append(f"Of {bits} payload bits{needed}{reach}{apart}")
    return notes


def _power(rate: float) -> str:
    text = f"{rate:.0e}"
    return (text if float(text) == rate else f"{rate:g}").replace("e-0", "e-")
