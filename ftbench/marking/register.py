"""The register of payloads that were given to pictures: a CSV file that loses no row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import filelock

from ftbench.errors import BadInput, CannotWrite
from ftbench.marking import sheet
from ftbench.plaintext import shown
from ftbench.storage.store import write_atomically

REGISTER = "payloads.csv"
LOCK_SECONDS = 60
LONGEST_HEAD = 65_536
"""Bytes that the line of column names may have."""
FAULTS_SHOWN = 3


@dataclass(frozen=True)
class Entry:
    """One marked picture: a row of the register."""

    file: str
    """The marked picture, as reached from the register's folder."""
    payload: str
    """As ``payloads.spell`` writes it."""
    psnr: str
    """Of the file's pixels against the cover's, dB."""
    model: str
    """Identity of the trained cell."""
    setting: str
    sha256: str
    """Of the file."""
    drawn: str = ""
    """``yes``: from the system's randomness; ``no``: given by the user; empty: not known, as in older registers."""
    looks: str = ""
    """Of the marked picture, as ``looks.looks_of`` spells them."""
    note: str = ""
    """Whatever the user wants to look up."""
    key: str = ""
    """Which key its check was made with, as ``presence.key_name`` says; empty: it has no check."""


Row = tuple[int, str, str, str, str, str, str]
"""Line, payload, file, drawn, looks, note and key: what tracing needs of an entry, at a fraction of its cost."""
COLUMNS = tuple(field.name for field in fields(Entry))
NEEDED = frozenset({"file", "payload", "model"})


@dataclass(frozen=True)
class Listing:
    """What a register holds."""

    rows: tuple[tuple[int, Entry], ...] = ()
    """Line of the file, and what stands there."""
    faults: tuple[str, ...] = ()
    """One sentence for each row that is none."""

    @property
    def entries(self) -> list[Entry]:
        """The rows without their lines."""
        return [entry for _, entry in self.rows]


@dataclass(frozen=True)
class Register:
    """A CSV file of all payloads that were ever given; rows are added and never removed.

    A picture that is marked anew gets another row: copies of the older one may be anywhere.
    """

    path: Path

    def read(self, models: frozenset[str] | None = None) -> Listing:
        """Every row, or those of some models; one that cannot be read blocks no other.

        Raises BadInput when the file is not a register.
        """
        try:
            held = self._sheet(self.path.read_bytes())
        except FileNotFoundError:
            return Listing()
        except OSError as error:
            raise BadInput(self._unreadable(error.strerror or str(error))) from error
        good: list[tuple[int, Entry]] = []
        faults: list[str] = []
        for row in held.rows:
            entry = Entry(*(held.field(row, column) for column in COLUMNS))
            if entry.payload and entry.model:
                if models is not None and entry.model not in models:
                    continue
                good.append((row.line, entry))
            else:
                faults.append(self.fault(row.line, "it is not a row of this register"))
        return Listing(tuple(good), tuple(faults))

    def given(self, models: frozenset[str]) -> tuple[list[Row], tuple[str, ...]]:
        """What was given with some models, and one sentence for each row that is none. Raises BadInput."""
        held = self.read(models)
        rows = [(line, one.payload, one.file, one.drawn, one.looks, one.note, one.key) for line, one in held.rows]
        return rows, held.faults

    def fault(self, line: int, why: str) -> str:
        """One sentence about a row that is passed over."""
        return f"{self.path}, line {line}: {why}; it is kept and passed over, mend or remove it"

    def add(self, entry: Entry) -> None:
        """Add a row, in the manner of the file where a spreadsheet has saved it. Raises BadInput, CannotWrite."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=LOCK_SECONDS):
                head = self._ready_head()
                if head is None:
                    head = self._rewritten()
                self._append(sheet.line(_in_order(entry, head.header), head.delimiter))
        except filelock.Timeout as error:
            raise CannotWrite(f"another program holds {self.path}; wait for it, then run again") from error
        except OSError as error:
            raise CannotWrite(f"cannot write {self.path}: {error.strerror or error}; use --out") from error

    def _ready_head(self) -> sheet.Sheet | None:
        """The line of column names, where a row can be put at the end of the file as it stands."""
        try:
            with self.path.open("rb") as file:
                first = file.readline(LONGEST_HEAD)
                file.seek(-1, os.SEEK_END)
                ended = file.read(1) == b"\n"
        # There is none, or nothing in it.
        except OSError:
            return None
        try:
            head = sheet.read(first, frozenset(COLUMNS)) if ended and b"\0" not in first else None
        except UnicodeDecodeError:
            return None
        return head

    def _rewritten(self) -> sheet.Sheet:
        """Make the file, or bring it into a form to which rows can be added; nothing that it holds is lost."""
        held = self._sheet(self.path.read_bytes()) if self.path.exists() else sheet.Sheet(",", COLUMNS, ())
        header = (*held.header, *(column for column in COLUMNS if column not in held.header))
        lines = [sheet.line(header, held.delimiter)]
        for row in held.rows:
            fields = row.fields or ()
            padded = (*fields, *[""] * (len(header) - len(fields)))
            lines.append(f"{row.text}\n" if row.fields is None else sheet.line(padded, held.delimiter))
        write_atomically(self.path, lambda path: path.write_text("".join(lines), encoding="utf-8", newline=""))
        return sheet.Sheet(held.delimiter, header, ())

    def _append(self, line: str) -> None:
        with self.path.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            try:
                file.write(line.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                # Half a row would be taken for a row.
                file.truncate(end)
                raise

    def _sheet(self, data: bytes) -> sheet.Sheet:
        try:
            held = sheet.read(data, NEEDED)
        except UnicodeDecodeError as error:
            raise BadInput(self._unreadable(str(error))) from error
        if held is None:
            raise BadInput(
                f"{self.path} is not a register of payloads, whose columns are {', '.join(COLUMNS)}; "
                "move it away or choose another folder"
            )
        return held

    def _unreadable(self, reason: str) -> str:
        return f"{self.path} cannot be read as a register of payloads: {reason}; use --out"


def few(faults: tuple[str, ...]) -> Iterator[str]:
    """The first of many sentences, fit to be printed, and how many more there are."""
    yield from map(shown, faults[:FAULTS_SHOWN])
    if len(faults) > FAULTS_SHOWN:
        yield f"and {len(faults) - FAULTS_SHOWN} more rows of this kind"


def _in_order(entry: Entry, header: tuple[str, ...]) -> list[str]:
    return [getattr(entry, column) if column in COLUMNS else "" for column in header]
