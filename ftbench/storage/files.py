"""Files that appear whole or not at all, and one sentence where a disk takes none."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftbench.errors import CannotWrite
from ftbench.storage.places import is_remote

MOST_UNPACKED = 2**31
"""Bytes that a compressed file may hold: some twenty million rows. Results may come from anybody."""

if TYPE_CHECKING:
    import pandas as pd


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in its place in one step.

    Raises CannotWrite where the disk is full or forbids it, also where a library hid that in an error of its own.
    """
    with _told_of(path):
        if is_remote(path):
            with tempfile.TemporaryDirectory(prefix="ftbench-") as folder:
                filled = Path(folder) / f"filled{path.suffix}"
                write(filled)
                path.write_bytes(filled.read_bytes())
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except CannotWrite:
        raise
    except Exception as error:
        disk = _disk_error(error)
        if disk is None:
            raise
        raise CannotWrite(
            f"cannot write {path.name!r} into {path.parent}: {disk.strerror or disk}; "
            "free some space or choose another folder with --out (finished cells are kept)"
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` atomically.

    The way for whatever a library makes: made in memory first, only this module meets the disk's errors. Those of
    safetensors and torch.save are no OSError, and cannot be told from a fault in what is saved.
    """
    if is_remote(path):
        with _told_of(path):
            path.write_bytes(content)
    else:
        write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n").encode())


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as CSV in UTF-8 with Unix line ends."""
    return frame.to_csv(index=False, lineterminator="\n").encode()


def gzipped(content: bytes) -> bytes:
    """``content`` compressed, with neither a time nor a name inside: the same content is the same bytes."""
    held = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=held, mtime=0) as file:
        file.write(content)
    return held.getvalue()


def unzipped(content: bytes, most: int = MOST_UNPACKED) -> bytes:
    """What ``gzipped`` was given. Raises ValueError where it is more than ``most`` bytes, which are never in memory."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        plain = file.read(most + 1)
    if len(plain) > most:
        raise ValueError(f"it unpacks to more than {most / 2**30:.3g} GiB")
    return plain


def _disk_error(error: BaseException | None) -> OSError | None:
    """The first OSError among an error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
