"""From what a user names, files, folders and lists of files, to the pictures in it and where their copies go."""

from __future__ import annotations

import os
import stat
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ftbench.errors import BadInput

ENDINGS = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib"),
        *(".heic", ".heif", ".hif", ".avif", ".gif", ".jxl", ".jp2", ".psd"),
    ]
)
"""Files so named are pictures, also those of a kind that cannot be marked: these are refused by name."""
RAW_ENDINGS = frozenset(
    [
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mos", ".mrw", ".nef"),
        *(".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    ]
)
"""What a camera's sensor saw lies beside the picture made of it, and within, at best, a small preview of that."""
SUFFIX = {"png": ".png", "jpeg": ".jpg"}


@dataclass(frozen=True)
class Source:
    """A file that is to be marked or read."""

    path: Path
    place: Path
    """Of its marked copy within the folder of marked pictures, its ending aside."""
    obstacle: str = ""
    """Why it cannot be opened."""


@dataclass(frozen=True)
class Gathered:
    """All that a command was given."""

    pictures: tuple[Source, ...]
    passed: Counter[str] = field(default_factory=Counter)
    """Ending -> how many files with it are no pictures."""

    def passed_over(self) -> str:
        """One sentence about what is no picture; empty where there is none."""
        if not self.passed:
            return ""
        count = sum(self.passed.values())
        kinds = ", ".join(f"{number} {ending}" for ending, number in sorted(self.passed.items()))
        what = "1 file is no picture and was" if count == 1 else f"{count} files are no pictures and were"
        return f"{what} passed over: {kinds}"


@dataclass(frozen=True)
class Job:
    """A picture and where its marked copy goes."""

    source: Path
    target: Path
    name: str
    """The copy as reached from the folder of marked pictures, with / between folders."""
    obstacle: str = ""
    """Why it may not go there."""


def gather(named: Iterable[Path], leave_out: Path | None = None) -> Gathered:
    """The pictures among what was named, folders with all that is below them.

    Files that are no pictures are counted. What cannot be opened is among the pictures, with the reason. Hidden files
    and the folder ``leave_out`` are not looked at when a folder was named. Raises BadInput where no picture is left.
    """
    named = list(named)
    passed: Counter[str] = Counter()
    found: dict[Path, Source] = {}
    closed = None if leave_out is None else os.path.realpath(leave_out)
    for path in named:
        for source in _below(path, closed) if _is_folder(path) else [Source(path, Path(path.name))]:
            if source.obstacle or _is_picture(source.path):
                found.setdefault(source.path.absolute(), source)
            else:
                passed[source.path.suffix or "without an ending"] += 1
    gathered = Gathered(tuple(found.values()), passed)
    if not gathered.pictures:
        where = ", ".join(map(str, named[:3])) + (", …" if len(named) > 3 else "")
        raise BadInput(
            f"there is no picture in {where}; {gathered.passed_over() or 'name JPEG, PNG, WebP, TIFF or BMP'}"
        )
    return gathered


def listed(file: Path) -> list[Path]:
    """Paths that a file names, one a line or with NUL between them; ``-`` is standard input. Raises BadInput."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise BadInput(f"the list {file} cannot be read: {error.strerror or error}") from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    parts = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    paths = [Path(os.fsdecode(part)) for part in parts if part.strip()]
    if not paths:
        raise BadInput(f"the list {file} names no file; write one path a line")
    return paths


def plan(sources: Sequence[Source], out: Path, wanted: str) -> list[Job]:
    """Where each marked copy goes; no two to one place, and none over a picture that is to be marked.

    ``wanted`` is ``png``, ``jpeg`` or ``same``. Where two pictures differ in their endings alone, copies keep both:
    ``a.jpg`` becomes ``a.jpg.png`` beside ``a.png``.
    """
    plain = [_renamed(source.place, wanted, keep=False) for source in sources]
    count = Counter(map(_folded, plain))
    # A name that nothing but its own picture would have stays as short as it was.
    places = [
        place if count[_folded(place)] == 1 else _renamed(source.place, wanted, keep=True)
        for source, place in zip(sources, plain, strict=True)
    ]
    count = Counter(map(_folded, places))
    inputs = {os.path.realpath(source.path) for source in sources}

    def obstacle(source: Source, place: Path) -> str:
        target = out / place
        if source.obstacle:
            return source.obstacle
        if os.path.realpath(target) in inputs:
            return f"its marked copy would replace a picture to be marked, {target}; choose another --out"
        if count[_folded(place)] > 1:
            return (
                f"{count[_folded(place)]} of the pictures would go to {target}; name the folder above theirs instead, "
                "or mark them into different folders with --out"
            )
        return ""

    return [
        Job(source.path, out / place, place.as_posix(), obstacle(source, place))
        for source, place in zip(sources, places, strict=True)
    ]


def _renamed(place: Path, wanted: str, keep: bool) -> Path:
    ending = SUFFIX.get(wanted, place.suffix)
    if place.suffix == ending:
        return place
    return place.with_name((place.name if keep else place.stem) + ending)


def _folded(place: Path) -> str:
    # Names that one file system tells apart are one on another.
    return unicodedata.normalize("NFC", place.as_posix()).casefold()


def _below(folder: Path, closed: str | None) -> Iterator[Source]:
    faults: list[OSError] = []
    for where, folders, files in os.walk(folder, onerror=faults.append):
        inner = Path(where)
        open_ones = [name for name in sorted(folders) if not name.startswith(".")]
        folders[:] = [name for name in open_ones if os.path.realpath(inner / name) != closed]
        for name in sorted(files):
            if not name.startswith("."):
                yield Source(inner / name, (inner / name).relative_to(folder))
        # Not followed: they may lead back.
        for name in folders:
            if (inner / name).is_symlink():
                yield _without(inner / name, folder, "it is a link to a folder; name that folder itself")
    for fault in faults:
        yield _without(Path(fault.filename), folder, f"it cannot be opened: {(fault.strerror or 'closed').lower()}")


def _without(path: Path, folder: Path, obstacle: str) -> Source:
    return replace(Source(path, path.relative_to(folder)), obstacle=obstacle)


def _is_picture(path: Path) -> bool:
    """By its ending, else by its first bytes; what cannot be opened counts, so that the reason is said."""
    ending = path.suffix.lower()
    if ending in RAW_ENDINGS:
        return False
    if ending in ENDINGS:
        return True
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return True
        with path.open("rb") as file:
            return _begins_one(file.read(32))
    except (OSError, ValueError):
        return True


def _is_folder(path: Path) -> bool:
    # Path.is_dir raises where a folder above is closed.
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _begins_one(head: bytes) -> bool:
    heif = head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis")
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    # Two letters alone begin many texts: a bitmap's own length has zeros around it.
    bitmap = head[:2] == b"BM" and head[6:10] == b"\0\0\0\0"
    others = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8", b"8BPS")
    return heif or webp or bitmap or head.startswith(others)
