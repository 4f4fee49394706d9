"""Which images a folder holds, and who is on them: by ``index.csv``, or by its sub-folders."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftbench.contract.protocols import Split
from ftbench.errors import BadInput
from ftbench_datasets import kinds, subfolders
from ftbench_datasets.files import unfit
from ftbench_datasets.index import FILE, read_index
from ftbench_datasets.landmarks import MISSING, Points


@dataclass(frozen=True)
class Entry:
    """One image file, not yet opened."""

    name: str
    """Relative to the folder, with forward slashes."""
    path: Path
    identity: str
    split: Split | None
    points: Points | None = None


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
    if not path.strip():
        raise BadInput("dataset folder: path is empty; give the folder that holds the images.")
    root = Path(path)
    try:
        root = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - resolve() would lose a link's name
        mode = root.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"There is no folder {root}; set path to the folder that holds the images.") from None
    # A closed folder above it, a loop of links, a name too long or with a zero in it, a home that nobody has.
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"The folder {root} cannot be opened ({why}); set path to the one that holds images.") from error
    if not stat.S_ISDIR(mode):
        raise BadInput(f"{root} is a file, not a folder; set path to the folder that holds the images.")
    return root


def list_folder(root: Path, landmarks: bool = False, detected: bool = False) -> Listing:
    """List the images under ``root``, sorted by name; with ``landmarks``, those whose faces the index tells.

    ``detected``: what the index does not tell of faces is found afterwards, so that nothing is set aside for it.

    With an ``index.csv`` its rows are the data set. Without, each sub-folder is an identity, however deep
    its images lie, or, when there are only images, each image is one. Hidden files, ``__MACOSX`` and files
    that are no pictures are passed over; pictures of kinds that are not read are set aside. Raises BadInput for
    an empty or an ambiguous folder, and for sub-folders that are no people.
    """
    files, set_aside = _walk(root)
    if os.path.lexists(root / FILE):
        why = unfit(root / FILE)
        if why:
            raise BadInput(f"{root / FILE}: {why}; make it a file that can be read, or remove it.")
        return _indexed(root, files, landmarks, detected)
    if landmarks and not detected:
        raise BadInput(
            f"{root} has no {FILE} to take landmarks from; add one, name a detector, or leave landmarks out."
        )
    if not files:
        why = f" ({sample(set_aside)})" if set_aside else ""
        raise BadInput(f"{root} holds no images{why}; put JPEG, PNG, WebP, BMP or TIFF images there.")
    depths = {len(file.relative_to(root).parts) > 1 for file in files}
    if len(depths) == 2:
        raise BadInput(
            f"{root} holds images both directly and in sub-folders, so who is shown is unclear; put each "
            f"person in a sub-folder, or all of them directly in it, or add an {FILE} of path,identity,split."
        )
    flat = depths == {False}
    entries = tuple(_entry(root, file, flat=flat) for file in files)
    if not flat:
        subfolders.check(root, [tuple(entry.name.split("/")) for entry in entries])
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
        names[:] = [name for name in names if _visible(name)]
        images = [name for name in names if kinds.is_read(name)]
        set_aside += [
            (_name(root, Path(place, name)), kinds.other_kind(name)) for name in names if kinds.is_other_picture(name)
        ]
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


def _indexed(root: Path, files: list[Path], landmarks: bool, detected: bool) -> Listing:
    rows = read_index(root / FILE, landmarks, detected)
    if not rows:
        raise BadInput(f"{root / FILE} names no image; add rows below its header, or remove it.")
    # With neither names nor sub-folders to tell people by, the index only says what a flat folder says.
    flat = all(row.identity is None and len(row.path.parts) == 1 for row in rows)
    by_letters = {_composed(_name(root, file)): file for file in files}
    entries: dict[Path, tuple[Entry, int]] = {}
    missing: list[tuple[str, str]] = []
    for row in rows:
        # Some systems compose letters (é) as they store a name, others keep them apart.
        path = root / row.path if os.path.lexists(root / row.path) else by_letters.get(_composed(str(row.path)))
        why = "not found" if path is None else unfit(path)
        if path is None or why:
            missing.append((_name(root, root / row.path), f"named in {FILE} line {row.line}, {why}"))
            continue
        if landmarks and not detected and row.points is None:
            missing.append((_name(root, path), MISSING))
            continue
        found = _entry(root, path, flat=len(row.path.parts) == 1)
        entry = Entry(found.name, path, row.identity or found.identity, row.split, row.points)
        kept, line = entries.setdefault(path, (entry, row.line))
        if kept != entry:
            raise BadInput(f"{root / FILE} line {row.line} contradicts line {line} about {row.path}; keep one of them.")
    named = {_composed(name) for name in (*(entry.name for entry, _ in entries.values()), *dict(missing))}
    return Listing(
        entries=tuple(sorted((entry for entry, _ in entries.values()), key=lambda entry: entry.name)),
        flat=flat,
        indexed=True,
        # What the index does not name is no loss, whatever is wrong with it.
        set_aside=tuple(missing),
        unlisted=sum(letters not in named for letters in by_letters),
    )


def _entry(root: Path, path: Path, *, flat: bool) -> Entry:
    name = _name(root, path)
    # However its letters are composed, a name is one person's.
    return Entry(name, path, _composed(Path(name).stem if flat else name.split("/", 1)[0]), None)


def _name(root: Path, path: Path) -> str:
    # A name that is not UTF-8 carries lone surrogates, which no manifest could be written with.
    return path.relative_to(root).as_posix().encode("utf-8", "backslashreplace").decode()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _leads_inside(path: Path, home: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(home)
    except (OSError, RuntimeError):
        return False
