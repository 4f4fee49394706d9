"""A table as pieces that fit a page: columns that have no room go into a next piece, long names into a legend."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ftbench.report.table import ABSENT, BEST, Column, Measured, Table, common_n, format_short

WIDTH = 120
HEADING, TITLE, GROUP, ENTRY = 20, 36, 48, 24
"""Letters that the heading of a column, the text that begins a row, that above a group and a name in the place of a
number may take in full."""
BETWEEN = 3
"""What stands between two columns: a bar and two spaces."""


@dataclass(frozen=True)
class Entry:
    """What stands in one place."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Piece:
    """As much of a table as fits beside itself."""

    heading: str
    columns: tuple[str, ...]
    right: tuple[bool, ...]
    """Whether a column holds numbers."""
    rows: tuple[str | tuple[Entry, ...], ...]
    """A text alone stands above the rows of its group."""


@dataclass
class Legend:
    """Names that are too long, and what stands for them."""

    short: dict[str, str] = field(default_factory=dict)

    def fit(self, text: str, length: int) -> str:
        """The text, or its beginning and a letter that the legend explains."""
        if len(text) <= length:
            return text
        if text not in self.short:
            mark = _letters(len(self.short))
            self.short[text] = f"{text[: length - len(mark) - 4].rstrip()} … ({mark})"
        return self.short[text]

    @property
    def lines(self) -> list[str]:
        """The explanations, as one note, or none."""
        named = [f"({short.rpartition('(')[2]} {text}" for text, short in self.short.items()]
        return [f"In full: {'; '.join(named)}."] if named else []


def pieces(table: Table, width: int, drawn: Callable[[Entry], str]) -> tuple[list[Piece], list[str]]:
    """Every piece of a table with rows, and notes on what was shortened or is the same in every row.

    ``drawn`` gives an entry as it will be written, whose length counts.
    """
    legend = Legend()
    notes: list[str] = []
    found: list[Piece] = []
    n = common_n(table)
    same = _same(table)
    if same:
        notes.append("The same in every row: " + ", ".join(f"{title} {text}" for title, text in same.values()) + ".")
    for heading, columns in table.parts():
        kept = [column for column in columns if column.key not in same]
        filled = [column for column in kept if column.digits is None or _any(table, column)]
        # A part of which nothing is left but whose rows they would be says nothing.
        if filled and (not heading or any(column.piece for column in filled)):
            found += _split(table, heading, filled, width, drawn, legend, n)
    return found, notes + legend.lines


def _split(
    table: Table,
    heading: str,
    columns: list[Column],
    width: int,
    drawn: Callable[[Entry], str],
    legend: Legend,
    n: int | None,
) -> Iterator[Piece]:
    leading = [column for column in columns if column.digits is None and not column.piece]
    others = [column for column in columns if column not in leading]
    entries = {column.key: _entries(table, column, legend, n) for column in columns}
    titles = {column.key: legend.fit(column.title, HEADING) for column in columns}
    widths = {
        key: max(len(drawn(Entry(titles[key]))), *(len(drawn(one)) for one in entries[key])) + BETWEEN
        for key in entries
    }
    groups = dict.fromkeys(table.entries[table.group]) if table.group else {}
    shortened = {group: legend.fit(group, GROUP) for group in groups}
    if leading and groups:
        first = leading[0].key
        widths[first] = max(widths[first], *(len(drawn(Entry(text))) + 2 + BETWEEN for text in shortened.values()))
    room = width - 1 - sum(widths[column.key] for column in leading)
    for places in _blocks([widths[column.key] for column in others], room):
        block = [*leading, *(others[place] for place in places)]
        yield Piece(
            heading,
            tuple(titles[column.key] for column in block),
            tuple(column.digits is not None for column in block),
            tuple(_rows(table, [entries[column.key] for column in block], shortened)),
        )


def _blocks(widths: Sequence[int], room: int) -> list[range]:
    """Which columns stand beside each other: as few blocks as have room, of about as many columns each."""
    least = 1
    while True:
        a_block = -(-len(widths) // least)
        blocks = [range(start, min(start + a_block, len(widths))) for start in range(0, len(widths), max(1, a_block))]
        if a_block <= 1 or all(sum(widths[place] for place in block) <= room for block in blocks):
            return blocks or [range(0)]
        least += 1


def _rows(table: Table, columns: list[list[Entry]], names: Mapping[str, str]) -> Iterator[str | tuple[Entry, ...]]:
    groups = list(table.entries[table.group]) if table.group else [""] * len(table.frame)
    before = ""
    for group, row in zip(groups, zip(*columns, strict=True), strict=True):
        if table.group and all(entry.text == ABSENT for entry in row[1:]):
            continue
        if group != before:
            before = group
            yield names[group]
        yield row


def _entries(table: Table, column: Column, legend: Legend, n: int | None) -> list[Entry]:
    if column.digits is None:
        return [Entry(legend.fit(str(entry), TITLE)) for entry in table.entries[column.key]]
    found = []
    for entry in table.entries[column.key]:
        text = format_short(entry, column, n)
        # A name, such as that of the worst attack: numbers are never cut.
        found.append(Entry(legend.fit(text, ENTRY) if entry.estimate is None else text, entry.mark == BEST))
    return found


def _same(table: Table) -> dict[str, tuple[str, str]]:
    """Text columns that say one thing in every row, the first of a table excepted: key -> title and text."""
    if len(table.frame) < 2:
        return {}
    printed = [column for _, columns in table.parts() for column in columns if column.digits is None]
    found = {}
    for column in dict.fromkeys(printed[1:]):
        texts = set(table.entries[column.key])
        if len(texts) == 1 and column is not printed[0]:
            found[column.key] = (column.title, str(texts.pop()))
    return found


def _any(table: Table, column: Column) -> bool:
    entries = [entry for entry in table.entries[column.key] if isinstance(entry, Measured)]
    return not entries or any(entry.estimate or entry.said or entry.identical for entry in entries)


def _letters(number: int) -> str:
    """a, b, …, z, aa, ab, …"""
    letters = string.ascii_lowercase
    return (_letters(number // 26 - 1) if number >= 26 else "") + letters[number % 26]
