"""Whether a place can be written, asked before anything runs, and what there is of a results folder to log."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ftbench.storage.places import is_remote, place

CHARTS = ("curves.png", "distortions.png")
"""Figures of a results folder that show numbers; ``samples.png`` shows faces, which are not a tracker's to pass on."""


def charts(folder: Path) -> list[Path]:
    """The drawn charts of a results folder."""
    return [file for name in CHARTS if (file := folder / "figures" / name).is_file()]


@contextmanager
def at_hand(folder: str) -> Iterator[Path]:
    """A results folder on this machine: itself, or a copy of what is logged of a remote one, gone after this."""
    results = place(folder)
    if not is_remote(results):
        yield results
        return
    with tempfile.TemporaryDirectory(prefix="ftbench-") as whole:
        copy = Path(whole) / results.parent.name / results.name
        for file in [*(results / "tables").glob("*"), results / "manifest.json", *charts(results)]:
            target = copy.joinpath(*file.parts[len(results.parts) :])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
        yield copy


def unwritable(folder: Path) -> str | None:
    """Why no file can be made in ``folder``, which is made if need be; None if one can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"the folder {folder} cannot be written ({error.strerror}); name another place"


def unusable_sqlite(file: Path) -> str | None:
    """Why ``file`` cannot be used as an SQLite database; None if it can, or can be made."""
    if objection := unwritable(file.parent):
        return objection
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("PRAGMA schema_version").fetchone()
            database.execute("ROLLBACK")
    except sqlite3.Error as error:
        return f"{file} cannot be used as an SQLite database ({error}); name another file"
    return None
