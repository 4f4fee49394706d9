"""The bare head: its relief, its light, its skin, its ears."""

from __future__ import annotations

from math import sin
from typing import NamedTuple

import numpy as np

from ftbench_datasets.procedural import textures
from ftbench_datasets.procedural.genes import Genes
from ftbench_datasets.procedural.ink import colour, edge, paint
from ftbench_datasets.procedural.palettes import scale
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.textures import Array
from ftbench_datasets.procedural.view import Box, View

BLOOD = colour((0.0, -0.30, -0.24))
"""What blood takes from green and blue."""


class Lump(NamedTuple):
    """One soft part of the relief: a Gaussian on the surface, and its mirror image."""

    u: float
    v: float
    wide: float
    high: float
    out: float = 0.0
    """How far it stands out; a hollow when negative."""
    dark: float = 0.0
    """Light that it keeps away."""
    red: float = 0.0
    """Blood under the skin."""
    lean: float = 0.0
    """How far its middle line moves outwards for each unit down."""


def relief(genes: Genes, shot: Shot) -> list[Lump]:
    """What a face is made of, before eyes, brows and lips are drawn."""
    g, bones = genes, genes.bones
    tip = g.nose_y + 0.9 * g.nose_out * sin(shot.pitch)
    smile, drop = max(shot.smile, 0.0), 0.10 * shot.mouth_open
    mouth, corner = g.mouth_y, g.mouth_half * (1 + 0.2 * smile)
    fold = 0.5 * (g.nose_half + corner) + 0.045
    return [
        Lump(0, -0.48, 0.42, 0.24, out=0.05),
        Lump(0, 0.5 * tip, 0.062, 0.22, out=0.75 * g.nose_out),
        Lump(0, tip, 0.65 * g.nose_half, 0.07, out=0.55 * g.nose_out, red=0.35 * g.blush),
        Lump(0, tip + 0.09, 1.05 * g.nose_half, 0.035, dark=0.45),
        Lump(0, mouth, 0.30, 0.20, out=0.05),
        Lump(0, mouth - 0.09, 0.028, 0.05, out=-0.008, dark=0.08),
        Lump(0, mouth + g.lip_lower + 0.075 + drop, 0.14, 0.035, out=-0.02, dark=0.22),
        Lump(0, 0.88 + drop, 0.15, 0.09, out=0.045 * bones),
        Lump(0, -0.13, 0.05, 0.06, out=-0.012, dark=0.10 * shot.frown + 0.05 * g.age),
        Lump(g.eye_x * 0.97, g.eye_y - 0.035, 0.15, 0.09, out=-0.035 * bones, dark=0.22, red=0.1),
        Lump(g.eye_x * 0.90, g.eye_y + 0.115, 0.11, 0.035, out=-0.006, dark=0.08 + 0.16 * g.age, lean=-0.3),
        Lump(0.23, -0.19, 0.13, 0.055, out=0.022 * bones),
        Lump(0.37, 0.24 - 0.03 * smile, 0.17, 0.13, out=0.055 * bones + 0.03 * smile, red=0.8 * g.blush),
        Lump(0.42, 0.55, 0.14, 0.17, out=-0.03 * bones, dark=0.05),
        Lump(g.nose_half * 0.80, tip + 0.03, 0.05, 0.045, out=0.028, red=0.15),
        Lump(g.nose_half * 0.46, tip + 0.068, 0.026, 0.016, dark=0.75),
        Lump(g.nose_half * 1.22, tip + 0.03, 0.025, 0.05, dark=0.26),
        Lump(fold, 0.5 * (tip + mouth) + 0.02, 0.035, 0.10, out=-0.008 - 0.010 * smile,
             dark=0.03 + 0.16 * smile + 0.16 * g.age, lean=0.75),
        Lump(corner * 1.05, mouth - 0.035 * shot.smile, 0.03, 0.035, dark=0.22),
    ]  # fmt: skip


