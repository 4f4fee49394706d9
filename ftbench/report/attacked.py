"""What is read after each attack: bits, whole payloads, and both after a deepfake and a distortion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ftbench.report.attacks import CONTROL, MET, VARIANTS, Row, attack_rows, combined_rows, met_by
from ftbench.report.crossed import Crossed, Line, Method, over_method
from ftbench.report.sample import Sample
from ftbench.report.scores import Scores
from ftbench.storage.results import CellResult

STALLED_NOTE = "STALLED: training never left bit accuracy one half; the pair has not learned to read."
CONTROL_NOTE = "Control: the decoder read the unmarked cover; a sound decoder stays near 50 %."


def attacks_table(results: Sequence[CellResult], scores: Sequence[Scores], methods: Sequence[Method]) -> Crossed:
    """Raw bits read after every simulator, and of marked images after every distortion. CSV: ``raw_bit_accuracy_…``."""
    rows = attack_rows(results, scores)
    notes = [CONTROL_NOTE] if any(row.kind == CONTROL for row in rows) else []
    if any(result.stalled for result in results):
        notes.append(STALLED_NOTE)
    return _read(
        "attacks", "Bits read after each attack, %", "raw_bit_accuracy", rows, results, scores, methods,
        lambda one, row: one.bits_read([row.attack]), notes,
    )  # fmt: skip


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
    lines = [
        Line(row.kind, row.title, row.keys, digits=1, scale=100.0, better=0 if row.kind == CONTROL else 1)
        for row in rows
    ]
    samples = {}
    for number, row in enumerate(rows):
        each = [taken(one, row) for one in scores]
        for place, method in enumerate(methods):
            if (sample := over_method(method, each)) is not None:
                samples[number, place] = sample
    met = met_in_training(rows, results, methods)
    return Crossed(name, title, stem, tuple(lines), tuple(methods), samples, notes=tuple(notes), met=met)
