"""A table as a page shows it: what is printed, beside the full interval and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from ftbench.report.table import ABSENT, BEST, Column, Measured, Table, common_n, format_measured, format_short

NOTHING_LAST = ""
"""What a number that is not there is sorted by: the script puts it last, whichever way."""
LONG = 40
"""Rows from which on a table is a window that scrolls by itself."""


@dataclass(frozen=True)
class Entry:
    """One entry of a body."""

    text: str
    interval: str = ""
    """``97.81 [96.90, 98.42]``, shown when the reader asks for intervals; n where it is not what the caption says."""
    sort: str = NOTHING_LAST
    """What a number is sorted by; words are sorted by themselves."""
    cell: str = ""
    """Key of the cell that the words name, if any."""
    cells: tuple[tuple[str, str], ...] = ()
    """Of a heading: key of each cell below or beside it, and its seed in words."""
    number: bool = False
    best: bool = False


@dataclass(frozen=True)
class Row:
    """Entries, or a text alone that stands above the rows of its group."""

    entries: tuple[Entry, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Sheet:
    """One table of a page."""

    name: str
    title: str
    """Empty where a table goes on with its next part."""
    part: str
    label: str
    """For who hears the page."""
    kinds: tuple[tuple[str, int], ...]
    """What stands above how many heads, side by side; none: nothing does."""
    heads: tuple[Entry, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    nothing: str = ""

    @property
    def long(self) -> bool:
        """Whether a reader would have to scroll far to come past it."""
        return len(self.rows) > LONG


def sheets(table: Table, cells: Mapping[str, str], seeds: Mapping[str, str]) -> Iterator[Sheet]:
    """A sheet for each printed part of a table.

    ``cells``: label of a setting -> key of its cell. ``seeds``: key of a cell -> its seed.
    """
    parts = table.parts(kinds_apart=False)
    if table.frame.empty:
        # Said once, whatever parts there would be.
        parts = [("", ())]
    for number, (part, columns) in enumerate(parts):
        shown = tuple(column for column in columns if column.digits is None or _any(table, column))
        yield Sheet(
            name=table.name + (f"-{number + 1}" if number else ""),
            title="" if number else table.title,
            part=part,
            label=f"{table.title}: {part}" if part else table.title,
            kinds=_kinds(shown),
            heads=tuple(_head(one, seeds) for one in shown),
            rows=tuple(_rows(table, shown, cells, seeds)),
            notes=table.notes if number + 1 == len(parts) else (),
            nothing=table.nothing if table.frame.empty else "",
        )


def _kinds(columns: tuple[Column, ...]) -> tuple[tuple[str, int], ...]:
    spans = tuple((kind, len(list(those))) for kind, those in groupby(columns, lambda column: column.kind))
    return spans if any(kind for kind, _ in spans) else ()


def _head(column: Column, seeds: Mapping[str, str]) -> Entry:
    return Entry(column.title, number=column.digits is not None, cells=_made(column.cells, seeds))


def _made(cells: tuple[str, ...], seeds: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, seeds[key]) for key in cells if key in seeds)


def _any(table: Table, column: Column) -> bool:
    return any(entry.estimate is not None or entry.said or entry.identical for entry in table.entries[column.key])


def _rows(
    table: Table, columns: tuple[Column, ...], cells: Mapping[str, str], seeds: Mapping[str, str]
) -> Iterator[Row]:
    n, group = common_n(table), ""
    for number, record in enumerate(table.frame.to_dict("records")):
        entries = tuple(_entry(record[column.key], column, n, cells) for column in columns)
        if table.cells:
            entries = (with_links(entries[0], _made(table.cells[number], seeds)), *entries[1:])
        if table.group and all(entry.text == ABSENT for entry in entries[1:]):
            # Nothing of this part was measured there, such as a registered payload of an unmarked cover.
            continue
        above = str(record.get(table.group, "")) if table.group else ""
        if above != group:
            group = above
            yield Row(group=above)
        yield Row(entries)


def with_links(entry: Entry, made: tuple[tuple[str, str], ...]) -> Entry:
    """A setting's name: itself the link to its one cell, or with a link for each seed beside it."""
    return replace(entry, cell=made[0][0]) if len(made) == 1 else replace(entry, cells=made, cell="")


def _entry(value: str | Measured, column: Column, n: int | None, cells: Mapping[str, str]) -> Entry:
    if not isinstance(value, Measured):
        return Entry(str(value), cell=cells.get(str(value), ""))
    found = value.estimate
    if found is None:
        return Entry(format_short(value, column, n), number=True)
    own = replace(column, digits=column.digits if value.digits is None else value.digits)
    own = replace(own, scale=column.scale if value.scale is None else value.scale)
    sort = f"{found.value:.7g}" if math.isfinite(found.value) else NOTHING_LAST
    return Entry(
        format_short(value, column, n),
        format_measured(value, own, found.n != n),
        sort,
        number=True,
        best=value.mark == BEST,
    )
