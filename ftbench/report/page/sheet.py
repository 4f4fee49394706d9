"""A table as a page shows it: what is printed, beside the full interval and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ftbench.report.table import ABSENT, BEST, Column, Measured, Table, common_n, format_measured, format_short

NOTHING_LAST = ""
"""What an entry without a value is sorted by: the script puts it last, whichever way."""


@dataclass(frozen=True)
class Entry:
    """One entry of a body."""

    text: str
    interval: str = ""
    """``97.81 [96.90, 98.42] n=…``, shown when the reader asks for intervals."""
    sort: str = NOTHING_LAST
    cell: str = ""
    """Key of the cell that the words name, if any."""
    cells: tuple[tuple[str, str], ...] = ()
    """Of a heading: key of each cell below it, and its seed in words."""
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
    heads: tuple[Entry, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    nothing: str = ""


def sheets(table: Table, cells: Mapping[str, str], seeds: Mapping[str, str]) -> Iterator[Sheet]:
    """A sheet for each printed part of a table.

    ``cells``: label of a setting -> key of its cell. ``seeds``: key of a cell -> its seed.
    """
    parts = table.parts()
    for number, (part, columns) in enumerate(parts):
        shown = tuple(column for column in columns if column.digits is None or _any(table, column))
        yield Sheet(
            name=table.name + (f"-{number + 1}" if number else ""),
            title="" if number else table.title,
            part=part,
            label=f"{table.title}: {part}" if part else table.title,
            heads=tuple(_head(one, seeds) for one in shown),
            rows=tuple(_rows(table, shown, cells)),
            notes=table.notes if number + 1 == len(parts) else (),
            nothing=table.nothing if table.frame.empty else "",
        )


def _head(column: Column, seeds: Mapping[str, str]) -> Entry:
    made = tuple((key, seeds[key]) for key in column.cells if key in seeds)
    return Entry(column.title, number=column.digits is not None, cells=made)


def _any(table: Table, column: Column) -> bool:
    return any(entry.estimate is not None or entry.said or entry.identical for entry in table.entries[column.key])


def _rows(table: Table, columns: tuple[Column, ...], cells: Mapping[str, str]) -> Iterator[Row]:
    n, group = common_n(table), ""
    for record in table.frame.to_dict("records"):
        entries = tuple(_entry(record[column.key], column, n, cells) for column in columns)
        if table.group and all(entry.text == ABSENT for entry in entries[1:]):
            # Nothing of this part was measured there, such as a registered payload of an unmarked cover.
            continue
        above = str(record.get(table.group, "")) if table.group else ""
        if above != group:
            group = above
            yield Row(group=above)
        yield Row(entries)


def _entry(value: str | Measured, column: Column, n: int | None, cells: Mapping[str, str]) -> Entry:
    if not isinstance(value, Measured):
        return Entry(str(value), sort=str(value).casefold(), cell=cells.get(str(value), ""))
    found = value.estimate
    if found is None:
        return Entry(format_short(value, column, n), number=True)
    own = replace(column, digits=column.digits if value.digits is None else value.digits)
    own = replace(own, scale=column.scale if value.scale is None else value.scale)
    sort = repr(float(found.value)) if math.isfinite(found.value) else NOTHING_LAST
    return Entry(
        format_short(value, column, n), format_measured(value, own), sort, number=True, best=value.mark == BEST
    )
