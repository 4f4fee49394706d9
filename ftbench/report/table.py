"""A table as data: typed columns over a frame whose entries are text or measured numbers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ftbench.plaintext import shown
from ftbench.statistics import Estimate

ABSENT = "—"
NO_CELL = "No finished cell: there is nothing to tabulate."
CSV_ONLY = "csv only"
"""The part of columns that stand in the CSV file and in no printed table."""


@dataclass(frozen=True)
class Measured:
    """One entry of a table: an estimate, or None where nothing was measured."""

    estimate: Estimate | None = None
    identical: int = 0
    """Pictures left out of the estimate because they equal their reference, where the metric is infinite."""


@dataclass(frozen=True)
class Column:
    """One column. Its ``key`` is the stem of its names in the CSV file."""

    key: str
    title: str
    digits: int | None = None
    """Decimals to print; None: the column holds text."""
    scale: float = 1.0
    """What a value is multiplied by before printing: 100 for a rate shown in per cent."""
    signed: bool = False
    counts_identical: bool = False
    over_seeds: bool = False
    """Entries are means over seeds: brackets hold the lowest and the highest of them, n is their number."""
    part: str = ""
    """Printed tables are split by it, so that each fits a page; columns without one stand in every part."""


@dataclass(frozen=True)
class Table:
    """A table: ``frame`` has one column a ``Column.key``, holding str or Measured."""

    name: str
    """Stem of its files."""
    title: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    nothing: str = NO_CELL
    """The sentence that stands for a table without rows."""

    def parts(self) -> list[tuple[str, tuple[Column, ...]]]:
        """Heading and columns of each printed piece; one piece, without heading, if nothing splits it."""
        printed = tuple(column for column in self.columns if column.part != CSV_ONLY)
        names = list(dict.fromkeys(column.part for column in printed if column.part))
        if not names:
            return [("", printed)]
        return [(name, tuple(c for c in printed if c.part in ("", name))) for name in names]

    def methods(self) -> list[str]:
        """How the intervals over images were made, each once, in order of appearance."""
        found: dict[str, None] = {}
        for column in self.columns:
            if column.digits is not None and not column.over_seeds:
                for entry in self.frame[column.key]:
                    if entry.estimate is not None:
                        found.setdefault(entry.estimate.method)
        return list(found)


def make_table(
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Mapping[str, str | Measured]],
    notes: Sequence[str] = (),
    *,
    nothing: str = NO_CELL,
) -> Table:
    """Put rows under columns; an entry that a row lacks becomes ``Measured()`` or the empty text.

    Names of parts, people and files stand in titles, entries and notes: whatever of them would steer a terminal or
    break a line is made visible here, for every format alike.
    """
    columns = [replace(column, title=shown(column.title), part=shown(column.part)) for column in columns]
    filled = [[_entry(row.get(column.key), column) for column in columns] for row in rows]
    frame = pd.DataFrame(filled, columns=[column.key for column in columns], dtype=object)
    return Table(name, shown(title), tuple(columns), frame, tuple(map(shown, notes)), nothing)


def format_measured(entry: Measured, column: Column, with_n: bool = True) -> str:
    """``99.87 [99.61, 99.96] n=90``, an em dash where nothing was measured."""
    identical = f"({entry.identical} identical)" if entry.identical else ""
    found = entry.estimate
    if found is None:
        return identical or ABSENT
    sign = "+" if column.signed else ""

    def number(value: float) -> str:
        if not math.isfinite(value):
            return "n/a"
        text = f"{value * column.scale:{sign}.{column.digits}f}"
        # A difference that rounds to nothing has no sign.
        return text.lstrip("+-") if float(text) == 0 else text

    pieces = [number(found.value), f"[{number(found.low)}, {number(found.high)}]"]
    if with_n:
        pieces.append(_count(found.n, column))
    if identical:
        pieces.append(identical)
    return " ".join(pieces)


def shared_n(table: Table, column: Column) -> int | None:
    """The images (or seeds) behind every estimate of the column, or None if they differ or there are none."""
    counts = {entry.estimate.n for entry in table.frame[column.key] if entry.estimate is not None}
    return counts.pop() if len(counts) == 1 else None


def as_text(table: Table, columns: Sequence[Column]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text; a number of images that a whole column shares moves into its heading."""
    headings, filled = [], []
    for column in columns:
        entries = list(table.frame[column.key])
        if column.digits is None:
            headings.append(column.title)
            filled.append([str(entry) for entry in entries])
            continue
        n = shared_n(table, column)
        headings.append(column.title + (f" ({_count(n, column)})" if n is not None else ""))
        filled.append([format_measured(entry, column, with_n=n is None) for entry in entries])
    return headings, [list(row) for row in zip(*filled, strict=True)]


def snake_case(text: str) -> str:
    """A CSV name: ASCII letters, digits and underscores; Greek letters by name (``"λ"`` → ``"lambda"``)."""
    spelt = "".join(_spell(character) for character in text)
    name = re.sub(r"[^a-z0-9]+", "_", spelt.lower()).strip("_")
    return name or "value"


def unique_names(texts: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A snake_case name for each text, none twice and none in ``taken``: a clash gets _2, _3 and so on."""
    used, names = set(taken), {}
    for text in texts:
        stem = name = snake_case(text)
        number = 1
        while name in used:
            number += 1
            name = f"{stem}_{number}"
        used.add(name)
        names[text] = name
    return names


def _entry(entry: str | Measured | None, column: Column) -> str | Measured:
    if entry is None:
        return "" if column.digits is None else Measured()
    return shown(entry) if isinstance(entry, str) else entry


def _count(n: int, column: Column) -> str:
    if not column.over_seeds:
        return f"n={n}"
    return f"{n} seed" + ("" if n == 1 else "s")


def _spell(character: str) -> str:
    if character.isascii():
        return character
    described = unicodedata.name(character, "")
    if described.startswith("GREEK ") and " LETTER " in described:
        return described.split(" LETTER ")[1].split()[-1].replace("LAMDA", "LAMBDA").lower()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or "_"
