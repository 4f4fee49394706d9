"""Hair: behind the head, then before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftbench_datasets.procedural import textures
from ftbench_datasets.procedural.genes import Genes, HairCut
from ftbench_datasets.procedural.ink import colour, edge, join, overlap, paint, ramp, smoothstep
from ftbench_datasets.procedural.palettes import scale
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.textures import Array
from ftbench_datasets.procedural.view import Box, View


@dataclass(frozen=True)
class Hair:
    """A head of hair as seen in one photo; arrays are (h, w) of the box."""

    cut: HairCut
    box: Box
    inside: Array
    """Distance inside its outline."""
    paint: Array
    """(3, h, w): its colour, lit."""
    tousle: Array
    """Smooth noise of unit variance."""
    soft: float


def comb(genes: Genes, shot: Shot, view: View) -> Hair | None:
    """Shape and colour the hair; None when there is none."""
    cut = genes.cut
    if cut is None:
        return None
    top = 1.12 + cut.top + 1.6 * cut.bun
    bottom = min(cut.back + 0.15, 1.8)
    wide = (genes.width + cut.side) * 1.12 + cut.flare * max(bottom, 0) + 0.15
    box = view.flat_box(0, (bottom - top) / 2, wide, (bottom + top) / 2)
    x, y = view.x[box], view.y[box]
    tousle = textures.window(view.size, 26, 2.0, shot.tousle)[box]
    sin_yaw = view.place.yaw[1]
    # A turned head shows the hair at the back of it on the side that it turns away from.
    x = x + 0.10 * sin_yaw
    low = np.maximum(y, 0)
    up = np.minimum(y, 0)
    half = low * cut.flare
    if cut.back < 1:
        # Short hair follows the skull towards the neck.
        half -= low * low * 0.45
    half += genes.width + cut.side
    half += tousle * (0.012 + 0.022 * genes.curl)
    across = x / half
    up *= 1 / (1 + cut.top)
    square = across * across
    crown = up * up
    # The skull's own crown, see ``view``.
    crown *= 1 - 0.3 * (1 - crown)
    square += crown
    inside: Array = (1 - np.sqrt(square)) * half
    if genes.curl > 0.9:
        inside += 0.022 * textures.window(view.size, 27, 0.8, shot.tousle)[box]
    if cut.back < 1.6:
        inside = overlap(inside, cut.back - y + 0.04 * tousle, 0.2)
    if cut.bun:
        ball = cut.bun - np.sqrt((x - 0.35 * sin_yaw) ** 2 + (y + 0.98 + 0.6 * cut.bun) ** 2)
        inside = np.maximum(inside, ball)
    soft = view.pixel * 1.2 + 0.015 + 0.025 * genes.curl
    return Hair(cut, box, inside, _colour(genes, shot, view, box, across, up, tousle), tousle, soft)


def _colour(genes: Genes, shot: Shot, view: View, box: Box, across: Array, up: Array, tousle: Array) -> Array:
    lx, ly, lz = shot.light
    deep = across * across
    deep += up * up
    np.subtract(1, deep, out=deep)
    np.maximum(deep, 0, out=deep)
    np.sqrt(deep, out=deep)
    level = across * (0.8 * lx)
    level += up * ly
    level += deep * lz
    level += 0.2
    np.maximum(level, 0.06, out=level)
    # Strands run from the parting and hang: constant where x over the root of the fall is.
    fall = view.y[box] + 1.3
    np.maximum(fall, 0.10, out=fall)
    np.sqrt(fall, out=fall)
    where = view.x[box] - (genes.part + 0.35 * view.place.yaw[1])
    where /= fall
    where += tousle * (0.012 + 0.05 * genes.curl)
    where += 8
    where *= textures.STRANDS / 4
    index = where.astype(np.int32)
    index += genes.skin_at
    index &= textures.STRANDS - 1
    strand = textures.strands(view.size)[index]
    if genes.curl > 0.9:
        strand *= 0.4
        strand += textures.window(view.size, 27, 0.8, shot.tousle)[box]
    # Strands are not lines from end to end.
    strand *= 0.9 + 0.3 * textures.window(view.size, 30, 1.0, shot.tousle)[box]
    # The band of light across smooth hair, in broken strands.
    sheen = smoothstep(0.30, 0.0, np.abs(up + 0.52 + (0.25 * lx) * across))
    sheen *= level
    sheen *= 0.05 + 0.035 * strand
    sheen *= 1 - 0.7 * genes.curl
    strand *= 0.24
    strand += 1
    np.maximum(strand, 0.5, out=strand)
    level *= strand
    deep *= 0.55
    deep += 0.25
    deep *= strand
    lit: Array = colour(scale(genes.hair, shot.key)) * level
    lit += colour(scale(genes.hair, shot.fill)) * deep
    lit += colour(scale(shot.key, (1.0, 0.92, 0.8))) * sheen
    return lit


def behind(canvas: Array, hair: Hair) -> None:
    """Hair that the head and the neck hide, in their shadow."""
    paint(canvas[:, *hair.box], edge(hair.inside, hair.soft), hair.paint * 0.45)


def before(canvas: Array, hair: Hair, genes: Genes, view: View) -> None:
    """Hair over the forehead, the temples and, when long, the shoulders."""
    cut = hair.cut
    u, v, w = view.u[hair.box], view.v[hair.box], view.w[hair.box]
    aside = np.abs(u)
    # Hair over the forehead: above a line.
    over = np.abs(u - genes.part) * cut.tent
    over += u * (u * cut.bow + cut.slope)
    over += hair.tousle * (0.02 + 0.02 * genes.curl)
    over += cut.line
    over -= v
    # Hair at the sides: further round than the face.
    aside *= 1 / genes.width
    aside -= w * 0.42
    aside -= cut.temple - 0.21
    aside *= 0.8
    aside += hair.tousle * 0.012
    if cut.sideburn < 1:
        aside = overlap(aside, cut.sideburn - v + 0.02 * hair.tousle, 0.04)
    over = join(over, aside, 0.10)
    over -= 0.02
    area = canvas[:, *hair.box]
    # Its shadow on the skin.
    shadow = ramp(-0.15, 0.0, over)
    shadow *= edge(1 - view.rim[hair.box], 0.1)
    shadow *= -0.40
    shadow += 1
    area *= shadow
    # Hair brushed back thins out towards its line; a fringe ends where it was cut.
    covered = edge(over, hair.soft + (0.05 if cut.line < -0.45 else 0.015))
    covered *= edge(hair.inside, hair.soft)
    paint(area, covered, hair.paint)
