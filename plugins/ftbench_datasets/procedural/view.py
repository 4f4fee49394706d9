"""Where each pixel lies on the head: pose, and the coordinates that every part is drawn in.

The head is a unit sphere, narrowed to the face's outline, turned, and seen from far away. ``x, y`` are lengths
on the picture in head half-heights, upright with the head; ``u, v`` are the same lengths on the turned surface,
so that whatever is drawn in ``u, v`` turns with the head; ``w`` is depth on the head, 1 at the front.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin, sqrt

import numpy as np

from ftbench_datasets.procedural.genes import Genes
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.textures import Array

Box = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True)
class View:
    """Coordinates of one picture; arrays are (size, size)."""

    size: int
    pixel: float
    """Edge of a pixel, in head half-heights."""
    x: Array
    y: Array
    bx: Array
    """(size,) across and (size,) down from the head's middle, upright with the picture: the body's frame."""
    by: Array
    xs: Array
    """x over the half-width of the head at that height: ±1 at its outline, as seen."""
    rim: Array
    """1 on the outline, less inside, more outside; nearly xs² + y²."""
    z: Array
    u: Array
    v: Array
    w: Array
    place: Place

    def box(self, u: float, v: float, reach_u: float, reach_v: float) -> Box:
        """Pixels that may hold a part at (u, v) on the surface, reaching so far to each side."""
        return self.place.box(self.size, *self.place.project(u, v), reach_u, reach_v)

    def flat_box(self, x: float, y: float, reach_x: float, reach_y: float) -> Box:
        """As ``box``, about a point of the picture."""
        return self.place.box(self.size, x, y, reach_x, reach_y)


@dataclass(frozen=True)
class Place:
    """How a head stands in its picture."""

    width: float
    jaw: float
    yaw: tuple[float, float]
    pitch: tuple[float, float]
    roll: tuple[float, float]
    centre: tuple[float, float]
    scale: float

    def project(self, u: float, v: float) -> tuple[float, float]:
        """Surface -> picture, in head half-heights."""
        across = u / self.width
        deep = sqrt(max(1 - across**2 - v**2, 0.04))
        depth = self.yaw[0] * deep - self.yaw[1] * across
        y = self.pitch[0] * v + self.pitch[1] * depth
        xs = self.yaw[0] * across + self.yaw[1] * deep
        return xs * self.width * (1 - self.jaw * max(y - 0.05, 0) ** 2) + _swing(self.yaw[1], y), y

    def share(self, x: float, y: float) -> tuple[float, float]:
        """Head half-heights -> shares of the picture's side, from its upper left."""
        cos_r, sin_r = self.roll
        return (
            self.centre[0] + (x * cos_r - y * sin_r) * self.scale,
            self.centre[1] + (x * sin_r + y * cos_r) * self.scale,
        )

    def box(self, size: int, x: float, y: float, reach_x: float, reach_y: float) -> Box:
        """Pixels about (x, y), in head half-heights, that reach so far to each side."""
        column, row = self.share(x, y)
        cos_r, sin_r = self.roll
        wide = (reach_x * abs(cos_r) + reach_y * abs(sin_r)) * self.scale
        high = (reach_x * abs(sin_r) + reach_y * abs(cos_r)) * self.scale
        return _span(row, high, size), _span(column, wide, size)


def _span(middle: float, reach: float, size: int) -> slice:
    low = min(max(int((middle - reach) * size) - 1, 0), size - 1)
    return slice(low, max(min(int((middle + reach) * size) + 2, size), low + 1))


def _swing(sin_yaw: float, y: float) -> float:
    # The jaw sticks out before the axis that the head turns about, so the chin swings further than the skull.
    return 0.30 * sin_yaw * max(y - 0.05, 0) ** 2


def place_of(genes: Genes, shot: Shot) -> Place:
    """How a head stands in its picture."""
    return Place(
        genes.width,
        genes.jaw,
        (cos(shot.yaw), sin(shot.yaw)),
        (cos(shot.pitch), sin(shot.pitch)),
        (cos(shot.roll), sin(shot.roll)),
        shot.centre,
        shot.scale,
    )


def look(genes: Genes, shot: Shot, size: int) -> View:
    """Coordinates of ``genes`` as posed in ``shot``, at ``size`` pixels."""
    place = place_of(genes, shot)
    along = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    bx = (along - place.centre[0]) / place.scale
    by = (along - place.centre[1]) / place.scale
    cos_r, sin_r = place.roll
    x = (bx * cos_r)[None, :] + (by * sin_r)[:, None]
    y = (by * cos_r)[:, None] - (bx * sin_r)[None, :]

    low = np.maximum(y - 0.05, 0)
    low *= low
    # Below the chin nothing narrows further: 1.1 is deeper than any jaw.
    np.minimum(low, 1.1, out=low)
    xs = x - (0.30 * place.yaw[1]) * low
    low *= -genes.jaw * genes.width
    low += genes.width
    xs /= low
    rim = y * y
    # A skull is broader on top than a sphere.
    crown = np.minimum(y, 0)
    crown *= crown
    crown *= 1 - rim
    crown *= -0.38
    rim += crown
    rim += xs * xs
    z = 1 - rim
    np.maximum(z, 0, out=z)
    np.sqrt(z, out=z)

    cos_y, sin_y = place.yaw
    cos_p, sin_p = place.pitch
    u = (xs * cos_y - z * sin_y) * genes.width
    w = xs * sin_y + z * cos_y
    v = y * cos_p - w * sin_p
    pixel = 1 / (place.scale * size)
    return View(
        size=size, pixel=pixel, x=x, y=y, bx=bx, by=by, xs=xs, rim=rim, z=z, u=u, v=v, w=w, place=place
    )  # fmt: skip
