"""A table as a page shows it: text beside what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftbench.report.table import Column, Measured, Table, format_measured

NOTHING_LAST = ""
"""What an entry without a value is sorted by: the script puts it last, whichever way."""


@dataclass(frozen=True)
class Entry:
    """One entry of a body."""

    text: str
    interval: str = ""
    """``[low, high] n=…``, shown when the reader asks for intervals."""
    sort: str = NOTHING_LAST
    cell: str = ""
    """Key of the cell that the words name, if any."""
    number: bool = False


@dataclass(frozen=True)
class Sheet:
    """One table of a page."""

    name: str
    title: str
    caption: str
    heads: tuple[Entry, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[str, ...]
    nothing: str = ""


def sheets(table: Table, caption: str, cells: Mapping[str, str]) -> list[Sheet]:
    """A sheet for each printed part of a table; ``cells``: label of a setting -> key of its cell."""
    found = []
    for number, (part, columns) in enumerate(table.parts()):
        found.append(
            Sheet(
                name=table.name + (f"-{number + 1}" if number else ""),
                title=f"{table.title}: {part}" if part else table.title,
                caption=caption,
                heads=tuple(Entry(c.title, cell=_cell(c.title, cells), number=c.digits is not None) for c in columns),
                rows=_rows(table, columns, cells),
                notes=table.notes,
                nothing=table.nothing if table.frame.empty else "",
            )
        )
    return found


def _rows(table: Table, columns: Sequence[Column], cells: Mapping[str, str]) -> tuple[tuple[Entry, ...], ...]:
    keys = [column.key for column in columns]
    rows = []
    for values in table.frame[keys].itertuples(index=False):
        rows.append(tuple(_entry(value, column, cells) for value, column in zip(values, columns, strict=True)))
    return tuple(rows)


def _entry(value: str | Measured, column: Column, cells: Mapping[str, str]) -> Entry:
    if not isinstance(value, Measured):
        return Entry(str(value), sort=str(value).casefold(), cell=_cell(str(value), cells))
    found = value.estimate
    text, _, rest = format_measured(value, column).partition(" ")
    if found is None:
        return Entry(f"{text} {rest}".strip(), number=True)
    sort = repr(float(found.value)) if math.isfinite(found.value) else NOTHING_LAST
    return Entry(text, rest, sort, number=True)


def _cell(words: str, cells: Mapping[str, str]) -> str:
    return cells.get(words.removesuffix(" STALLED"), "")
