"""Neck, shoulders and clothes."""

from __future__ import annotations

from math import sin

import numpy as np

from ftbench_datasets.procedural import palettes
from ftbench_datasets.procedural.genes import Genes
from ftbench_datasets.procedural.ink import colour, edge, line, paint, smoothstep
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.textures import Array, window
from ftbench_datasets.procedural.view import View

ROUND, V, SHIRT, ROLL = range(4)


def bust(canvas: Array, genes: Genes, shot: Shot, view: View) -> None:
    """Paint what is below the chin."""
    top = min(max(int(view.size * (shot.centre[1] + 0.4 * shot.scale)), 0), view.size - 1)
    rows = slice(top, view.size)
    area = canvas[:, rows]
    # The body stays nearly upright and nearly frontal while the head turns.
    x = view.bx[None, :] + (0.10 * sin(shot.roll) - 0.12 * sin(shot.yaw))
    y = view.by[rows, None]
    away = np.abs(x)
    half = 0.47 * genes.width + 0.12 - 0.35 * genes.jaw
    lx, ly, lz = shot.light

    turn = x * (1 / (half * 1.2))
    facing = np.sqrt(np.maximum(1 - turn * turn, 0.04))
    # The chin's shadow, thrown away from the light.
    shaded = smoothstep(1.95, 1.05, view.rim[rows] + 0.3 * lx * view.xs[rows])
    sun = 1 - 0.85 * shaded
    sky = 1 - 0.62 * shaded
    sky *= 0.35 + 0.5 * facing
    sun *= np.maximum(turn * (0.9 * lx) + facing * (0.8 * lz) - 0.05, 0)
    flare = np.maximum(y - 1.0, 0)
    # The neck runs out into the shoulders on a curve.
    skin = _lit(palettes.scale(genes.skin, (0.95, 0.85, 0.82)), sun, sky, shot)
    paint(area, edge(half + 1.2 * flare * flare - away, view.pixel * 1.2), skin)

    inside = y - _neckline(away, half, shot.collar)
    folds = window(view.size, 22, 1.3, shot.pattern)[rows]
    level = folds * 0.10
    level += np.maximum(0.35 * x * lx - 0.6 * ly + 0.35 * lz, 0.1)
    level *= smoothstep(-0.12, 0.25, inside) * 0.35 + 0.65
    weave = window(view.size, 23, 0.3, shot.grain_at)[rows] * 0.05
    weave += 1
    if shot.stripes > 0.3:
        visible = min(1.0, 0.06 / view.pixel) * shot.stripes * 0.35
        weave += visible * np.sin((x if shot.stripes > 0.6 else y + 0.1 * x) * 38)
    level *= weave
    paint(area, edge(inside, view.pixel * 1.3), _lit(shot.cloth, level, weave * 0.8, shot))
    if shot.collar != V:
        trim = shot.cloth_trim if shot.collar == SHIRT else palettes.scale(shot.cloth, 0.7)
        width = 0.045 if shot.collar == SHIRT else 0.025
        paint(area, line(inside - width, width, view.pixel * 1.2), _lit(trim, level, sky, shot))


def _neckline(away: Array, half: float, collar: int) -> Array:
    """Height of the cloth's edge at each distance from the middle."""
    height = 1.14 + 0.15 * away
    height += 0.10 * smoothstep(half, half + 0.7, away)
    if collar == ROLL:
        height -= 0.20 * smoothstep(half + 0.16, half - 0.02, away)
        return height
    depth = (0.17, 0.50, 0.32)[collar]
    hollow = np.maximum(1 - away * (1 / (half + (0.04, 0.10, 0.02)[collar])), 0)
    if collar == ROUND:
        hollow = 1 - (1 - hollow) ** 2
    height += depth * hollow
    return height


def _lit(base: palettes.RGB, sun: Array, sky: Array, shot: Shot) -> Array:
    shaded: Array = colour(palettes.scale(base, shot.key)) * sun
    shaded += colour(palettes.scale(base, shot.fill)) * sky
    return shaded
