"""What is behind: an out-of-focus place, its light, its edges, its texture."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, sin

import numpy as np

from ftbench_datasets.procedural import palettes
from ftbench_datasets.procedural.ink import colour, edge
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.textures import Array, bicubic, window

CELLS = 5


def background(shot: Shot, size: int) -> Array:
    """(3, size, size), linear light: the canvas that everything else is painted on."""
    chance = iter(shot.backdrop)
    first, second = (palettes.WALL[int(next(chance) * len(palettes.WALL))] for _ in range(2))
    # A quarter of the places are plain, as in a studio.
    busy = max(0.0, next(chance) * 1.33 - 0.33)
    field = np.array([next(chance) for _ in range(CELLS * CELLS)], np.float32).reshape(CELLS, CELLS)
    spread = bicubic(size, CELLS)
    share = spread @ (0.5 + (0.3 + 1.2 * busy) * (field - 0.5)) @ spread.T
    np.clip(share, 0, 1, out=share)
    dim = 0.35 + 0.75 * next(chance)
    far, near = colour(palettes.scale(first, dim)), colour(palettes.scale(second, dim))
    canvas: Array = (near - far) * share
    canvas += far

    along = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    light = window(size, 21, 1.1, shot.pattern) * (0.04 + 0.22 * busy * next(chance))
    light += 1
    for _ in range(int(3 * busy)):
        light *= _side(along, chance)
    canvas *= light
    for _ in range(int(4.5 * busy * next(chance))):
        _lamp(canvas, along, chance)
    return canvas


def _side(along: Array, chance: Iterator[float]) -> Array:
    """A wall's corner, a door, a horizon: one side of a blurred line is brighter."""
    angle = pi / 2 * round(2 * next(chance)) + 0.25 * (next(chance) - 0.5)
    offset = 0.1 + 0.8 * next(chance)
    across = ((along - offset) * cos(angle))[None, :] + ((along - offset) * sin(angle))[:, None]
    side = edge(across, 0.02 + 0.12 * next(chance))
    side *= 1.1 * next(chance) - 0.45
    side += 1
    return side


def _lamp(canvas: Array, along: Array, chance: Iterator[float]) -> None:
    """A light far out of focus."""
    x, y, radius = next(chance), 0.7 * next(chance), 0.04 + 0.09 * next(chance)
    rows = slice(max(0, int((y - 1.4 * radius) * len(along))), int((y + 1.4 * radius) * len(along)) + 1)
    distance = np.sqrt(((along - x) ** 2)[None, :] + ((along[rows] - y) ** 2)[:, None])
    disc = edge(radius - distance, 0.02 + 0.5 * radius)
    strength, warmth = 0.15 + 0.5 * next(chance), next(chance)
    tint = palettes.scale((1.0, 0.65 + 0.3 * warmth, 0.25 + 0.7 * warmth), strength)
    canvas[:, rows] += colour(tint) * disc
