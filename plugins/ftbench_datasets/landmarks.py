"""Landmarks in ``index.csv``: ten columns, as the list of CelebA names them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ftbench.errors import BadInput

Points = tuple[tuple[float, float], ...]
"""Eyes, tip of the nose, corners of the mouth, left first as the viewer sees them; pixels, the first one's middle 0."""
COLUMNS = tuple(
    f"{part}_{axis}" for part in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy"
)
MISSING = "index.csv gives it no landmarks"


def check_header(header: Sequence[str], file: Path, line: int) -> None:
    """Raise BadInput unless all ten columns are there."""
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise BadInput(
            f"{file} line {line} lacks the columns {', '.join(missing)}, which landmarks: true asks for; add them, "
            "or leave landmarks out."
        )


def points_of(row: Mapping[str, str], file: Path, line: int) -> Points | None:
    """The five points of a row, None where all its cells are empty; raises BadInput, with the line, for others."""
    cells = [row.get(name, "") for name in COLUMNS]
    if not any(cells):
        return None
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise BadInput(
            f"{file} line {line}: landmarks are ten numbers of pixels; give them all, or leave all ten empty."
        )
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if len(set(points)) < len(points):
        raise BadInput(f"{file} line {line}: two of its landmarks are one point; mend them, or leave all ten empty.")
    return points


def in_square(points: Points, width: int, height: int) -> np.ndarray:
    """Points of an upright picture as shares of its central square, from the upper left: float (5, 2)."""
    side = min(width, height)
    corner = np.array([(width - side) // 2, (height - side) // 2])
    shares: np.ndarray = (np.array(points) + 0.5 - corner) / side
    return shares
