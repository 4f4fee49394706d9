"""A table as data: typed columns over a frame whose entries are text or measured numbers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ftbench.plaintext import shown
from ftbench.statistics.estimates import Estimate

ABSENT = "—"
NO_CELL = "No finished cell: there is nothing to tabulate."
BEST, LEVEL = "best", "level"
FEW_SEEDS = 5
"""Of fewer seeds the range is printed beside the interval."""
CSV_ONLY = "csv only"
"""The part of columns that stand in the CSV file and in no printed table."""


@dataclass(frozen=True)
class Measured:
    """One entry of a table: an estimate, or None where nothing was measured."""

    estimate: Estimate | None = None
    identical: int = 0
    """Pictures left out of the estimate because they equal their reference, where the metric is infinite."""
    missing: int = 0
    """Pictures left out because the metric gave no number for them."""
    lowest: float | None = None
    highest: float | None = None
    """Of a mean over seeds: the lowest and the highest of them."""
    seeds: int = 1
    digits: int | None = None
    scale: float | None = None
    """As of ``Column``, where the entries of a column are not of one kind."""
    mark: str = ""
    """``BEST`` of its comparison, or ``LEVEL`` with it."""
    said: str = ""
    """Printed after the number, or in its place."""


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
    part: str = ""
    """Printed tables are split by it, so that each fits a page; columns without one stand in every part."""
    spread: bool = False
    """The CSV file has the lowest and the highest seed, and their number, too."""
    cells: tuple[str, ...] = ()
    """Keys of the cells that its numbers are of, where those are the same all the way down."""
    kind: str = ""
    """What it and its neighbours are of: a page says it above them, elsewhere each kind is a part of its own."""

    @property
    def piece(self) -> str:
        """Part and kind in words."""
        return ": ".join(filter(None, [self.part, self.kind]))


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
    group: str = ""
    """The text column whose entries stand above their rows instead of in them."""
    printed: bool = True
    """False: a table for programs alone, CSV and JSON."""
    cells: tuple[tuple[str, ...], ...] = ()
    """Row by row the keys of the cells that its numbers are of, where rows are methods."""
    lead: tuple[tuple[str, str], ...] = ()
    """What it says in words, a heading and a text each, where it says something that everybody wants to know."""

    @cached_property
    def entries(self) -> dict[str, list[Any]]:
        """What stands in each column, from the top: a frame as wide as it has methods is slow to be asked."""
        return dict(zip(self.frame.columns, map(list, self.frame.to_numpy(dtype=object).T), strict=True))

    def parts(self, *, kinds_apart: bool = True) -> list[tuple[str, tuple[Column, ...]]]:
        """Heading and columns of each printed piece; one piece, without heading, if nothing splits it."""
        printed = [column for column in self.columns if column.part != CSV_ONLY and column.key != self.group]
        pieces = [(column.piece if kinds_apart else column.part, column) for column in printed]
        names = list(dict.fromkeys(piece for piece, _ in pieces if piece))
        return [(name, tuple(c for piece, c in pieces if piece in ("", name))) for name in names or [""]]

    def methods(self) -> list[str]:
        """How the intervals over images were made, each once, in order of appearance."""
        found: dict[str, None] = {}
        for column in self.columns:
            if column.digits is not None:
                for entry in self.entries[column.key]:
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
    group: str = "",
    printed: bool = True,
    cells: Sequence[tuple[str, ...]] = (),
) -> Table:
    """Put rows under columns; an entry that a row lacks becomes ``Measured()`` or the empty text.

    Names of parts, people and files stand in titles, entries and notes: whatever of them would steer a terminal or
    break a line is made visible here, for every format alike.
    """
    columns = [replace(one, title=shown(one.title), part=shown(one.part), kind=shown(one.kind)) for one in columns]
    filled = [[_entry(row.get(column.key), column) for column in columns] for row in rows]
    frame = pd.DataFrame(filled, columns=[column.key for column in columns], dtype=object)
    said = tuple(map(shown, notes))
    return Table(name, shown(title), tuple(columns), frame, said, nothing, group, printed, tuple(cells))


def format_measured(entry: Measured, column: Column, with_n: bool = True) -> str:
    """``99.87 [99.61, 99.96] n=90``, an em dash where nothing was measured."""
    left_out = _left_out(entry)
    found = entry.estimate
    if found is None:
        return left_out or ABSENT
    sign = "+" if column.signed else ""

    def number(value: float) -> str:
        if not math.isfinite(value):
            return "n/a"
        text = f"{value * column.scale:{sign}.{column.digits}f}"
        # A difference that rounds to nothing has no sign.
        return text.lstrip("+-") if float(text) == 0 else text

    pieces = [number(found.value), f"[{number(found.low)}, {number(found.high)}]"]
    if with_n:
        pieces.append(f"n={found.n}")
    if left_out:
        pieces.append(left_out)
    return " ".join(pieces)


def format_short(entry: Measured, column: Column, n: int | None = None) -> str:
    """``97.8 ±0.9``, or ``97.8 −2.1 +0.4`` where one arm of the interval is half as long again as the other.

    Rates have one decimal. Of two to four seeds the lowest and the highest follow. ``n``: what needs no saying.
    """
    scale = column.scale if entry.scale is None else entry.scale
    digits = (column.digits or 0) if entry.digits is None else entry.digits
    digits = 1 if scale == 100.0 else digits
    left_out = _left_out(entry)
    found = entry.estimate
    if found is None:
        return " ".join(filter(None, [entry.said, left_out])) or ABSENT
    sign = "+" if column.signed else ""

    def number(value: float) -> str:
        text = f"{value * scale:{sign}.{digits}f}".replace("-", "−")
        if scale == 100.0 and not column.signed and text in ("100.0", "0.0") and 0 < value < 1:
            return ">99.9" if value > 0.5 else "<0.1"
        return text.lstrip("+−") if float(text.replace("−", "-")) == 0 else text

    pieces = [number(found.value) if math.isfinite(found.value) else "n/a"]
    down, up = (found.value - found.low) * scale, (found.high - found.value) * scale
    if not (math.isfinite(down) and math.isfinite(up)):
        pieces.append("±n/a")
    elif math.isfinite(found.value):
        short, long = sorted((down, up))
        if long > 1.5 * short and long - short > 10.0**-digits:
            pieces.append(f"−{down:.{digits}f} +{up:.{digits}f}")
        else:
            pieces.append(f"±{(down + up) / 2:.{digits}f}")
    if entry.lowest is not None and entry.highest is not None and entry.seeds < FEW_SEEDS:
        pieces.append(f"({number(entry.lowest)}–{number(entry.highest)})")
    if n is not None and found.n != n:
        pieces.append(f"n={found.n}")
    return " ".join(filter(None, [*pieces, entry.said, left_out, "≈" if entry.mark == LEVEL else ""]))


def _left_out(entry: Measured) -> str:
    """``(2 identical)``, ``(1 not a number)``: pictures of which the metric has no finite value."""
    counted = {"identical": entry.identical, "not a number": entry.missing}
    said = ", ".join(f"{number} {what}" for what, number in counted.items() if number)
    return f"({said})" if said else ""


def common_n(table: Table) -> int | None:
    """The number of images behind most estimates of the printed columns, or None where there are no estimates."""
    counts = Counter(
        entry.estimate.n
        for column in table.columns
        if column.digits is not None and column.part != CSV_ONLY
        for entry in table.entries[column.key]
        if entry.estimate is not None
    )
    return counts.most_common(1)[0][0] if counts else None


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
    if isinstance(entry, str):
        return shown(entry)
    return replace(entry, said=shown(entry.said)) if entry.said else entry


def _spell(character: str) -> str:
    if character.isascii():
        return character
    described = unicodedata.name(character, "")
    if described.startswith("GREEK ") and " LETTER " in described:
        return described.split(" LETTER ")[1].split()[-1].replace("LAMDA", "LAMBDA").lower()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or "_"
