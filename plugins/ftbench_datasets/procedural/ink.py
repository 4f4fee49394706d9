"""Soft edges and the laying of paint, in linear light, on (3, h, w) canvases."""

from __future__ import annotations

import numpy as np

from ftbench_datasets.procedural.palettes import RGB
from ftbench_datasets.procedural.textures import Array


def colour(rgb: RGB) -> Array:
    """(3, 1, 1), to broadcast over a canvas."""
    return np.array(rgb, np.float32).reshape(3, 1, 1)


# Arrays, for at 64 px NumPy takes as long to convert a Python number as to clip by it.
_NOUGHT, _ONE = np.zeros((), np.float32), np.ones((), np.float32)


def _unit(share: Array, most: float | Array = _ONE) -> Array:
    share.clip(_NOUGHT, most, out=share)
    return share


def edge(inside: Array, soft: float) -> Array:
    """Share of a pixel that is covered, from the distance ``inside`` an edge; ``soft`` is the width of the ramp.

    With ``soft`` a pixel's edge, straight edges are covered exactly as averaging a finer picture would.
    """
    share = inside * (1 / soft)
    share += 0.5
    return _unit(share)


def line(distance: Array, half: float, soft: float) -> Array:
    """Share covered by a stroke of half-width ``half`` about ``distance`` 0; right for strokes under a pixel too."""
    share = np.abs(distance)
    share *= -1 / soft
    share += half / soft + 0.5
    # A stroke narrower than the ramp never covers a pixel whole.
    return _unit(share, min(1.0, 2 * half / soft))


def band(a: Array, b: Array, soft: float) -> Array:
    """Share covered between two edges, from the distances inside each; nothing where they meet."""
    share = edge(a, soft)
    share += edge(b, soft)
    share -= 1
    np.maximum(share, 0, out=share)
    return share


def paint(canvas: Array, share: Array, with_colour: Array) -> None:
    """Cover ``canvas`` by ``share`` (h, w) of a colour, (3, 1, 1) or (3, h, w)."""
    step = with_colour - canvas
    step *= share
    canvas += step


def ramp(low: float, high: float, values: Array) -> Array:
    """0 below ``low``, 1 above ``high``, straight between; falls instead when ``low`` > ``high``."""
    share = values * (1 / (high - low))
    share -= low / (high - low)
    return _unit(share)


def smoothstep(low: float, high: float, values: Array) -> Array:
    """``ramp`` without the corners, for what is wide enough to show them."""
    t = ramp(low, high, values)
    bend = t * -2
    bend += 3
    t *= t
    t *= bend
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


def join(a: Array, b: Array, round_by: float) -> Array:
    """Distance inside either of two edges, with the corner rounded."""
    either = a + b
    either -= overlap(a, b, round_by)
    return either
