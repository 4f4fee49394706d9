"""Eyes, brows and mouth: what must be drawn with an edge."""

from __future__ import annotations

import numpy as np

from ftbench_datasets.procedural.genes import Genes
from ftbench_datasets.procedural.ink import band, colour, edge, line, overlap, paint, ramp
from ftbench_datasets.procedural.palettes import linear, mix, scale
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.textures import Array, window
from ftbench_datasets.procedural.view import Box, View

WHITE = linear("e2dcd6")
TEETH = linear("e8e0d4")
THROAT = linear("4a1a1c")
LASH = linear("1c1412")
PUPIL = colour((0.004, 0.004, 0.005))
SPARK = colour((0.95, 0.95, 0.95))
IRIS = 0.070
"""Radius; larger than life by a fifth, or small pictures show none."""


def _level(light: Array, shot: Shot, base: tuple[float, float, float], flat: float = 0.0) -> Array:
    """``base`` under the light that falls there; ``flat`` of it from all round."""
    lit: Array = colour(scale(base, shot.key)) * light + colour(scale(base, scale(shot.fill, 1 - 0.3 * flat)))
    return lit


def eyes(canvas: Array, light: Array, genes: Genes, shot: Shot, view: View) -> None:
    """Both eyes, drawn at once: ``across`` runs outwards from the middle of each."""
    g, pixel = genes, view.pixel
    box = view.box(0, g.eye_y, g.eye_x + g.eye_half * 1.4, 0.15)
    area, u = canvas[:, *box], view.u[box]
    across = np.abs(u)
    across -= g.eye_x
    down = view.v[box] - g.eye_y
    down += g.eye_tilt * across
    span = across * (1 / g.eye_half)
    square = span * span
    bulge = np.maximum(1 - square, 0)
    # Lids open less in a smile and when a brow weighs on them.
    opened = g.eye_open * shot.lid * (1 - 0.22 * max(shot.smile, 0) - 0.10 * shot.frown)
    above = bulge * (1 - 0.22 * span)
    above *= opened
    above += down
    below = bulge * (0.55 * g.eye_open * (1 - 0.35 * max(shot.smile, 0)))
    below -= down

    shade = light[box] * 0.75
    shade += 0.20
    shade *= ramp(-0.045, 0.05, above)
    ball = _level(shade * (0.92 - 0.35 * square), shot, WHITE, flat=1.0)
    _iris(ball, shade, u, across, down, genes, shot, pixel)
    paint(area, band(above, below, pixel), ball)
    _lids(area, above, below, span, genes, pixel)


def _iris(
    ball: Array, shade: Array, u: Array, across: Array, down: Array, genes: Genes, shot: Shot, pixel: float
) -> None:
    # Both eyes look the same way, though ``across`` points apart.
    dx = across - shot.gaze[0] * np.copysign(1, u)
    dy = down - (shot.gaze[1] - 0.008)
    r = np.sqrt(dx * dx + dy * dy)
    ring = ramp(IRIS * 1.05, IRIS * 0.62, r)
    ring *= 0.75
    ring += 0.40 + 2.5 * np.maximum(dy, 0)
    ring *= shade
    paint(ball, edge(IRIS - r, max(pixel, 0.012)), _level(ring, shot, scale(genes.iris, 0.95)))
    paint(ball, edge(IRIS * 0.44 - r, pixel), PUPIL)
    # The lamp's reflection is on the same side of both.
    spot = dx - np.copysign(0.022, u) if shot.light[0] > 0 else dx + np.copysign(0.022, u)
    spark = edge(0.017 - np.sqrt(spot * spot + (dy + 0.024) ** 2), max(pixel, 0.012))
    spark *= min(1.0, 0.034 / pixel)
    paint(ball, spark, SPARK)


def _lids(area: Array, above: Array, below: Array, span: Array, genes: Genes, pixel: float) -> None:
    g = genes
    fade = ramp(1.22, 0.92, np.abs(span))
    dim = line(above + (0.034 + 0.028 * (1 - g.hood)), 0.007, max(pixel, 0.022))
    dim *= -0.42
    rim = line(below + 0.004, 0.005, max(pixel, 0.016))
    rim *= -0.28 - 0.2 * g.makeup
    dim += rim
    dim *= fade
    if g.makeup > 0.4:
        dim -= ramp(-0.11, 0.0, above) * edge(-above, pixel) * fade * (0.4 * g.makeup)
    dim += 1
    area *= dim
    thick = 0.010 + 0.008 * g.makeup
    lash = line(above + thick * 0.5, thick, max(pixel, 0.012))
    lash *= fade
    lash *= 0.74 + 0.17 * span
    paint(area, lash, colour(mix(LASH, scale(g.brow, 0.3), 0.3)))


