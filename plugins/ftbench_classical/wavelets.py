"""The invisible-watermark library's two wavelet methods, a batch at a time and bit for bit what the library gives.

The library goes through an image's blocks one by one, which is most of its time. Here every step is one call for all
blocks of some images, and of the very functions that the library calls: another's sums, or a faster way to singular
values, would end in other last digits, and other bits.

Images are BGR, uint8 (b, h, w, 3), as OpenCV has them, and are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pywt

from ftbench_classical.library import Pixels, Scores, cv2

Method = Literal["dwt-dct", "dwt-dct-svd"]
Frames = npt.NDArray[np.float64]
"""Low-pass wavelet coefficients, (b, rows, columns)."""
Blocks = npt.NDArray[np.float64]
"""(b, blocks, 4, 4), row by row."""

SIDE = 4
AT_ONCE = 4
"""Images of 256 px whose coefficients a processor's cache holds."""
BLUE_CHROMA = 1
"""Of Y, U and V the one that carries the mark."""


def mark(images: Pixels, codes: npt.NDArray[np.int64], method: Method, scale: float, threads: int) -> Pixels:
    """What ``WatermarkEncoder.encode`` makes of each image and its bits (b,n)."""
    cv2.setNumThreads(threads)
    marked = np.empty_like(images)
    for part in _parts(images):
        luma_chroma, plane = _plane(images[part])
        low, (across, down, both) = pywt.dwt2(plane, "haar", axes=(1, 2))
        blocks = _blocks(low)
        written = codes[part][:, np.arange(blocks.shape[1]) % codes.shape[1]]
        _put(low, _MARKS[method](blocks, written, scale))
        # The library gives these two back swapped; the parts are the library's.
        plane[:] = pywt.idwt2((low, (down, across, both)), "haar", axes=(1, 2))
        marked[part] = _recoloured(luma_chroma, cv2.COLOR_YUV2BGR)
    return marked


def read(images: Pixels, bits: int, method: Method, scale: float, threads: int) -> Scores:
    """Scores (b, bits) in [-1, 1.01]: twice the share of blocks that vote for 1, less the library's threshold.

    One is positive where ``WatermarkDecoder.decode`` gives a 1: that is where a mean vote exceeds 127/255.
    """
    cv2.setNumThreads(threads)
    scores = np.empty((len(images), bits), dtype=np.float32)
    for part in _parts(images):
        plane = _plane(images[part])[1]
        # Along columns, then along rows, as dwt2 goes; the other three bands are left out.
        low = pywt.dwt(pywt.dwt(plane, "haar", axis=1)[0], "haar", axis=2)[0]
        values = _VALUES[method](_blocks(low))
        votes = values % scale > 0.5 * scale
        rounds = -(-votes.shape[1] // bits)
        for_one = np.zeros((len(votes), rounds * bits))
        for_one[:, : votes.shape[1]] = votes
        asked = np.bincount(np.arange(votes.shape[1]) % bits, minlength=bits)
        shares = for_one.reshape(-1, rounds, bits).sum(axis=1) / asked
        scores[part] = (shares * 255 - 127) / 127.5
    return scores


def _parts(images: Pixels) -> Iterator[slice]:
    step = max(1, AT_ONCE * 256**2 // (images.shape[1] * images.shape[2]))
    for start in range(0, len(images), step):
        yield slice(start, start + step)


def _plane(images: Pixels) -> tuple[Pixels, Pixels]:
    """Images in YUV, and a view of what carries the mark: sides are cut to multiples of 4."""
    recoloured = _recoloured(images, cv2.COLOR_BGR2YUV)
    height, width = (side // SIDE * SIDE for side in images.shape[1:3])
    return recoloured, recoloured[:, :height, :width, BLUE_CHROMA]


def _recoloured(images: Pixels, how: int) -> Pixels:
    # Images below one another are one tall image.
    tall: Any = cv2.cvtColor(images.reshape(-1, *images.shape[2:]), how)
    found: Pixels = tall.reshape(images.shape)
    return found


def _blocks(low: Frames) -> Blocks:
    count, rows, columns = len(low), low.shape[1] // SIDE, low.shape[2] // SIDE
    cut = low[:, : rows * SIDE, : columns * SIDE].reshape(count, rows, SIDE, columns, SIDE)
    return cut.transpose(0, 1, 3, 2, 4).reshape(count, rows * columns, SIDE, SIDE)


def _put(low: Frames, blocks: Blocks) -> None:
    """Write blocks to where they were cut from."""
    count, rows, columns = len(low), low.shape[1] // SIDE, low.shape[2] // SIDE
    cut = blocks.reshape(count, rows, columns, SIDE, SIDE).transpose(0, 1, 3, 2, 4)
    low[:, : rows * SIDE, : columns * SIDE] = cut.reshape(count, rows * SIDE, columns * SIDE)


def _moved(values: Frames, bits: npt.NDArray[np.int64], scale: float) -> Frames:
    """To the middle of that half of the quantiser's step which says the bit."""
    moved: Frames = (values // scale + 0.25 + 0.5 * bits) * scale
    return moved


def _largest(blocks: Blocks) -> tuple[Blocks, npt.NDArray[np.intp]]:
    """Blocks as (b, blocks, 16), and where the largest coefficient but the first is (b, blocks, 1)."""
    flat = blocks.reshape(*blocks.shape[:2], SIDE * SIDE)
    return flat, np.abs(flat[..., 1:]).argmax(axis=-1)[..., None] + 1


def _mark_coefficients(blocks: Blocks, bits: npt.NDArray[np.int64], scale: float) -> Blocks:
    flat, place = _largest(blocks)
    values = np.take_along_axis(flat, place, axis=-1)[..., 0]
    moved = _moved(np.abs(values), bits, scale)
    np.put_along_axis(flat, place, np.where(values >= 0, moved, -moved)[..., None], axis=-1)
    return flat


def _coefficients(blocks: Blocks) -> Frames:
    flat, place = _largest(blocks)
    found: Frames = np.abs(np.take_along_axis(flat, place, axis=-1)[..., 0])
    return found


def _mark_singular_values(blocks: Blocks, bits: npt.NDArray[np.int64], scale: float) -> Blocks:
    left, values, right = np.linalg.svd(_cosines(blocks))
    values[..., 0] = _moved(values[..., 0], bits, scale)
    return _cosines(left @ (values[..., None] * right), cv2.DCT_INVERSE)


def _singular_values(blocks: Blocks) -> Frames:
    # With the vectors, though nobody wants them: without, LAPACK goes another way to other last digits.
    found: Frames = np.linalg.svd(_cosines(blocks))[1][..., 0]
    return found


def _cosines(blocks: Blocks, flags: int = 0) -> Blocks:
    """Every block's two-dimensional cosine transform: of its rows, then of its columns."""
    for _ in range(2):
        rows: Any = cv2.dct(np.ascontiguousarray(blocks).reshape(-1, SIDE), flags=flags | cv2.DCT_ROWS)
        blocks = rows.reshape(blocks.shape).swapaxes(-1, -2)
    return np.ascontiguousarray(blocks)


_MARKS: dict[Method, Callable[[Blocks, npt.NDArray[np.int64], float], Blocks]] = {
    "dwt-dct": _mark_coefficients,
    "dwt-dct-svd": _mark_singular_values,
}
_VALUES: dict[Method, Callable[[Blocks], Frames]] = {"dwt-dct": _coefficients, "dwt-dct-svd": _singular_values}
