"""What a cell's folder held before it was made anew: kept beside it as ``<folder>.earlier``, and taken back.

Files are moved, not the folder: its lock stays where other runs look for it. ``done.json`` goes last, so that what was
moved by halves is nowhere taken for a finished cell. On a remote store a move is a copy, then a removal: broken off, it
leaves a file in both places, and none is lost.
"""

from __future__ import annotations

import re
from pathlib import Path

from ftbench.errors import CannotWrite
from ftbench.storage.places import is_remote, remove_folder, sizes
from ftbench.storage.store import DONE, CellFolder

EARLIER = ".earlier"


def is_earlier(folder: Path) -> bool:
    """Whether a folder holds what another held before."""
    return EARLIER in folder.name


def move_aside(folder: CellFolder) -> Path:
    """Empty a cell's folder, which this process holds; where its files are now."""
    number, target = 1, folder.path.with_name(folder.path.name + EARLIER)
    while target.exists():
        number += 1
        target = folder.path.with_name(f"{folder.path.name}{EARLIER}-{number}")
    _move(folder.path, target)
    return target


def take_back(folder: CellFolder) -> bool:
    """Put the newest finished cell of those beside it back, where this one is unfinished; whether there was one."""
    finished = [path for path in _beside(folder) if CellFolder(path).summary is not None]
    if folder.summary is not None or not finished:
        return False
    newest = finished[-1]
    if _files(folder.path):
        move_aside(folder)
    _move(newest, folder.path)
    remove_folder(newest)
    return True


def keep_newest(folder: CellFolder) -> None:
    """Of what lies beside a finished cell keep the finished one that was made last, or the last where none was."""
    beside = _beside(folder)
    if folder.summary is None or not beside:
        return
    finished = [path for path in beside if CellFolder(path).summary is not None] or beside
    for path in beside:
        if path != finished[-1]:
            remove_folder(path)
    target = folder.path.with_name(folder.path.name + EARLIER)
    if finished[-1] != target and not target.exists():
        if is_remote(target):
            _move(finished[-1], target)
            remove_folder(finished[-1])
        else:
            finished[-1].rename(target)


def _beside(folder: CellFolder) -> list[Path]:
    """Oldest first; without copies that somebody gave names of their own, such as ``….earlier.bak``."""
    begins = folder.path.name + EARLIER
    numbers: dict[Path, int] = {}
    for path in folder.path.parent.glob(f"{begins}*"):
        ending = re.fullmatch(r"(?:-([0-9]{1,9}))?", path.name.removeprefix(begins))
        if ending and path.is_dir():
            numbers[path] = int(ending[1] or 1)
    return sorted(numbers, key=lambda path: numbers[path])


def _move(source: Path, target: Path) -> None:
    try:
        target.mkdir(exist_ok=True)
        for file in sorted(_files(source), key=lambda file: file.name == DONE):
            file.replace(target / file.name)
    except OSError as error:
        raise CannotWrite(
            f"cannot move {source.name} to {target.name} in {source.parent}: {error.strerror or error}"
        ) from error


def _files(folder: Path) -> list[Path]:
    # Hidden ones are of whoever holds the folder, or half written.
    return [folder / name for name in sizes(folder) if not name.startswith(".")]