def brows(canvas: Array, light: Array, genes: Genes, shot: Shot, view: View) -> None:
    """Both brows."""
    g = genes
    y = g.brow_y - shot.brow_raise
    box = view.box(0, y, g.eye_x + g.brow_half * 1.5, 0.15)
    span = np.abs(view.u[box])
    span -= g.eye_x + 0.01 - 0.02 * shot.frown
    span *= 1 / g.brow_half
    middle = span - 0.25
    middle *= middle
    middle *= g.brow_arch
    middle += span * (0.3 * g.brow_tilt * g.brow_half - 0.015 * shot.frown)
    middle += y - 0.4 * g.brow_arch + 0.015 * shot.frown
    middle -= view.v[box]
    half = ramp(1.30, -0.2, span)
    half *= ramp(-1.30, -0.75, span)
    half *= g.brow_thick * 1.15
    hairs = window(view.size, 24, 0.25, shot.tousle)[box] * 0.10
    hairs += 0.84
    hairs *= edge(half - 0.004, 0.008)
    hairs *= edge(half - np.abs(middle), max(view.pixel, 0.028))
    tone = mix(g.brow, (0.02, 0.014, 0.01), 0.45)
    paint(canvas[:, *box], hairs, _level(light[box] * 0.9 + 0.05, shot, tone))


def mouth(canvas: Array, light: Array, genes: Genes, shot: Shot, view: View) -> None:
    """Lips, and what they show when they part."""
    g, smile = genes, shot.smile
    half = g.mouth_half * (1 + 0.20 * max(smile, 0) - 0.10 * shot.mouth_open)
    box = view.box(0, g.mouth_y, half * 1.5, 0.30)
    area, pixel = canvas[:, *box], view.pixel
    u = view.u[box]
    span = u * (1 / half)
    bulge = np.maximum(1 - span * span, 0)
    v = view.v[box] - g.mouth_y
    v += (0.05 * smile) * (span * span - 0.35)
    gap = 0.10 * shot.mouth_open + max(0.0, 0.16 * (smile - 0.45))
    thin = 1 - 0.22 * max(smile, 0)
    bow = np.exp(-((u * (1 / 0.045)) ** 2))
    seam_up, seam_down = bulge * (-0.35 * gap), bulge * (0.65 * gap)
    top = seam_up - bulge * (g.lip_upper * thin * 1.6 * (1 - 0.20 * bow)) * (1.25 - 0.25 * bulge)
    bottom = seam_down + np.sqrt(bulge) * bulge * (g.lip_lower * thin * 1.2)
    shade = light[box]

    lips = band(v - top, bottom - v, max(pixel, 0.014))
    plump = ramp(-0.015, 0.03, v)
    tone = _level(shade * (0.82 + 0.28 * plump), shot, g.lips)
    glint = edge(0.012 - np.abs(v - seam_down - 0.5 * g.lip_lower), 0.03) * bulge * (0.04 + 0.12 * g.makeup) * shade
    paint(area, lips * (0.80 + 0.15 * g.makeup), tone + glint)
    if gap > 0.012:
        hollow = _level(shade * 0.4, shot, THROAT, flat=1.0)
        # Teeth fill a smile and peep out of an open mouth.
        row = 0.075 if smile > 0.3 else 0.035
        biting = edge(seam_up + row * np.sqrt(bulge) - v, max(pixel, 0.012))
        paint(hollow, biting * ramp(1.0, 0.7, np.abs(span)), _level(shade * 0.8 + 0.08, shot, scale(TEETH, 0.85), 1.0))
        hollow *= 0.35 + 0.65 * ramp(0.0, 0.03, v - seam_up)
        paint(area, band(v - seam_up, seam_down - v, pixel), hollow)
    seam = line(v - seam_up, 0.007, max(pixel, 0.016))
    seam *= ramp(1.04, 0.80, np.abs(span))
    area *= 1 - 0.55 * seam


