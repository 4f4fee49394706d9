"""Which of several copies of one photograph the others were made from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

# Beyond this side detail is no longer told: a transform of 20 million pixels takes seconds.
_LARGEST = 1024
# A row or column of a frame: its grey levels spread no more, but for the ringing of a lossy file.
_FLAT = 4.0
# A frequency fainter than this many grey levels (orthonormal) is rounding and compression noise.
_FAINT = 2.0


# A mean quantisation step at which a lossy file counts for half: so the frequencies that the noise of saving
# again at less quality brings in do not outweigh what it says of the file. Without loss is as good as 96.
_HALF, _LOSSLESS = 10.0, 4.5
# Of two that show nearly as much, the larger: copies are shrunk more often than enlarged.
_LARGER = 0.1


def ranks(images: list[Image.Image], steps: list[float | None]) -> list[float]:
    """The greater, the likelier an image is what the others were made from.

    Counts the frequencies that an image shows, held to the size of the smallest: what cuts, shrinks, enlarges or
    blurs takes some away, and a plain frame is not counted. ``steps``, a file's mean quantisation steps or None
    where it has none, tell which was saved with less loss.
    """
    levels = [_trimmed(_grey(image)) for image in images]
    least = min(each.size for each in levels)
    waves = (np.abs(dctn(each, norm="ortho")) * np.sqrt(least / each.size) for each in levels)
    counts = [int((each > _FAINT).sum()) for each in waves]
    # Equal to the last frequency: one was made from the other without loss, and so holds its loss as well.
    worst: dict[int, float] = {}
    for count, step in zip(counts, steps, strict=True):
        worst[count] = max(worst.get(count, _LOSSLESS), step or 0.0)
    alone = Counter(counts)
    losses = [
        worst[count] if alone[count] > 1 else _LOSSLESS if step is None else step
        for count, step in zip(counts, steps, strict=True)
    ]
    return [
        count * image.width**_LARGER / (1 + loss / _HALF)
        for count, loss, image in zip(counts, losses, images, strict=True)
    ]


def _grey(image: Image.Image) -> npt.NDArray[np.float32]:
    grey = image.convert("L")
    grey.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    return np.asarray(grey, dtype=np.float32)


def _trimmed(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rows, columns = (np.flatnonzero(levels.std(axis) > _FLAT) for axis in (1, 0))
    if not rows.size or not columns.size:
        return levels
    return levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
