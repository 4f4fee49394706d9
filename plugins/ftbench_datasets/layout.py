"""Which images a folder holds, and who is on them: by ``index.csv``, or by its sub-folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftbench.components import Split
from ftbench.errors import BadInput
from ftbench_datasets.files import unfit
from ftbench_datasets.index import FILE, read_index

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

_SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


@dataclass(frozen=True)
class Entry:
    """One image file, not yet opened."""

    name: str
    """Relative to the folder, with forward slashes."""
    path: Path
    identity: str
    split: Split | None


@dataclass(frozen=True)
class Listing:
    """What a folder holds, by name."""

    entries: tuple[Entry, ...]
    flat: bool
    """Every image is a person of its own."""
    indexed: bool
    set_aside: tuple[tuple[str, str], ...]
    unlisted: int
    """Images that index.csv does not name."""


def objection(*, path: str, **_: object) -> str | None:
    """One sentence when there is no such folder, for the planner; opening no image."""
    try:
        folder(path)
    except BadInput as error:
        return str(error)
    return None


def folder(path: str) -> Path:
    """The folder, absolute; ``~`` is the home folder. Raises BadInput when it is none."""
    root = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - resolve() would lose a link's name
    if not path.strip():
        raise BadInput("dataset folder: path is empty; give the folder that holds the images.")
    if not root.exists():
        raise BadInput(f"There is no folder {root}; set path to the folder that holds the images.")
    if not root.is_dir():
        raise BadInput(f"{root} is a file, not a folder; set path to the folder that holds the images.")
    return root


def list_folder(root: Path) -> Listing:
    """List the images under ``root``, sorted by name.

    With an ``index.csv`` its rows are the data set. Without, each sub-folder is an identity, however deep
    its images lie, or, when there are only images, each image is one. Hidden files, ``__MACOSX`` and other
    kinds of files are passed over. Raises BadInput for an empty or an ambiguous folder.
    """
    files, set_aside = _walk(root)
    if os.path.lexists(root / FILE):
        why = unfit(root / FILE)
        if why:
            raise BadInput(f"{root / FILE}: {why}; make it a file that can be read, or remove it.")
        return _indexed(root, files)
    if not files:
        why = f" ({sample(set_aside)})" if set_aside else ""
        raise BadInput(f"{root} holds no images{why}; put {', '.join(sorted(SUFFIXES))} files there.")
    depths = {len(file.relative_to(root).parts) > 1 for file in files}
    if len(depths) == 2:
        raise BadInput(
            f"{root} holds images both directly and in sub-folders, so who is shown is unclear; put each "
            f"person in a sub-folder, or all of them directly in it, or add an {FILE} of path,identity,split."
        )
    flat = depths == {False}
    entries = tuple(_entry(root, file, flat=flat) for file in files)
    people = {entry.identity for entry in entries}
    if not flat and len(people) > 1 and {name.lower() for name in people} <= _SPLIT_FOLDERS:
        raise BadInput(
            f"The sub-folders of {root} ({', '.join(sorted(people))}) are named like splits, not people; "
            f"add an {FILE} with path,identity,split, or set path to one of them."
        )
    return Listing(entries, flat, False, tuple(set_aside), 0)


def sample(set_aside: Sequence[tuple[str, str]], most: int = 3) -> str:
    """The first few names with their reasons, for a sentence."""
    return "; ".join(f"{name}: {reason}" for name, reason in set_aside[:most])


def _walk(root: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """Image files in order of name, and what could not be entered."""
    files: list[Path] = []
    set_aside: list[tuple[str, str]] = []
    home = root.resolve()

    def refused(error: OSError) -> None:
        where = Path(error.filename)
        if where == root:
            raise BadInput(f"{root} cannot be opened ({error.strerror}); give yourself the right to read it.")
        set_aside.append((_name(root, where), f"cannot be opened: {(error.strerror or 'unknown').lower()}"))

    for place, folders, names in os.walk(root, onerror=refused):
        folders[:] = [name for name in folders if _visible(name)]
        images = [name for name in names if _visible(name) and Path(name).suffix.lower() in SUFFIXES]
        # os.walk lists links to folders and does not follow them.
        links = [name for name in folders if Path(place, name).is_symlink()]
        for path in (Path(place, name) for name in (*images, *links)):
            if path.is_symlink() and (path.name in links or not _leads_inside(path, home)):
                set_aside.append((_name(root, path), "a link: put the files themselves there"))
            elif path.name in images:
                why = unfit(path)
                if why:
                    set_aside.append((_name(root, path), why))
                else:
                    files.append(path)
    return sorted(files, key=lambda file: _name(root, file)), sorted(set_aside)


def _indexed(root: Path, files: list[Path]) -> Listing:
    rows = read_index(root / FILE)
    if not rows:
        raise BadInput(f"{root / FILE} names no image; add rows below its header, or remove it.")
    # With neither names nor sub-folders to tell people by, the index only says what a flat folder says.
    flat = all(row.identity is None and len(row.path.parts) == 1 for row in rows)
    entries: list[Entry] = []
    missing: list[tuple[str, str]] = []
    for row in rows:
        path = root / row.path
        why = unfit(path)
        if why:
            missing.append((_name(root, path), f"named in {FILE} line {row.line}, {why}"))
            continue
        entry = _entry(root, path, flat=len(row.path.parts) == 1)
        entries.append(Entry(entry.name, path, row.identity or entry.identity, row.split))
    named = {root / row.path for row in rows}
    return Listing(
        entries=tuple(sorted(entries, key=lambda entry: entry.name)),
        flat=flat,
        indexed=True,
        # What the index does not name is no loss, whatever is wrong with it.
        set_aside=tuple(missing),
        unlisted=sum(file not in named for file in files),
    )


def _entry(root: Path, path: Path, *, flat: bool) -> Entry:
    name = _name(root, path)
    return Entry(name, path, Path(name).stem if flat else name.split("/", 1)[0], None)


def _name(root: Path, path: Path) -> str:
    # A name that is not UTF-8 carries lone surrogates, which no manifest could be written with.
    return path.relative_to(root).as_posix().encode("utf-8", "backslashreplace").decode()


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _leads_inside(path: Path, home: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(home)
    except (OSError, RuntimeError):
        return False