def beard(canvas: Array, light: Array, genes: Genes, shot: Shot, view: View) -> None:
    """Stubble, beard, goatee, moustache: drawn before the lips."""
    g = genes
    if g.beard < 0.05 and g.moustache == 0:
        return
    dense = min(max((g.beard - 0.3) / 0.4, 0.0), 1.0)
    grown = 0.12 * max(0.0, g.beard - 0.6)
    box: Box = view.flat_box(0.12 * view.place.yaw[1], 0.62, g.width + 0.16, 0.56 + grown)
    away, v = np.abs(view.u[box]), view.v[box]
    tousle = window(view.size, 25, 1.0, shot.tousle)[box]
    corner = g.mouth_half + 0.05
    if g.goatee:
        region = overlap(0.24 - away, v - (g.mouth_y - 0.06), 0.08)
    else:
        # The cheek line sags from the sideburn to the corner of the mouth.
        rise = np.clip((away - 0.5 * corner) * (1 / (g.width - 0.5 * corner)), 0, 1)
        region = v - (g.mouth_y + 0.02) + (g.mouth_y + 0.06) * rise * rise * (1.6 - 0.6 * rise)
    lip = overlap(corner * 1.0 - away, v - (g.nose_y + 0.12) - 0.20 * away, 0.05)
    lip = overlap(lip, g.mouth_y + 0.05 - v, 0.05)
    region += 0.02 * tousle
    share = edge(region, 0.16) * (max(g.beard, 0.62) if dense > 0 else g.beard)
    if g.moustache > 0 or dense == 0:
        share = np.maximum(share, edge(lip + 0.01 * tousle, 0.07) * max(g.moustache, g.beard))
    share *= edge(1 + 2 * grown + 0.7 * grown * tousle - view.rim[box], 1.5 * grown + view.pixel * 2.2)
    hairs = window(view.size, 24, 0.25, shot.tousle)[box] * (0.10 + 0.08 * dense)
    hairs += 0.86
    share *= np.minimum(hairs, 0.97)
    under = light[box] * 0.8
    under += 0.06
    under *= hairs
    tone = mix(g.brow, scale(g.skin, 0.5), 0.5 * (1 - dense))
    paint(canvas[:, *box], share, _level(under, shot, tone))


def glasses(canvas: Array, genes: Genes, shot: Shot, view: View) -> None:
    """Rims, bridge and temples: drawn before the hair that hides their ends."""
    if not genes.glasses:
        return
    g, pixel = genes, view.pixel
    wide, high = (0.20, 0.18) if g.glasses == 1 else (0.215, 0.145)
    # Just wide enough apart for a bridge.
    middle = max(g.eye_x, wide + 0.045)
    lift = 0.035
    frame = colour(scale(g.frame, scale(shot.key, 0.7)))
    # The frame stands before the eyes.
    swing, nod = 0.07 * view.place.yaw[1], 0.07 * view.place.pitch[1]
    for side in (-1, 1):
        box = view.box(side * middle + swing, g.eye_y + lift + nod, wide * 1.35, high * 1.45)
        across = np.abs(view.u[box] - swing - side * middle)
        down = np.abs(view.v[box] - (g.eye_y + lift + nod))
        if g.glasses == 1:
            inside = 1 - np.sqrt((across / wide) ** 2 + (down / high) ** 2)
        else:
            inside = 1 - ((across / wide) ** 4 + (down / high) ** 4) ** 0.25
        area = canvas[:, *box]
        inside *= high
        area *= 1 - 0.10 * edge(inside, pixel)
        area += 0.025 * edge(inside, pixel) * edge(0.1 - np.abs(across + down - 0.12), 0.1)
        paint(area, line(inside, 0.0135, max(pixel, 0.01)), frame)
    box = view.box(swing, g.eye_y, 0.1, 0.1)
    bridge = line(view.v[box] - (g.eye_y + nod - 0.01), 0.012, max(pixel, 0.01))
    bridge *= edge(middle - wide + 0.01 - np.abs(view.u[box] - swing), pixel)
    paint(canvas[:, *box], bridge, frame)
    # Temples lie along the side of the head.
    for side in (-1, 1):
        box = view.box(side * g.width * 0.88, g.eye_y, 0.28, 0.08)
        arm = line(view.v[box] - (g.eye_y + 0.6 * nod - 0.02), 0.012, max(pixel, 0.01))
        arm *= edge(view.u[box] * side - (middle + wide - 0.02), pixel) * edge(1 - view.rim[box], 3 * pixel)
        paint(canvas[:, *box], arm, frame)
