"""Near-duplicates: re-saved, rescaled, brightened, cropped, framed and mirrored copies of one photograph.

The middle of each picture, and of its mirror image, is sought in windows of every other one by the lowest
frequencies of its cosine transform; the few most alike are laid upon each other (``registration``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dct
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ftbench_datasets.registration import CENTRE, SIDE, Floats, Pairs, Rows, likeness

Views = npt.NDArray[np.uint8]

# Measured on 4,695 aligned faces of three sets: docs/data.md. Of 8,100 copies (crops down to 80 % of the side,
# mirror images, frames, turned by up to 3°; saved again at 50 to 95) 98 % agree to 0.98 or more. Of distinct
# photographs only neighbours of one burst or one film scene come near 0.94.
SAME = 0.94

# Fewer windows miss small crops: where a window may begin, for each size of it, in sides of the picture.
_SHIFTS = {
    1.0: (-0.04, 0.0, 0.04),
    0.94: (-0.05, 0.0, 0.05),
    0.88: (-0.06, -0.02, 0.02, 0.06),
    0.82: (-0.09, -0.045, 0.0, 0.045, 0.09),
}
_WINDOWS = [(size, down, right) for size, shifts in _SHIFTS.items() for down in shifts for right in shifts]
_WAVES = 9
# True copies lie among the three most alike; below this agreement there were none.
_NEAREST, _UNLIKE = 3, 0.7
_ROUNDS = 8
_BLOCK = 512


def view(image: Image.Image) -> Views:
    """The grey central square as (64, 64) uint8: all that near-duplicates are known by."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.convert("L").crop((left, top, left + side, top + side))
    # Lanczos: a box filter's aliasing would be taken for detail.
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def clusters(views: Views, same: float = SAME) -> list[list[int]]:
    """Rows of (n, 64, 64) chained by a likeness of at least ``same``: the groups of two and more.

    Compares all pairs in about n² · 1 µs on one core, 512 rows at a time.
    """
    count = len(views)
    if count < 2:
        return []
    labels = np.arange(count)
    asked = np.arange(count)
    levels = views.astype(np.float32)
    for _ in range(_ROUNDS):
        pairs = _candidates(levels, asked, labels)
        linked = likeness(views, pairs) >= same
        if not linked.any():
            break
        ends = np.concatenate([np.arange(count), pairs.first[linked]])
        others = np.concatenate([labels, pairs.second[linked]])
        graph = coo_array((np.ones(len(ends), dtype=np.int8), (ends, others)), shape=(count, count))
        found = connected_components(graph, directed=False)[1]
        # A label must name a row of its own group: its first.
        labels = np.unique(found, return_index=True)[1][found]
        # Copies of one photograph may be each other's nearest: those that have found some look farther.
        sizes = np.bincount(labels, minlength=count)
        asked = np.flatnonzero(sizes[labels] > 1)
    members: dict[int, list[int]] = {}
    for row, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(row)
    return [group for group in members.values() if len(group) > 1]


def _candidates(levels: Floats, asked: Rows, labels: Rows) -> Pairs:
    """For each row asked the three most alike that are not of its group, and where in them it lies."""
    windows = [_described(levels, *window) for window in _WINDOWS]
    found: list[tuple[Rows, Rows]] = []
    for begin in range(0, len(asked), _BLOCK):
        rows = asked[begin : begin + _BLOCK]
        best = np.full((len(rows), len(levels)), -1, dtype=np.float32)
        part = np.empty_like(best)
        for turned in (levels[rows], levels[rows, :, ::-1]):
            middle = _described(turned, 1.0, 0.0, 0.0)
            for window in windows:
                np.maximum(best, np.matmul(middle, window.T, out=part), out=best)
        best[labels[rows][:, None] == labels[None, :]] = -1
        nearest = np.argpartition(-best, min(_NEAREST, len(levels)) - 1, axis=1)[:, :_NEAREST]
        row, column = np.nonzero(np.take_along_axis(best, nearest, axis=1) > _UNLIKE)
        found.append((rows[row], nearest[row, column]))
    first = np.concatenate([rows for rows, _ in found])
    second = np.concatenate([rows for _, rows in found])
    score = np.full(len(first), -1, dtype=np.float32)
    mirrored = np.zeros(len(first), dtype=bool)
    start = np.zeros((len(first), 3), dtype=np.float32)
    for flip in (False, True):
        middle = _described(levels[:, :, ::-1] if flip else levels, 1.0, 0.0, 0.0)[first]
        for place, window in zip(_WINDOWS, windows, strict=True):
            agreement = (middle * window[second]).sum(1)
            better = agreement > score
            score[better], mirrored[better], start[better] = agreement[better], flip, place
    # Of two groups the most alike stand for all: many copies of one photograph then cost no more than few.
    order = np.argsort(-score, kind="stable")
    ends = np.stack([labels[first[order]], labels[second[order]]])
    chosen = order[np.unique(ends, axis=1, return_index=True)[1]]
    return Pairs(first, second, mirrored, start)[chosen]


def _described(levels: Floats, size: float, down: float, right: float) -> Floats:
    """Unit vectors of the low frequencies of a window, (n, 64, 64) -> (n, 80); of a blank one, zeros."""
    waves = _axis(size, down) @ levels @ _axis(size, right).T
    rank = np.arange(_WAVES)
    # Photographs' spectra fall with the frequency: so weighed, each says as much as the others.
    weight = np.hypot.outer(rank, rank).reshape(-1)[1:].astype(np.float32)
    flat = waves.reshape(len(levels), _WAVES**2)[:, 1:] * weight
    unit: Floats = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), np.float32(1.0))
    return unit


def _axis(size: float, shift: float) -> Floats:
    """(9, 64): the pixels of one axis to the low frequencies of a window of it."""
    cells = SIDE // 2
    length = CENTRE * size
    edges = (0.5 + shift + length * (np.arange(cells + 1) / cells - 0.5)) * SIDE
    low, high, pixel = edges[:-1, None], edges[1:, None], np.arange(SIDE)
    share = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None) / (high - low)
    waves: npt.NDArray[np.float64] = dct(share, axis=0, norm="ortho")
    return waves[:_WAVES].astype(np.float32)