def head(canvas: Array, genes: Genes, shot: Shot, view: View) -> Array:
    """Paint the head; returns the light on it, (size, size), for what is drawn on top."""
    light = np.ones((view.size, view.size), np.float32)
    for side in (-1, 1):
        # The far ear soon hides behind the cheek.
        if 0 <= side * shot.yaw < 0.3:
            _ear(canvas, genes, shot, view, side)
    box = view.flat_box(0.12 * view.place.yaw[1], 0.0, genes.width + 0.16, 1.04)
    _surface(canvas[:, *box], light[box], genes, shot, view, box)
    return light


def near_ear(canvas: Array, genes: Genes, shot: Shot, view: View) -> None:
    """The ear on the side that is turned to the camera: drawn after short hair, which lies behind it."""
    if shot.yaw != 0:
        _ear(canvas, genes, shot, view, -1 if shot.yaw > 0 else 1)


def _surface(area: Array, light: Array, genes: Genes, shot: Shot, view: View, box: Box) -> None:
    u, v, z, rim = (plane[box] for plane in (view.u, view.v, view.z, view.rim))
    # The nose stands before the surface, so a turn moves it further than its neighbours.
    drift = v - genes.nose_y
    drift *= drift
    drift *= -12
    np.exp(drift, out=drift)
    drift *= -0.8 * genes.nose_out * sin(shot.yaw)
    drift += u
    slope_x, slope_y, dark, red = _mould(relief(genes, shot), drift, v, view.pixel)
    # A face is flatter in front than a sphere, hence the added depth.
    slope_x += view.xs[box] * 0.85
    slope_y += view.y[box] * 0.75
    facing, gloss = _reflect(slope_x, slope_y, z + 0.30, shot)
    np.minimum(dark, 0.9, out=dark)
    open_sky = 1 - dark
    facing *= open_sky
    light[...] = facing

    pores, freckles = textures.skin(view.size)
    where = _wrap(u, v, genes.skin_at)
    mottle = pores[where]
    red += 0.10 * mottle
    mottle *= 0.035 + 0.03 * genes.age
    mottle += 1
    if genes.freckles > 0:
        spots = freckles[where]
        spots *= genes.freckles * 0.55
        spots *= edge(0.55 - np.abs(v - 0.15), 0.5)
        mottle -= spots
    # Where a face turns away from the camera it catches less of the sky too.
    open_sky *= 0.55 + 0.45 * z
    skin = colour(shot.key) * facing
    skin += colour(shot.fill) * open_sky
    # Light that has been through skin comes back red, so shadows on it are warm.
    skin[0] += (1 - z) * (0.05 * shot.key[0])
    skin *= mottle
    blood = BLOOD * red
    blood += 1
    blood *= colour(genes.skin)
    skin *= blood
    skin += colour(shot.key) * gloss
    paint(area, edge((1 - rim) * 0.42, view.pixel * 1.1), skin)


def _reflect(nx: Array, ny: Array, nz: Array, shot: Shot) -> tuple[Array, Array]:
    """Diffuse and mirrored light from a surface with that normal, of any length."""
    lx, ly, lz = shot.light
    length = nx * nx
    length += ny * ny
    length += nz * nz
    np.sqrt(length, out=length)
    facing = nx * lx
    facing += ny * ly
    facing += nz * lz
    facing /= length
    gloss = facing * (2 / length)
    gloss *= nz
    gloss -= lz
    np.maximum(gloss, 0, out=gloss)
    # To the eighth power.
    gloss *= gloss
    gloss *= gloss
    gloss *= gloss
    gloss *= shot.shine
    facing += 0.12
    facing *= 1 / 1.12
    np.maximum(facing, 0, out=facing)
    return facing, gloss


