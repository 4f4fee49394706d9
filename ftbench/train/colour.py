"""How far apart colours look, as a term of a training.

CIE94, of which CIEDE2000 is a refinement: nearly the same for small differences, but with a gradient everywhere.
"""

from __future__ import annotations

from kornia.color import rgb_to_lab
from torch import Tensor

STRIDE = 2
"""A step looks at every second pixel of every second row, the next step at others: four times as fast."""
SMOOTH = 1e-4
"""Added under roots, which have no gradient at 0."""


def colour_apart(cover: Tensor, marked: Tensor) -> Tensor:
    """Mean ΔE (b,) of images (b,3,h,w) in [0,1], sRGB; the cover is the reference. 1 to 2 is just visible.

    "Industrial Colour-Difference Evaluation", CIE 116-1995, with the weights of graphic arts.
    """
    one, other = rgb_to_lab(cover.float()), rgb_to_lab(marked.float())
    lightness, red, yellow = (one - other).square().unbind(1)
    chroma, chroma_2 = (image[:, 1:].square().sum(1).add(SMOOTH).sqrt() for image in (one, other))
    by_chroma = (chroma - chroma_2).square()
    by_hue = (red + yellow - by_chroma).clamp_min(0)
    squared = lightness + by_chroma / (1 + 0.045 * chroma).square() + by_hue / (1 + 0.015 * chroma).square()
    return squared.add(SMOOTH).sqrt().mean((1, 2))


def colour_excess(cover: Tensor, marked: Tensor, allowed: float, step: int) -> Tensor:
    """By how much the mean ΔE of an image is above what is allowed, a mean over images; on a quarter of the pixels."""
    down, across = step // STRIDE % STRIDE, step % STRIDE
    some = (..., slice(down, None, STRIDE), slice(across, None, STRIDE))
    return (colour_apart(cover[some], marked[some]) - allowed).clamp_min(0).mean()
