"""Tables of text that people open in a spreadsheet and save again: whatever came of them is read, row by row.

What is written holds no formula: a field that a spreadsheet would compute gets an apostrophe before it, which reading
takes away again.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

DELIMITERS = ",;\t"
FORMULAS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""Heads of what a spreadsheet computes; the last four are wide forms, which some of them take for the same."""
LONGEST_FIELD = 2**31 - 1
JOINED = 50
"""Lines that a row with line breaks in its fields may have, where rows are looked for one by one."""
# Stands for a lone carriage return while a row is parsed: csv takes it for the end of the row.
_RETURN = "\ue00d"


@dataclass(frozen=True)
class Row:
    """A row as it stands in its file."""

    line: int
    """Of the file, from 1: where it begins."""
    fields: tuple[str, ...] | None
    """None: it cannot be told apart into the columns."""
    text: str = ""
    """The line itself, where there are no fields."""


@dataclass(frozen=True)
class Sheet:
    """A whole table."""

    delimiter: str
    header: tuple[str, ...]
    """Names of the columns, in small letters."""
    rows: tuple[Row, ...]

    def field(self, row: Row, column: str) -> str:
        """What a row holds in a column; nothing where either is missing."""
        place = self.header.index(column) if column in self.header else -1
        return row.fields[place] if row.fields and 0 <= place < len(row.fields) else ""


def read(data: bytes, needed: frozenset[str]) -> Sheet | None:
    """The table that a file's content holds, or None where its head does not name the ``needed`` columns.

    Takes UTF-8 and UTF-16 with or without a byte order mark, lines of Windows' code page 1252, any line ends, columns
    in any order between commas, semicolons or tabs, and fields of any length. Raises UnicodeDecodeError.
    """
    text = _decoded(data)
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    with _long_fields():
        for delimiter in DELIMITERS:
            names = next(csv.reader([first], delimiter=delimiter), [])
            header = tuple(name.strip().lower() for name in names)
            if needed <= set(header):
                shape = _Shape(delimiter, len(header), max(header.index(name) for name in needed))
                rows = shape.at_once(text)
                return Sheet(delimiter, header, tuple(shape.one_by_one(text)) if rows is None else rows)
    return None


def line(fields: Iterable[str], delimiter: str = ",") -> str:
    """A row as text, its line end with it: every field in quotes and none a formula."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(map(harmless, fields))
    return text.getvalue()


def harmless(field: str) -> str:
    """A field that no spreadsheet computes."""
    return f"'{field}" if _is_taken(field) else field


def true(field: str) -> str:
    """What ``harmless`` was given."""
    return field[1:] if field.startswith("'") and _is_taken(field[1:]) else field


def _is_taken(field: str) -> bool:
    # With the apostrophe among them, so that a name that begins with one comes back as it was.
    return field[:1] in ("\t", "\r", "\n", "'") or field.lstrip()[:1] in FORMULAS


@dataclass(frozen=True)
class _Shape:
    delimiter: str
    columns: int
    last_needed: int

    def fits(self, fields: Sequence[str]) -> bool:
        # Spreadsheets leave out or add empty fields at the end.
        return self.last_needed < len(fields) and not any(fields[self.columns :])

    def at_once(self, text: str) -> tuple[Row, ...] | None:
        """All rows, or None where one does not fit. Strict: a lost quote must not swallow the row after it."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter, strict=True)
        rows, begins = [], 1
        try:
            for fields in reader:
                if any(fields) and not self.fits(fields):
                    return None
                if any(fields):
                    rows.append(Row(begins, tuple(map(true, fields[: self.columns]))))
                begins = reader.line_num + 1
        except csv.Error:
            return None
        return tuple(rows[1:])

    def one_by_one(self, text: str) -> Iterator[Row]:
        end = "\n" if "\n" in text else "\r"
        lines = text.split(end)
        place = 1
        while place < len(lines):
            fields, taken = self._row(lines, place, end)
            whole = lines[place].removesuffix("\r")
            if fields is None:
                yield Row(place + 1, None, whole)
            elif any(fields):
                yield Row(place + 1, tuple(map(true, fields[: self.columns])))
            place += taken

    def _row(self, lines: Sequence[str], place: int, end: str) -> tuple[list[str] | None, int]:
        """Fields of the row that begins on a line, and how many lines it has; None where it is no row."""
        for count in range(1, min(JOINED, len(lines) - place) + 1):
            record = end.join(lines[place : place + count])
            if record.count('"') % 2 == 0:
                fields = self._parsed(record)
                return (fields, count) if fields is not None else (None, 1)
        return None, 1

    def _parsed(self, record: str) -> list[str] | None:
        plain = io.StringIO(record.removesuffix("\r").replace("\r", _RETURN), newline="")
        try:
            rows = list(csv.reader(plain, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None
        if not rows:
            return []
        fields = [field.replace(_RETURN, "\r") for field in rows[0]]
        return fields if len(rows) == 1 and (self.fits(fields) or not any(fields)) else None


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "\n".join(map(_line_decoded, data.split(b"\n")))


def _line_decoded(data: bytes) -> str:
    # Rows that were added after a spreadsheet had saved the file are of another encoding than those before.
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "backslashreplace")


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)
