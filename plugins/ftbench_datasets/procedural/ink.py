"""Soft edges and the laying of paint, in linear light, on (3, h, w) canvases."""

from __future__ import annotations

import numpy as np

from ftbench_datasets.procedural.palettes import RGB
from ftbench_datasets.procedural.textures import Array


def colour(rgb: RGB) -> Array:
    """(3, 1, 1), to broadcast over a canvas."""
    return np.array(rgb, np.float32).reshape(3, 1, 1)


def edge(inside: Array, soft: float) -> Array:
    """Share of a pixel that is covered, from the distance ``inside`` an edge; ``soft`` is the width of the ramp.

    With ``soft`` a pixel's edge, straight edges are covered exactly as averaging a finer picture would.
    """
    share = inside * (1 / soft)
    share += 0.5
    np.maximum(share, 0, out=share)
    return np.minimum(share, 1, out=share)


def line(distance: Array, half: float, soft: float) -> Array:
    """Share covered by a stroke of half-width ``half`` about ``distance`` 0; right for strokes under a pixel too."""
    away = np.abs(distance)
    share = edge(half - away, soft)
    # The other side of the stroke, which a pixel wider than the stroke also sees.
    share -= edge(-half - away, soft)
    return share


def band(a: Array, b: Array, soft: float) -> Array:
    """Share covered between two edges, from the distances inside each; nothing where they meet."""
    share = edge(a, soft)
    share += edge(b, soft)
    share -= 1
    return np.maximum(share, 0, out=share)


def paint(canvas: Array, share: Array, with_colour: Array) -> None:
    """Cover ``canvas`` by ``share`` (h, w) of a colour, (3, 1, 1) or (3, h, w)."""
    step = with_colour - canvas
    step *= share
    canvas += step


def smoothstep(low: float, high: float, values: Array) -> Array:
    """0 below ``low``, 1 above ``high``, smooth between; falls instead when ``low`` > ``high``."""
    t = values - low
    t *= 1 / (high - low)
    np.maximum(t, 0, out=t)
    np.minimum(t, 1, out=t)
    square = t * t
    t *= -2
    t += 3
    t *= square
    return t


def overlap(a: Array, b: Array, round_by: float) -> Array:
    """Distance inside both of two edges, with the corner rounded."""
    apart = a - b
    apart *= apart
    apart += round_by**2
    np.sqrt(apart, out=apart)
    both = a + b
    both -= apart
    both *= 0.5
    return both
