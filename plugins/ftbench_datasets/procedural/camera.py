"""From light to a file's pixels, and the order in which a portrait is painted."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ftbench_datasets.procedural import bust, features, hair, skin
from ftbench_datasets.procedural.backdrop import background
from ftbench_datasets.procedural.genes import Genes
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.textures import Array, window
from ftbench_datasets.procedural.view import look


def portrait(genes: Genes, shot: Shot, size: int) -> npt.NDArray[np.uint8]:
    """Draw one photo: RGB, uint8 (size, size, 3)."""
    view = look(genes, shot, size)
    canvas = background(shot, size)
    locks = hair.comb(genes, shot, view)
    if locks is not None:
        hair.behind(canvas, locks)
    bust.bust(canvas, genes, shot, view)
    light = skin.head(canvas, genes, shot, view)
    features.beard(canvas, light, genes, shot, view)
    features.mouth(canvas, light, genes, shot, view)
    features.eyes(canvas, light, genes, shot, view)
    features.brows(canvas, light, genes, shot, view)
    features.glasses(canvas, genes, shot, view)
    if locks is not None:
        hair.before(canvas, locks, genes, view)
    skin.near_ear(canvas, genes, shot, view)
    return develop(canvas, shot)


def develop(canvas: Array, shot: Shot) -> npt.NDArray[np.uint8]:
    """Expose, darken the corners, bend to display values, add grain, round. Changes ``canvas``."""
    size = canvas.shape[-1]
    canvas *= shot.exposure * (1 - shot.vignette * _corners(size))
    np.maximum(canvas, 0, out=canvas)
    # Highlights roll off as on film, instead of clipping.
    canvas /= 1 + 0.18 * canvas
    np.sqrt(canvas, out=canvas)
    canvas *= 255 * 1.05
    y, x = shot.grain_at
    canvas += window(size, 28, 0.25, (y, x)) * (255 * shot.grain)
    for k in range(3):
        canvas[k] += window(size, 29, 0.25, ((y + 0.3 * k) % 1, x)) * (80 * shot.grain)
    canvas += 0.5
    np.maximum(canvas, 0, out=canvas)
    np.minimum(canvas, 255, out=canvas)
    return np.ascontiguousarray(canvas.transpose(1, 2, 0).astype(np.uint8))


@lru_cache(maxsize=32)
def _corners(size: int) -> Array:
    square = ((np.arange(size) + 0.5) / size - 0.5) ** 2
    return (2 * (square[None, :] + square[:, None])).astype(np.float32)
