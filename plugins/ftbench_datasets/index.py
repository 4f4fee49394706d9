"""``index.csv``: who is shown on which image, and in which split it belongs."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from ftbench.contract.protocols import Split
from ftbench.errors import BadInput
from ftbench_datasets.landmarks import COLUMNS, Points, check_header, points_of

FILE = "index.csv"

SPLIT_WORDS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What others call the splits."""


@dataclass(frozen=True)
class Row:
    """One line of the index; empty cells are None."""

    line: int
    path: PurePosixPath
    """Relative to the folder, and inside it."""
    identity: str | None
    split: Split | None
    points: Points | None = None


def read_index(file: Path, landmarks: bool = False, lacking: bool = False) -> list[Row]:
    """The rows of ``index.csv``: a header with ``path``, and maybe ``identity`` and ``split``; and ``landmarks``.

    Cells are parted by commas, semicolons or tabs. Other columns and blank lines are passed over, a row said
    twice counts once; an identity is given as NFC. With ``lacking`` no row need have landmarks. Raises BadInput, with
    the line, for what cannot be parsed or trusted: no header, an unknown split, a path that leaves the folder,
    landmarks that are no numbers.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        rows = list(_rows(lines, file, landmarks, lacking))
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{file} cannot be read as comma-separated UTF-8 text ({error}); save it so.") from error
    kept: dict[PurePosixPath, Row] = {}
    for row in rows:
        first = kept.setdefault(row.path, row)
        if (first.identity, first.split, first.points) != (row.identity, row.split, row.points):
            raise BadInput(f"{file} line {row.line} contradicts line {first.line} about {row.path}; keep one of them.")
    return list(kept.values())


def _rows(lines: Iterable[list[str]], file: Path, landmarks: bool, lacking: bool) -> Iterator[Row]:
    header: list[str] | None = None
    for cells in lines:
        # A csv.reader counts physical lines, which a quoted line break makes differ from rows.
        line = getattr(lines, "line_num", 0)
        values = [cell.strip() for cell in cells]
        if not any(values):
            continue
        if header is None:
            header = [value.lower() for value in values]
            if "path" not in header:
                raise BadInput(f"{file} line {line} names no column path; begin it with path,identity,split.")
            if landmarks and not (lacking and not set(COLUMNS) & set(header)):
                check_header(header, file, line)
            continue
        if len(values) > len(header):
            raise BadInput(
                f"{file} line {line} has {len(values)} cells where the header has {len(header)}; "
                "put double quotes round a cell that holds a comma or semicolon."
            )
        row = dict(zip(header, values, strict=False))
        yield Row(
            line=line,
            path=_inside(row.get("path", ""), file, line),
            identity=unicodedata.normalize("NFC", row.get("identity", "")) or None,
            split=_split(row.get("split", ""), file, line),
            points=points_of(row, file, line) if landmarks else None,
        )
    if header is None:
        raise BadInput(f"{file} is empty; begin it with path,identity,split, or remove it.")


def _delimiter(text: str) -> str:
    # Spreadsheets of half the world part cells by semicolons.
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def _inside(text: str, file: Path, line: int) -> PurePosixPath:
    path = PurePosixPath(text.replace("\\", "/"))
    if not path.parts or "\0" in text:
        raise BadInput(f"{file} line {line} names no image; give its path, or remove the line.")
    if path.is_absolute() or PureWindowsPath(text).drive or ".." in path.parts:
        raise BadInput(f"{file} line {line}: {text} leads out of the folder; name images inside it, relative to it.")
    try:
        inside = (file.parent / path).resolve().is_relative_to(file.parent.resolve())
    except (OSError, RuntimeError):
        # A loop of links or a name too long leads nowhere: that image alone is set aside, when it is opened.
        inside = True
    if not inside:
        raise BadInput(f"{file} line {line}: {text} is a link out of the folder; put the image itself there.")
    return path


def _split(text: str, file: Path, line: int) -> Split | None:
    if text and text.lower() not in SPLIT_WORDS:
        raise BadInput(f"{file} line {line}: {text!r} is no split; write train, val or test, or leave it empty.")
    return SPLIT_WORDS.get(text.lower())
