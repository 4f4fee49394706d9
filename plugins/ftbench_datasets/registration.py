"""Laying one picture upon another: the affine map under which they agree best, and how far they then do.

Gauss-Newton from a start that is near (Baker and Matthews, *Lucas-Kanade 20 Years On*, 2004, the inverse
compositional form), on pictures whose coarse shading is taken away, first smooth and small, then fine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

SIDE = 64
"""Pixels a side of the pictures that are laid upon each other."""
CENTRE = 0.7
"""Only this middle part of the first picture is sought in the other: what a crop or a border spares."""

# A frequency fainter than this many grey levels (orthonormal) is rounding and compression noise,
# and a picture with fewer others than so many has nothing to be known by.
_FAINT, _FEWEST = 2.0, 16

_COARSE, _FINE = 16, 32
_KEPT = 16
# Smooth copies that are worse than this after the first steps have never been one photograph.
_HOPELESS = 0.75
_BLOCK = 512


@dataclass(frozen=True)
class Pairs:
    """m pairs of pictures with a first guess of how the second shows the first."""

    first: Rows
    second: Rows
    mirrored: npt.NDArray[np.bool_]
    start: Floats
    """(m, 3): scale, and the shift down and to the right, in sides of the picture."""

    def __getitem__(self, rows: Rows) -> Pairs:
        return Pairs(self.first[rows], self.second[rows], self.mirrored[rows], self.start[rows])


def likeness(pictures: npt.NDArray[np.uint8], pairs: Pairs) -> Floats:
    """How well each pair agrees once it is aligned, (n, 64, 64) -> (m,) in [-1, 1]; -1 where it is hopeless."""
    levels = pictures.astype(np.float32)
    detail = levels - gaussian_filter(levels, (0, 6, 6))
    smooth, fine = gaussian_filter(detail, (0, 2, 2)), gaussian_filter(detail, (0, 0.8, 0.8))
    found = np.full(len(pairs.first), -1, dtype=np.float32)
    for begin in range(0, len(found), _BLOCK):
        rows = np.arange(begin, min(begin + _BLOCK, len(found)))
        some = pairs[rows]
        maps = np.zeros((len(rows), 2, 3), dtype=np.float32)
        maps[:, 0, 0] = maps[:, 1, 1] = some.start[:, 0]
        maps[:, :, 2] = some.start[:, 1:]
        maps, agreement = _aligned(smooth, some, maps, _COARSE, steps=6)
        hopeful = np.flatnonzero(agreement > _HOPELESS)
        if not hopeful.size:
            continue
        some = some[hopeful]
        maps, _ = _aligned(fine, some, maps[hopeful], _FINE, steps=6)
        found[rows[hopeful]] = _agreement(levels, some, maps)
    return found


def _aligned(
    pictures: Floats, pairs: Pairs, maps: Floats, cells: int, *, steps: int
) -> tuple[Floats, npt.NDArray[np.float32]]:
    """The maps bettered by some steps, and the correlation of the pictures under them."""
    points = _points(cells)
    wanted, down, right = _first(pictures, pairs, cells)
    length = np.maximum(np.linalg.norm(wanted - wanted.mean(1, keepdims=True), axis=1, keepdims=True), 1e-3)
    wanted = _normal(wanted)
    slopes = np.concatenate([(down / length)[:, None] * points, (right / length)[:, None] * points], axis=1) * SIDE
    slopes -= slopes.mean(2, keepdims=True)
    squares = slopes @ slopes.transpose(0, 2, 1)
    # A little of the identity: a picture of one edge says nothing of the shift along it.
    squares += (1e-3 / 6 * np.trace(squares, axis1=1, axis2=2)[:, None, None] + 1e-6) * np.eye(6, dtype=np.float32)
    solver = np.linalg.inv(squares) @ slopes
    seen = _normal(_second(pictures, pairs, maps, points))
    for _ in range(steps):
        change = (solver @ (seen - wanted)[:, :, None])[:, :, 0].reshape(-1, 2, 3)
        change = np.clip(change, -0.1, 0.1)
        maps = _compose(maps, change)
        seen = _normal(_second(pictures, pairs, maps, points))
    return maps, (seen * wanted).sum(1)


def _compose(maps: Floats, change: Floats) -> Floats:
    """``maps`` after the inverse of the identity plus ``change``."""
    linear = np.linalg.inv(np.eye(2, dtype=np.float32) + change[:, :, :2])
    moved = maps[:, :, :2] @ linear
    shift = maps[:, :, 2] - (moved @ change[:, :, 2:])[:, :, 0]
    return np.concatenate([moved, shift[:, :, None]], axis=2)


def _agreement(pictures: Floats, pairs: Pairs, maps: Floats) -> Floats:
    """Correlation of the low frequencies, each weighed so that fine detail counts as coarse shape does."""
    one = _spectrum(_first(pictures, pairs, _FINE)[0])
    other = _spectrum(_second(pictures, pairs, maps, _points(_FINE)))
    seen = np.minimum((np.abs(one) > _FAINT).sum(1), (np.abs(other) > _FAINT).sum(1))
    rank = np.arange(_KEPT)
    weight = np.hypot.outer(rank, rank).reshape(-1)[1:].astype(np.float32)
    one, other = one * weight, other * weight
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosine: Floats = (one * other).sum(1) / np.maximum(lengths, 1e-6)
    # Beyond these scales no copy was sought, and a map that collapses may agree with anything.
    scales = np.linalg.norm(maps[:, :, :2], axis=1)
    likely = (seen >= _FEWEST) & (scales.min(1) > 0.65) & (scales.max(1) < 1.4)
    return np.where(likely, cosine, np.float32(-1))


def _spectrum(patches: Floats) -> Floats:
    waves: Floats = dctn(patches.reshape(-1, _FINE, _FINE), axes=(1, 2), norm="ortho")
    return waves[:, :_KEPT, :_KEPT].reshape(len(patches), _KEPT**2)[:, 1:]


def _points(cells: int) -> Floats:
    """The middle of a picture as (3, cells²): down, right, 1, from its centre, in sides of the picture."""
    line = ((np.arange(cells) + 0.5) / cells - 0.5) * CENTRE
    down, right = np.meshgrid(line, line, indexing="ij")
    return np.stack([down, right, np.ones_like(down)]).reshape(3, -1).astype(np.float32)


def _first(pictures: Floats, pairs: Pairs, cells: int) -> tuple[Floats, Floats, Floats]:
    points = _points(cells)
    turn = np.where(pairs.mirrored, -1, 1).astype(np.float32)[:, None]
    down = np.broadcast_to(points[0], (len(turn), points.shape[1]))
    value, falls, rises = _sampled(pictures, pairs.first, down, turn * points[1])
    return value, falls, rises * turn


def _second(pictures: Floats, pairs: Pairs, maps: Floats, points: Floats) -> Floats:
    places = maps @ points
    return _sampled(pictures, pairs.second, places[:, 0], places[:, 1])[0]


def _sampled(pictures: Floats, which: Rows, down: Floats, right: Floats) -> tuple[Floats, Floats, Floats]:
    """Bilinear values and slopes a pixel at places (m, p) of pictures (m,); beyond the edge the edge's."""
    y = np.clip((down + 0.5) * SIDE - 0.5, 0, SIDE - 1.001)
    x = np.clip((right + 0.5) * SIDE - 0.5, 0, SIDE - 1.001)
    row, column = y.astype(np.intp), x.astype(np.intp)
    below, beside = (y - row).astype(np.float32), (x - column).astype(np.float32)
    flat = pictures.reshape(-1)
    at = which[:, None] * SIDE**2 + row * SIDE + column
    a, b, c, d = flat[at], flat[at + 1], flat[at + SIDE], flat[at + SIDE + 1]
    across, across_below = b - a, d - c
    top, bottom = a + across * beside, c + across_below * beside
    return top + (bottom - top) * below, bottom - top, across + (across_below - across) * below


def _normal(patches: Floats) -> Floats:
    even = patches - patches.mean(1, keepdims=True)
    unit: Floats = even / np.maximum(np.linalg.norm(even, axis=1, keepdims=True), np.float32(1e-3))
    return unit
