"""What training with another seed changes: one row a setting, every number a mean over its seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ftbench.report.result import STALLED, CellResult
from ftbench.report.summary import REACHED
from ftbench.report.table import CSV_ONLY, Column, Measured, Table, make_table
from ftbench.statistics import Estimate

SEED = "seed"
SEEDS_NOTE = (
    "Each number is the mean over the seeds of a setting; the brackets hold its lowest and its highest seed "
    "and say nothing of other images."
)


def seeds_table(results: Sequence[CellResult], main: Table) -> Table | None:
    """One row a setting, None where none has more than one seed. ``main`` is these results' main table.

    A setting is every settings column but the seed, and the lengths of payload and code. Each measured column of
    ``main`` is averaged over the seeds that have a value: CSV names end in ``_mean``, ``_low`` and ``_high`` (the
    lowest and highest seed) and ``_seeds`` (their number). Settings of which two cells share a seed differ in
    something that no column shows: they are left out and named in a note.
    """
    clear, notes = [], [SEEDS_NOTE]
    for members in alike(results):
        if len({results[index].settings.get(SEED) for index in members}) == len(members):
            clear.append(members)
        else:
            labels = ", ".join(results[index].label for index in members)
            notes.append(f"Not averaged, since several cells have one seed: {labels}.")
    if not any(len(members) > 1 for members in clear):
        return None
    identifying = ("label", "status", "cell", *(c.key for c in main.columns if c.digits is None and c.title == SEED))
    columns = [
        Column("label", "setting"),
        Column("status", "status"),
        Column("cells", "cells", part=CSV_ONLY),
        Column("seeds", "seeds"),
        *(column for column in main.columns if column.digits is None and column.key not in identifying),
        *(replace(column, over_seeds=True) for column in main.columns if column.digits is not None),
    ]
    rows = [_row([results[index] for index in members], main, members) for members in clear]
    return make_table("seeds", "Bits read and image quality, means over seeds", columns, rows, [*notes, *main.notes])


def alike(results: Sequence[CellResult]) -> list[list[int]]:
    """The places of results that differ in their seed alone, group by group."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, result in enumerate(results):
        groups.setdefault(_setting(result), []).append(index)
    return list(groups.values())


def _setting(result: CellResult) -> tuple[object, ...]:
    columns = sorted((name, value) for name, value in result.settings.items() if name != SEED)
    return (*columns, result.bits, result.code_bits)


def _row(members: Sequence[CellResult], main: Table, indices: Sequence[int]) -> Mapping[str, str | Measured]:
    taken = main.frame.iloc[list(indices)]
    row: dict[str, str | Measured] = {
        column.key: taken[column.key].iloc[0] if column.digits is None else over_seeds(list(taken[column.key]))
        for column in main.columns
    }
    if REACHED in row:
        # Its seeds may have reached different ones.
        row[REACHED] = "; ".join(dict.fromkeys(text for text in taken[REACHED] if text))
    stalled = sum(member.stalled for member in members)
    status = STALLED.upper() if stalled == len(members) else f"{stalled} of {len(members)} {STALLED.upper()}"
    return row | {
        "label": without_seed(members[0].label, members[0].settings.get(SEED)),
        "status": status if stalled else members[0].status,
        "cells": " ".join(member.cell for member in members),
        "seeds": ", ".join(member.settings.get(SEED, "") for member in members),
    }


def over_seeds(entries: Sequence[Measured]) -> Measured:
    """The mean of what was measured, between the lowest and the highest."""
    values = [entry.estimate.value for entry in entries if entry.estimate is not None]
    identical = sum(entry.identical for entry in entries)
    if not values:
        return Measured(None, identical)
    mean = sum(values) / len(values)
    # Rounding must not put the mean of equal values outside them.
    mean = min(max(mean, min(values)), max(values))
    return Measured(Estimate(mean, min(values), max(values), len(values), "range over seeds"), identical)


def without_seed(label: str, seed: str | None) -> str:
    """A setting's label without the words that name its seed."""
    if seed is None:
        return label
    return re.sub(rf"\s*\bseed {re.escape(seed)}(?!\S)", "", label).strip() or label
