"""What is read after each attack: bits, whole payloads, and both after a deepfake and a distortion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ftbench.report.attacks import CONTROL, MET, REMOVALS, VARIANTS, Row, attack_rows, combined_rows, met_by
from ftbench.report.crossed import Crossed, Line, Method, over_method
from ftbench.report.sample import Sample, measured
from ftbench.report.scores import CHANCE, Scores
from ftbench.report.table import Measured
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import CellResult

STALLED_NOTE = "STALLED: training never left bit accuracy one half; the pair has not learned to read."
AWAY = "the same: how far from one half, in points"
AWAY_NOTE = (
    "Far from one half on either side a mark is still there: nought per cent is a perfect reading of the complement, "
    "by whoever thinks of inverting it."
)
CONTROL_NOTE = "Control: the decoder read the unmarked cover; a sound decoder stays near 50 %."


def attacks_table(results: Sequence[CellResult], scores: Sequence[Scores], methods: Sequence[Method]) -> Crossed:
    """Raw bits read after every simulator, and of marked images after every distortion. CSV: ``raw_bit_accuracy_…``.

    Of attacks that take marks off also the distance from one half; in CSV under the category ``AWAY``.
    """
    rows = attack_rows(results, scores)
    notes = [CONTROL_NOTE] if any(row.kind == CONTROL for row in rows) else []
    if any(result.stalled for result in results):
        notes.append(STALLED_NOTE)
    made = _read(
        "attacks", "Bits read after each attack, %", "raw_bit_accuracy", rows, results, scores, methods,
        lambda one, row: one.bits_read([row.attack]), notes,
    )  # fmt: skip
    return _with_distances(made, rows)


def _with_distances(made: Crossed, rows: Sequence[Row]) -> Crossed:
    """The table, with how far from one half the bits are that are read of marks that were taken off."""
    removed = [number for number, row in enumerate(rows) if row.kind == REMOVALS]
    if not removed:
        return made
    found = measured({key: sample for key, sample in made.samples.items() if key[0] in removed})
    lines, said = list(made.lines), dict(made.said)
    for number in removed:
        keys = {**rows[number].keys, "kind": AWAY}
        for place in range(len(made.methods)):
            if (entry := found.get((number, place))) is not None and entry.estimate is not None:
                said[len(lines), place] = Measured(_away(entry.estimate))
        lines.append(Line(AWAY, rows[number].title, keys, digits=1, scale=100.0, better=0))
    return replace(made, lines=tuple(lines), said=said, notes=(*made.notes, AWAY_NOTE))


def _away(read: Estimate) -> Estimate:
    """|rate − ½|, with the interval that follows from the rate's."""
    ends = sorted(abs(rate - CHANCE) for rate in (read.low, read.high))
    low = 0.0 if read.low <= CHANCE <= read.high else ends[0]
    return Estimate(abs(read.value - CHANCE), low, ends[1], read.n, read.method)


def combined_table(
    results: Sequence[CellResult], scores: Sequence[Scores], methods: Sequence[Method]
) -> Crossed | None:
    """Raw bits read where a distortion follows a simulator; None where none did."""
    rows = combined_rows(results, scores)
    if not rows:
        return None
    return _read(
        "combined", "Bits read after a simulator and then a distortion, %", "raw_bit_accuracy", rows, results, scores,
        methods, lambda one, row: one.bits_read([row.attack]),
    )  # fmt: skip


def words_table(results: Sequence[CellResult], scores: Sequence[Scores], methods: Sequence[Method]) -> Crossed:
    """Payloads that were read without an error, after the channel code where there is one."""
    rows = [row for row in attack_rows(results, scores) if row.kind != CONTROL]
    return _read(
        "words", "Payloads read without an error after each attack, %", "payload_word_accuracy", rows, results, scores,
        methods, lambda one, row: one.words_read([row.attack]),
    )  # fmt: skip


def met_in_training(
    rows: Sequence[Row], results: Sequence[CellResult], methods: Sequence[Method]
) -> frozenset[tuple[int, int]]:
    """(row, method) where the method met the row's simulator and another did not."""
    names = [met_by(results[method.places[0]]) for method in methods]
    found = set()
    for number, row in enumerate(rows):
        if row.kind in (MET, VARIANTS):
            simulator = row.attack[0]
            of = [place for place, met in enumerate(names) if simulator in met or simulator.partition(" ")[0] in met]
            if len(of) < len(methods) and row.kind == MET:
                found |= {(number, place) for place in of}
    return frozenset(found)


def _read(
    name: str,
    title: str,
    stem: str,
    rows: Sequence[Row],
    results: Sequence[CellResult],
    scores: Sequence[Scores],
    methods: Sequence[Method],
    taken: Callable[[Scores, Row], Sample | None],
    notes: Sequence[str] = (),
) -> Crossed:
    lines = [Line(row.kind, row.title, row.keys, digits=1, scale=100.0, better=row.better) for row in rows]
    samples = {}
    for number, row in enumerate(rows):
        each = [taken(one, row) for one in scores]
        for place, method in enumerate(methods):
            if (sample := over_method(method, each)) is not None:
                samples[number, place] = sample
    met = met_in_training(rows, results, methods)
    return Crossed(name, title, stem, tuple(lines), tuple(methods), samples, notes=tuple(notes), met=met)
