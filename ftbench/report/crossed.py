"""Tables of methods against what was measured: one definition, printed either way round and written row by row."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ftbench.plaintext import shown
from ftbench.report.inwords import Said, in_words
from ftbench.report.layout import HEADING
from ftbench.report.measures import held_at, reached
from ftbench.report.result import display_labels
from ftbench.report.sample import Sample, compared, measured, pooled, tellable
from ftbench.report.seeds import SEED, alike, without_seed
from ftbench.report.table import BEST, CSV_ONLY, LEVEL, NO_CELL, Column, Measured, Table, make_table
from ftbench.statistics.estimates import Estimate
from ftbench.statistics.significance import holm
from ftbench.storage.results import STALLED, CellResult

ALPHA = 0.05
ACROSS = 40
"""Methods at most that stand side by side: of more, each is a row, whatever was asked for."""
MARK_NOTE = (
    "Bold: the best of its {across}{same}. ≈: not told from it, compared over the same images at 5 % after Holm's "
    "correction for every two methods of every {across}, {family} comparisons in all."
)
TRAININGS_NOTE = (
    "Of methods with one seed that is said of these trainings: what another seed would give, images cannot tell."
)
UNLIKE_NOTE = "Not compared with each other: what was not measured on the same images and draws."


@dataclass(frozen=True)
class Method:
    """One column: a setting, with all of its seeds."""

    label: str
    places: tuple[int, ...]
    """Of its cells among the results."""
    cells: tuple[str, ...]
    seeds: tuple[str, ...]
    peers: str
    """The quality at which its images were held, or nothing: methods are compared at one quality."""


@dataclass(frozen=True)
class Line:
    """One row: something that was measured of every method."""

    group: str
    title: str
    keys: Mapping[str, str] = field(default_factory=dict)
    digits: int = 2
    scale: float = 1.0
    better: int = 1
    """1 where more is better, -1 where less is, 0 where neither, and nothing is compared."""
    part: str = ""
    """Lines of another part are another table under the same heading."""
    quiet: bool = False
    """Of a part that no printed table has, since it cannot be otherwise; it stands in the files for programs."""


@dataclass(frozen=True)
class Crossed:
    """What was measured: ``samples`` and ``said`` by (line, method); ``said`` entries are there as they are."""

    name: str
    title: str
    stem: str
    """Of its CSV names."""
    lines: tuple[Line, ...]
    methods: tuple[Method, ...]
    samples: Mapping[tuple[int, int], Sample]
    said: Mapping[tuple[int, int], Measured] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    nothing: str = ""
    met: frozenset[tuple[int, int]] = frozenset()
    """Where a method met the attack in training and another one did not."""
    task: tuple[str, str] | None = None
    said_of: Mapping[int, Said] = field(default_factory=dict)
    """Line -> what of it is said in words, after the task."""


def methods_of(results: Sequence[CellResult]) -> list[Method]:
    """Settings in order of appearance; of cells that share a seed too, each is one by itself."""
    labels = display_labels(results, loud=False)
    found = []
    for members in alike(results):
        seeds = [results[index].settings.get(SEED, "") for index in members]
        groups = [members] if len(set(seeds)) == len(members) else [[index] for index in members]
        for places in groups:
            first = results[places[0]]
            label = labels[places[0]] if len(places) == 1 else without_seed(first.label, first.settings.get(SEED))
            stalled = sum(results[index].stalled for index in places)
            if off := reached(first):
                label = f"{label} (reached {off[0].measured(off[1])})"
            if stalled:
                label += f" {STALLED.upper()}" if stalled == len(places) else f" {stalled} seeds {STALLED.upper()}"
            taken = tuple(results[index].settings.get(SEED, "") for index in places)
            cells = tuple(results[index].cell for index in places)
            found.append(Method(label, tuple(places), cells, taken, _held(first)))
    return sorted(found, key=lambda method: method.places)


def _held(result: CellResult) -> str:
    """``36 dB`` of pairs whose residuals were scaled to that, in evaluation or in training."""
    held = held_at(result)
    return held.said() if held else ""


def over_method(method: Method, samples: Sequence[Sample | None]) -> Sample | None:
    """The samples of all cells as that of their method."""
    return pooled([samples[place] for place in method.places], method.seeds)


def tables_of(crossed: Crossed, *, methods_across: bool = True) -> tuple[Table, Table]:
    """As it is printed, and row by row for programs. More than ``ACROSS`` methods stand below each other."""
    entries = measured(crossed.samples) | dict(crossed.said)
    leading, differences, corrected, family = _behind_best(crossed, entries)
    for (line, method), entry in entries.items():
        form = crossed.lines[line]
        mark = ""
        if (line, method) in differences:
            p = corrected.get((line, method))
            mark = LEVEL if p is None or p > ALPHA else ""
        elif (line, method) in leading:
            mark = BEST
        met = "°" if (line, method) in crossed.met else ""
        said = " ".join(filter(None, [entry.said, met]))
        entries[line, method] = replace(entry, digits=form.digits, scale=form.scale, mark=mark, said=said)
    notes = list(crossed.notes)
    methods_across = methods_across and len(crossed.methods) <= ACROSS
    across = "row" if methods_across else "column"
    if family:
        several = len({method.peers for method in crossed.methods}) > 1
        same = " among methods held at the same dB or FLIP" if several else ""
        notes.append(MARK_NOTE.format(across=across, same=same, family=f"{family:,}"))
        if any(len(method.places) == 1 for method in crossed.methods):
            notes.append(TRAININGS_NOTE)
    if _unlike(crossed):
        notes.append(UNLIKE_NOTE)
    if crossed.met:
        notes.append("°: met in its own training.")
    printed = _across(crossed, entries, notes) if methods_across else _down(crossed, entries, notes)
    if crossed.task is not None:
        words = in_words(crossed.said_of, entries, [method.label for method in crossed.methods])
        printed = replace(printed, lead=tuple((shown(about), shown(text)) for about, text in (crossed.task, *words)))
    return printed, _in_rows(crossed, entries, differences, corrected)


def _peers(crossed: Crossed) -> Iterator[tuple[int, list[int]]]:
    """Line by line, the methods of one quality that were measured on the same images and draws."""
    found: dict[Hashable, tuple[int, list[int]]] = {}
    for line, method in sorted(crossed.samples):
        if crossed.lines[line].better:
            key = line, crossed.methods[method].peers, crossed.samples[line, method].images
            found.setdefault(key, (line, []))[1].append(method)
    yield from found.values()


def _best(crossed: Crossed, entries: Mapping[tuple[int, int], Measured], line: int, peers: Sequence[int]) -> int | None:
    """The method whose value is best, the first of those that share it; None where there is nothing to compare."""
    better = crossed.lines[line].better
    values = {
        method: better * found.value
        for method in peers
        if (entry := entries.get((line, method))) is not None and (found := entry.estimate) is not None
        if math.isfinite(found.value)
    }
    return max(values, key=values.__getitem__) if len(values) > 1 else None


def _behind_best(
    crossed: Crossed, entries: Mapping[tuple[int, int], Measured]
) -> tuple[set[tuple[int, int]], dict[tuple[int, int], Estimate], dict[tuple[int, int], float], int]:
    """The best of each line, the others' differences to it, p-values after correction, and how many comparisons.

    The best is known only after all were seen: so every two methods of a line are of the family.
    """
    leading, pairs, family = set(), {}, 0
    for line, peers in _peers(crossed):
        if (best := _best(crossed, entries, line, peers)) is None:
            continue
        family += len(peers) * (len(peers) - 1) // 2
        first = entries[line, best].estimate
        for other in peers:
            found = entries[line, other].estimate
            if found is None or first is None:
                continue
            if found.value == first.value:
                leading.add((line, other))
            else:
                pairs[line, other] = (crossed.samples[line, other], crossed.samples[line, best])
    differences = compared(pairs)
    tested = [key for key, found in differences.items() if tellable(found)]
    p_values = holm([found.p if (found := differences[key]).p is not None else 1.0 for key in tested], family)
    return leading, differences, dict(zip(tested, p_values, strict=True)), family


def _unlike(crossed: Crossed) -> bool:
    """Whether methods of one quality were measured on unlike images."""
    found: dict[tuple[int, str], set[Hashable]] = {}
    for (line, method), sample in crossed.samples.items():
        if crossed.lines[line].better:
            found.setdefault((line, crossed.methods[method].peers), set()).add(sample.images)
    return any(len(images) > 1 for images in found.values())


def _across(crossed: Crossed, entries: Mapping[tuple[int, int], Measured], notes: Sequence[str]) -> Table:
    """Methods are columns; parts of lines stand under each other."""
    parts = list(dict.fromkeys(line.part for line in crossed.lines if not line.quiet))
    names, shared = short_names([method.label for method in crossed.methods])
    notes = [*notes, f"In the name of every method: {shared}."] if shared else notes
    columns = [Column("group", "kind"), Column("row", "")]
    columns += [
        Column(f"{number}:{part}", name, 2, part=part, cells=method.cells)
        for part in parts
        for number, (name, method) in enumerate(zip(names, crossed.methods, strict=True))
    ]
    if len(parts) < 2:
        rows = [_row(crossed, entries, line, line) for line in range(len(crossed.lines))]
        return _table(crossed, columns, rows, notes)
    # Lines of the parts that have one title stand in one row, each in the columns of its part.
    joined: dict[tuple[str, str], dict[str, str | Measured]] = {}
    for number, line in enumerate(crossed.lines):
        joined.setdefault((line.group, line.title), {}).update(_row(crossed, entries, number, number))
    return _table(crossed, columns, list(joined.values()), notes)


def short_names(labels: Sequence[str]) -> tuple[list[str], str]:
    """Labels without the words that all of them share, where one is too long for a heading; and those words."""
    words = [label.split() for label in labels]
    if len(labels) < 2 or max(map(len, labels)) <= HEADING:
        return list(labels), ""
    first = words[0]
    runs = sorted(
        (first[start:stop] for start in range(len(first)) for stop in range(start + 1, len(first) + 1)),
        key=len,
        reverse=True,
    )
    for run in runs:
        places = [_place(one, run) for one in words]
        if all(place is not None and len(one) > len(run) for place, one in zip(places, words, strict=True)):
            kept = [
                " ".join(one[:place] + one[place + len(run) :])
                for place, one in zip(places, words, strict=True)
                if place is not None
            ]
            return (kept, " ".join(run)) if len(set(kept)) == len(set(labels)) else (list(labels), "")
    return list(labels), ""


def _place(words: Sequence[str], run: Sequence[str]) -> int | None:
    return next((at for at in range(len(words)) if list(words[at : at + len(run)]) == list(run)), None)


def _row(
    crossed: Crossed, entries: Mapping[tuple[int, int], Measured], number: int, line: int
) -> dict[str, str | Measured]:
    said = crossed.lines[number]
    row: dict[str, str | Measured] = {"group": said.group, "row": said.title}
    for method in range(len(crossed.methods)):
        row[f"{method}:{said.part}"] = entries.get((line, method), Measured())
    return row


def _table(
    crossed: Crossed, columns: Sequence[Column], rows: Sequence[Mapping[str, str | Measured]], notes: Sequence[str]
) -> Table:
    nothing = crossed.nothing or NO_CELL
    return make_table(crossed.name, crossed.title, columns, rows, notes, group="group", nothing=nothing)


def _down(crossed: Crossed, entries: Mapping[tuple[int, int], Measured], notes: Sequence[str]) -> Table:
    """Methods are rows; the lines of a group are columns of one part."""
    columns = [Column("group", "kind", part=CSV_ONLY), Column("row", "method")]
    columns += [
        Column(str(number), line.title, 2, part=line.part, kind=line.group)
        for number, line in enumerate(crossed.lines)
        if not line.quiet
    ]
    rows = []
    for place, method in enumerate(crossed.methods):
        row: dict[str, str | Measured] = {"row": method.label}
        row |= {str(line): entries.get((line, place), Measured()) for line in range(len(crossed.lines))}
        rows.append(row)
    nothing = crossed.nothing or NO_CELL
    cells = [method.cells for method in crossed.methods] if crossed.lines else []
    rows = rows if crossed.lines else []
    return make_table(crossed.name, crossed.title, columns, rows, notes, nothing=nothing, cells=cells)


def _in_rows(
    crossed: Crossed,
    entries: Mapping[tuple[int, int], Measured],
    differences: Mapping[tuple[int, int], Estimate],
    corrected: Mapping[tuple[int, int], float],
) -> Table:
    keys = list(dict.fromkeys(key for line in crossed.lines for key in line.keys))
    columns = [
        Column("cell", "cells"),
        Column("label", "method"),
        *(Column(key, key) for key in keys),
        Column(crossed.stem, crossed.title, 2, counts_identical=False, spread=True),
        Column("said", "in words"),
        Column("mark", "best, or level with it"),
        Column("behind_best", "this minus the best", 2, signed=True),
        Column("behind_best_p", "p, corrected"),
    ]
    rows = []
    for place, method in enumerate(crossed.methods):
        for number, line in enumerate(crossed.lines):
            if (entry := entries.get((number, place))) is None:
                continue
            p = corrected.get((number, place))
            row: dict[str, str | Measured] = {
                "cell": " ".join(method.cells), "label": method.label, **line.keys, crossed.stem: entry,
                "said": entry.said.strip("° "), "mark": entry.mark, "behind_best_p": "" if p is None else repr(p),
                "behind_best": Measured(differences.get((number, place))),
            }  # fmt: skip
            rows.append(row)
    return make_table(crossed.name, crossed.title, columns, rows)
