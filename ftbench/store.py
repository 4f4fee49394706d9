"""Finished and half-finished cells on disk, found by identity.

One folder a cell: its settings, then what it made. ``done.json`` is written last, so a cell without it is
unfinished. Every file appears whole or not at all; a lock keeps two runs from working on one cell.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from ftbench.errors import CannotWrite, CellFailed

UNFINISHED = "checkpoint.pt"
"""What a training goes on from; removed when its cell is done."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in its place in one step."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(
            f"cannot write {path.name!r} into {path.parent}: {error.strerror or error}; "
            "free some space or choose another folder with --out (finished cells are kept)"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


@dataclass(frozen=True)
class CellFolder:
    """The place of one cell."""

    path: Path

    @property
    def summary(self) -> dict[str, Any] | None:
        """What the finished cell says of itself, or None when it is unfinished."""
        try:
            found: dict[str, Any] = json.loads((self.path / "done.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        # A cell that lost a file, to a clean-up or a copy that broke off, is done again.
        complete = all((self.path / name).exists() for name in found.get("files", ()))
        return found if complete else None

    def file(self, name: str) -> Path:
        """The path of one of its files."""
        return self.path / name

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Mark the cell as done: the last thing written."""
        made = sorted(file.name for file in self.path.iterdir() if not file.name.startswith("."))
        write_json(self.path / "done.json", {**summary, "files": [name for name in made if name != UNFINISHED]})
        (self.path / UNFINISHED).unlink(missing_ok=True)

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Write down what the cell is, so that its folder can be read without the benchmark file."""
        write_json(self.path / "cell.json", dict(settings))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the cell; raise CellFailed when another run holds it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self.path / ".lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise CellFailed("another run is working on this cell; wait for it, then run again") from error
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise CannotWrite(f"cannot write into {self.path.parent}: {error.strerror}; use --out") from error


@dataclass(frozen=True)
class Store:
    """All cells of a results folder."""

    root: Path

    def cell(self, kind: str, identity: str) -> CellFolder:
        """The folder of a cell, there or not."""
        return CellFolder(self.root / f"{kind}-{identity[:24]}")
