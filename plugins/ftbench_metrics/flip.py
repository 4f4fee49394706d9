"""FLIP: how far two pictures are apart for an eye that sees them take turns in one place.

Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström and Fairchild, "FLIP: A Difference Evaluator for Alternating
Images", Proc. ACM Comput. Graph. Interact. Tech. 3(2), 2020.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import threshold

from ftbench_metrics.colour import lab, light_of, linear, opponent, shares
from ftbench_metrics.objections import DISPLAY
from ftbench_metrics.separable import Row, padded
from ftbench_metrics.viewing import Eye
from ftbench_metrics.window import images_at_once, in_slabs, require_same_shape

COLOUR, KNEE, BELOW = 0.7, 0.4, 0.95
"""The power of a colour difference; the share of the largest one that takes most of the scale; how much it takes."""
EDGES = 0.5
"""The power of a difference of edges or points."""
LEAST = 1e-7
"""A root has no gradient from here down: towards 0 it rises infinitely steeply."""


@dataclass(frozen=True)
class Flip:
    """Mean of FLIP over an image of standard dynamic range: 0 for identical ones, 1 at most.

    The eye sees ``pixels_per_degree``. Beyond its border a picture goes on as it ends there.
    """

    pixels_per_degree: float = DISPLAY

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64, with a gradient where an image has one.

        Raises ValueError when the shapes differ.
        """
        require_same_shape(reference, image)
        if torch.is_grad_enabled() and (reference.requires_grad or image.requires_grad):
            return self._of(reference, image)
        return in_slabs(torch.no_grad()(self._of), reference, image)

    def against(self, reference: Tensor) -> Callable[[Tensor], Tensor]:
        """The same for one reference (b,3,h,w) and many an image in turn, in half of the time: image -> (b,)."""
        with torch.no_grad():
            seen = self._seen(reference)
        return lambda image: _mean(seen, self._seen(image))

    def _of(self, reference: Tensor, image: Tensor) -> Tensor:
        some = images_at_once(image)
        pairs = zip(reference.split(some), image.split(some), strict=True)
        return torch.cat([_mean(self._seen(first), self._seen(second)) for first, second in pairs])

    def _seen(self, image: Tensor) -> Seen:
        with torch.autocast(image.device.type, enabled=False):
            precise = image.to(torch.promote_types(image.dtype, torch.float32))
            return _seen(precise, _rows(self.pixels_per_degree, precise.dtype, precise.device))


@dataclass(frozen=True)
class Seen:
    """What an eye makes of b pictures."""

    lab: Tensor
    """(1,3,h,w·b): CIELAB, with less colour in the dark."""
    edges: Tensor
    """(h,w,b): how luminance, 0 to 1, rises; and how it stands out as a point or a line."""
    points: Tensor


@dataclass(frozen=True)
class _Rows:
    reach: int
    blurs: tuple[tuple[tuple[float, Row], ...], ...]
    smooth: Row
    rising: Row
    standing_out: Row


@functools.lru_cache(maxsize=8)
def _rows(sharpness: float, dtype: torch.dtype, device: torch.device) -> _Rows:
    eye = Eye(sharpness)
    row = functools.partial(Row, dtype=dtype, device=device)
    return _Rows(
        eye.reach,
        tuple(tuple((share, row(weights)) for share, weights in blur) for blur in eye.blurs),
        *(row(weights) for weights in eye.features),
    )


def _seen(image: Tensor, rows: _Rows) -> Seen:
    height, width = image.shape[-2:]
    opponents = opponent(linear(image))
    lightness, *colours = (padded(plane, rows.reach) for plane in opponents.unbind(1))

    def both_ways(across: Tensor, down: Row) -> Tensor:
        return down(across)[:height, :width]

    blurred = []
    for plane, blur in zip((lightness, *colours), rows.blurs, strict=True):
        parts = [share * both_ways(row(plane), row) for share, row in blur]
        blurred.append(sum(parts[1:], parts[0]).flatten(1))
    light = light_of(torch.stack(blurred)[None]).clamp(0, 1)
    # Luminance is a 116th of what lightness is here.
    luminance = lightness / 116
    across = rows.smooth(luminance)
    edges = _length(both_ways(rows.rising(luminance), rows.smooth), both_ways(across, rows.rising))
    points = _length(both_ways(rows.standing_out(luminance), rows.smooth), both_ways(across, rows.standing_out))
    return Seen(_as_bright(lab(shares(light))), edges, points)


def _mean(first: Seen, second: Seen) -> Tensor:
    """Mean FLIP (b,)."""
    apart = _scaled(_apart(first.lab, second.lab)).view(first.edges.shape)
    features = torch.maximum((first.edges - second.edges).abs(), (first.points - second.points).abs())
    sharper = _root(features * 0.5**0.5, EDGES)
    return apart.pow(1 - sharper).mean((0, 1), dtype=torch.float64)


def _as_bright(found: Tensor) -> Tensor:
    """The Hunt effect: CIELAB with as much colour as it is bright."""
    lightness, *colours = found.unbind(1)
    return torch.stack([lightness, *(0.01 * lightness * colour for colour in colours)], 1)


def _apart(first: Tensor, second: Tensor) -> Tensor:
    """HyAB (1,n) of colours (1,3,n): lightness apart from colour, since large differences of both add up."""
    lightness, red, yellow = (first - second).unbind(1)
    return lightness.abs() + _length(red, yellow)


def _scaled(apart: Tensor) -> Tensor:
    """0 to 1."""
    most = _most()
    powered = _root(apart, COLOUR)
    small = powered.clamp_max(KNEE * most) * (BELOW / (KNEE * most))
    return small + (powered - KNEE * most).clamp_min(0) * ((1 - BELOW) / (most - KNEE * most))


@functools.cache
def _most() -> float:
    """The difference of the two colours that are furthest apart: green and blue."""
    light = torch.tensor([[[0.0], [1.0], [0.0]], [[0.0], [0.0], [1.0]]], dtype=torch.float64)
    green, blue = _as_bright(lab(shares(light))).split(1)
    return math.pow(float(_apart(green, blue)), COLOUR)


def _length(one: Tensor, other: Tensor) -> Tensor:
    # The square of what counts as nothing.
    return threshold(one.square() + other.square(), LEAST**2, 0.0).sqrt()


def _root(value: Tensor, power: float) -> Tensor:
    return threshold(value, LEAST, 0.0).pow(power)
