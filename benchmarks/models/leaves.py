"""Pictures of nothing, with the statistics of photographs: dead leaves of patches, of noise and of colour.

A network that saw faces alone misreads photographs of other things. Shapes that hide one another, of all sizes, have
the edges and the spectrum of photographs (Lee, Mumford and Huang, "Occlusion Models for Natural Images", IJCV 41,
2001), and teach networks what photographs would (Baradad et al., "Learning to See by Looking at Noise", NeurIPS 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]
LARGEST, SMALLEST = 0.6, 0.015
"""Radii of leaves, in sides."""
LEAVES = (20, 400)


def leaves(draw: np.random.Generator, photographs: Sequence[Pixels], side: int) -> Pixels:
    """One picture (side,side,3); ``photographs`` (h,w,3) fill a third of the leaves, shrunk to a half to a sixth."""
    canvas = Image.fromarray(_filling(draw, photographs, side))
    for _ in range(int(np.exp(draw.uniform(*np.log(LEAVES))))):
        mask = Image.new("L", (side, side), 0)
        ImageDraw.Draw(mask).polygon(_outline(draw, side), fill=255)
        box = mask.getbbox()
        if box is None:
            continue
        edge = max(box[2] - box[0], box[3] - box[1])
        filling = Image.fromarray(_filling(draw, photographs, edge)).crop((0, 0, box[2] - box[0], box[3] - box[1]))
        canvas.paste(filling, box[:2], mask.crop(box))
    return np.asarray(canvas)


def _outline(draw: np.random.Generator, side: int) -> list[tuple[float, float]]:
    """A leaf: an ellipse, a polygon or a thin stroke. Large ones are as rare as small ones are small."""
    radius = np.exp(draw.uniform(np.log(SMALLEST * side), np.log(LARGEST * side)))
    middle, turn = draw.uniform(0, side, 2), draw.uniform(0, 2 * np.pi)
    corners = int(draw.choice([3, 4, 4, 5, 7, 24, 24]))
    angles = np.sort(draw.uniform(0, 2 * np.pi, corners)) if corners < 24 else np.linspace(0, 2 * np.pi, corners)
    thin = draw.choice([1.0, draw.uniform(0.2, 1), 0.05])
    x, y = radius * np.cos(angles), thin * radius * np.sin(angles)
    return [
        (float(middle[0] + a * np.cos(turn) - b * np.sin(turn)), float(middle[1] + a * np.sin(turn) + b * np.cos(turn)))
        for a, b in zip(x, y, strict=True)
    ]


def _filling(draw: np.random.Generator, photographs: Sequence[Pixels], side: int) -> Pixels:
    kind = draw.integers(6)
    if kind < 2:
        return _patch(draw, photographs, side)
    if kind < 4:
        return _coloured(draw, noise(draw, side, draw.uniform(0.3, 1.8)))
    if kind == 4:
        return _coloured(draw, _stripes(draw, side))
    return _coloured(draw, np.zeros((side, side)))


def _patch(draw: np.random.Generator, photographs: Sequence[Pixels], side: int) -> Pixels:
    """A part of a photograph that was made smaller, so that it is as fine as a landscape; mirrored to fill the side."""
    photograph = Image.fromarray(photographs[int(draw.integers(len(photographs)))])
    shrunk = max(16, round(photograph.width / draw.uniform(1.5, 6)))
    small = np.asarray(photograph.resize((shrunk, shrunk), Image.Resampling.LANCZOS))
    tinted = small * draw.uniform(0.7, 1.2, 3) + draw.normal(0, 15)
    small = np.rot90(tinted.clip(0, 255).astype(np.uint8), int(draw.integers(4)))
    over = max(0, side - shrunk)
    tiled = np.pad(small, ((0, over), (0, over), (0, 0)), mode="symmetric")
    top, left = draw.integers(0, tiled.shape[0] - side + 1, 2)
    return np.ascontiguousarray(tiled[top : top + side, left : left + side])


def noise(draw: np.random.Generator, side: int, power: float) -> npt.NDArray[np.float64]:
    """(side,side) of deviation 1, whose amplitudes fall with the frequency as ``power`` says: 1 as in photographs."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(draw.normal(size=(side, side))) / frequency**power
    made = np.fft.irfft2(spectrum, (side, side))
    return np.asarray(made / max(float(made.std()), 1e-9))


def _stripes(draw: np.random.Generator, side: int) -> npt.NDArray[np.float64]:
    y, x = np.mgrid[:side, :side]
    turn, period = draw.uniform(0, np.pi), np.exp(draw.uniform(np.log(3), np.log(40)))
    wave = np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period + draw.uniform(0, 6))
    return np.asarray(np.sign(wave) if draw.integers(2) else wave)


def _coloured(draw: np.random.Generator, change: npt.NDArray[np.float64]) -> Pixels:
    colour = draw.uniform(0, 255) + draw.normal(0, 25, 3)
    strength = draw.uniform(2, 60) * (1 + 0.3 * draw.normal(size=3))
    return (colour + strength * change[:, :, None]).clip(0, 255).astype(np.uint8)