def _mould(lumps: list[Lump], u: Array, v: Array, pixel: float) -> tuple[Array, Array, Array, Array]:
    """Sum the lumps and their mirror images: slopes across and down (negated, as in a normal), darkness, redness.

    All are (h, w).
    """
    cu, cv, wide, high, out, dark, red, lean = np.array(lumps).T
    # A lump narrower than a pixel is seen spread over the pixel, and fainter.
    seen_wide, seen_high = np.hypot(wide, 0.3 * pixel), np.hypot(high, 0.3 * pixel)
    faint = wide * high / (seen_wide * seen_high)
    ku, kv = seen_wide**-2.0, seen_high**-2.0
    # exp(-(a - cu - lean·(v-cv))²ku - (v-cv)²kv), all lumps at once, as a product with the monomials of a and v.
    start = cu - lean * cv
    kvv = kv + lean**2 * ku
    table = (-ku, 2 * start * ku, -kvv, 2 * cv * kv - 2 * lean * start * ku, 2 * lean * ku, -ku * start**2 - kv * cv**2)
    powers = np.stack(table, 1).astype(np.float32)
    monomials = np.empty((6, *u.shape), np.float32)
    np.abs(u, out=monomials[1])
    monomials[3] = v
    np.multiply(u, u, out=monomials[0])
    np.multiply(v, v, out=monomials[2])
    np.multiply(monomials[1], v, out=monomials[4])
    monomials[5] = 1
    hills = powers @ monomials.reshape(6, -1)
    np.exp(hills, out=hills)
    # The derivatives of a hill are the hill times something linear in a and v.
    rise = 2 * out * faint
    linear = (rise * ku, rise * ku * lean, rise * ku * start, rise * kvv, rise * (kv * cv - ku * lean * start))
    sums = np.stack([*linear, dark * faint, red]).astype(np.float32) @ hills
    slope_x, skew, start_x, slope_y, start_y, darkness, redness = sums.reshape(7, *u.shape)
    slope_y *= v
    slope_y -= start_y
    slope_y -= skew * monomials[1]
    slope_x *= monomials[1]
    slope_x -= start_x
    slope_x -= skew * v
    return np.copysign(1, u) * slope_x, slope_y, darkness, redness


def _wrap(u: Array, v: Array, start: int) -> np.ndarray:
    """Index of each pixel in a skin pattern: 2 head half-heights a period."""
    n = textures.PATTERN
    where = ((v + 8.0) * (n / 2)).astype(np.int32)
    where *= n
    where += ((u + 8.0) * (n / 2)).astype(np.int32)
    where += start
    where &= n * n - 1
    return where


def _ear(canvas: Array, genes: Genes, shot: Shot, view: View, side: int) -> None:
    if genes.cut is not None and genes.cut.covers_ears:
        return
    cos_y, sin_y = view.place.yaw
    # A turn shows the near ear from its side, a little before the middle of the head.
    high, wide = 0.17 * genes.ear, 0.085 * genes.ear * (1 + 0.5 * abs(sin_y))
    x, y = (side * 0.985 * cos_y + 0.10 * sin_y) * genes.width, 0.09 + 0.1 * view.place.pitch[1]
    box = view.flat_box(x, y, wide * 1.5, high * 1.3)
    across = (view.x[box] - (x + side * 0.03)) * (1 / wide)
    across += (view.y[box] - y) * (side * 0.9)
    up = (view.y[box] - y) * (1 / high)
    radius = np.sqrt(across * across + up * up)
    lx, _, lz = shot.light
    level = max(0.15, 0.55 * side * lx + 0.6 * lz)
    # Bright rim, dark bowl.
    bowl = edge(0.55 - np.abs(radius - 0.15), 0.5)
    tone = (1 - 0.45 * bowl) * level
    skin = colour(scale(scale(genes.skin, shot.key), (1.0, 0.86, 0.84))) * tone
    skin += colour(scale(genes.skin, shot.fill)) * (0.9 - 0.35 * bowl)
    paint(canvas[:, *box], edge((1 - radius) * wide, view.pixel), skin)
