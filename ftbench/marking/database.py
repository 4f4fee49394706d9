"""The register of payloads in SQLite: as the CSV file, for a hundred thousand pictures and more."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from ftbench.errors import BadInput, CannotWrite
from ftbench.marking.register import COLUMNS, LOCK_SECONDS, Entry, Listing, Row

ENDINGS = frozenset({".sqlite", ".sqlite3", ".db"})
OURS = 0x66_74_62_6D
"""SQLite's mark of the program that a file belongs to: ftbm."""
FORM = 1
TABLE = f"CREATE TABLE marks (id INTEGER PRIMARY KEY, {', '.join(f'{name} TEXT NOT NULL' for name in COLUMNS)}) STRICT"
INDEX = "CREATE INDEX marks_by_model ON marks (model, payload)"


@dataclass(frozen=True)
class Database:
    """A SQLite file of all payloads that were ever given; rows are added and never removed."""

    path: Path
    lock_seconds: float = LOCK_SECONDS

    def read(self, models: frozenset[str] | None = None) -> Listing:
        """Every row, or those of some models. Raises BadInput when the file is not a register."""
        if not self.path.exists():
            return Listing()
        asked = sorted(models or ())
        where = f" WHERE model IN ({', '.join('?' * len(asked))})" if models is not None else ""
        with self._open("ro") as held:
            if _is_new(held):
                return Listing()
            rows = held.execute(f"SELECT id, {', '.join(COLUMNS)} FROM marks{where} ORDER BY id", asked).fetchall()
        return Listing(tuple((row[0], Entry(*row[1:])) for row in rows))

    def given(self, models: frozenset[str]) -> tuple[list[Row], tuple[str, ...]]:
        """What was given with some models; no row can be faulty. Raises BadInput."""
        asked = sorted(models)
        with self._open("ro") as held:
            if _is_new(held):
                return [], ()
            return held.execute(
                "SELECT id, payload, file, drawn, looks, note, key FROM marks "
                f"WHERE model IN ({', '.join('?' * len(asked))}) ORDER BY id",
                asked,
            ).fetchall(), ()

    def fault(self, line: int, why: str) -> str:
        """One sentence about a row that is passed over."""
        return f"{self.path}, row {line}: {why}; it is kept and passed over"

    def add(self, entry: Entry) -> None:
        """Add a row, on the disk when this returns. Raises BadInput, CannotWrite."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"cannot write {self.path}: {error.strerror or error}; use --out") from error
        with self._open("rwc") as held:
            held.execute("BEGIN IMMEDIATE")
            if _is_new(held):
                for step in (TABLE, INDEX, f"PRAGMA application_id = {OURS}", f"PRAGMA user_version = {FORM}"):
                    held.execute(step)
            held.execute(
                f"INSERT INTO marks ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})", astuple(entry)
            )
            held.execute("COMMIT")

    @contextlib.contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        """The file, whose owner was checked; what SQLite complains of becomes a sentence."""
        try:
            address = f"{self.path.absolute().as_uri()}?mode={mode}"
            with contextlib.closing(
                sqlite3.connect(address, timeout=self.lock_seconds, isolation_level=None, uri=True)
            ) as held:
                self._check(held)
                yield held
        except sqlite3.DatabaseError as error:
            raise self._told(error, mode) from error

    def _check(self, held: sqlite3.Connection) -> None:
        if _is_new(held):
            return
        if held.execute("PRAGMA application_id").fetchone()[0] != OURS:
            raise BadInput(f"{self.path} is not a register of payloads; move it away or choose another file")
        form = held.execute("PRAGMA user_version").fetchone()[0]
        if form > FORM:
            raise BadInput(f"{self.path} was written by a newer ftbench; update ftbench")

    def _told(self, error: sqlite3.DatabaseError, mode: str) -> BadInput:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return CannotWrite(f"another program holds {self.path}; wait for it, then run again")
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return BadInput(
                f"{self.path} is no register, or damaged or cut short ({error}); nothing was written; bring back a copy"
            )
        what = "cannot read" if mode == "ro" and not name.startswith("SQLITE_READONLY") else "cannot write"
        return CannotWrite(f"{what} {self.path}: {error}; choose another file with --register")


def _is_new(held: sqlite3.Connection) -> bool:
    return not held.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
