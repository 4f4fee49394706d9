"""Soft masks over an aligned face: how much of it is pasted, 0 to 1."""

from __future__ import annotations

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor


def box(side: int, blur: float) -> Tensor:
    """All but a margin, its edge blurred: (1,1,side,side).

    ``blur``: 0 to 1; the margin is about a quarter of it, as a share of the side, and as in FaceFusion's
    ``create_box_mask`` the edge fades to both of its sides.
    """
    margin, _ = _margin(side, blur)
    mask = torch.zeros(1, 1, side, side)
    mask[..., margin : side - margin, margin : side - margin] = 1
    return _blurred(mask, blur)


def ellipse(side: int, blur: float) -> Tensor:
    """The ellipse inside that box, four fifths as wide as high, its edge blurred alike: (1,1,side,side)."""
    margin, _ = _margin(side, blur)
    along = torch.arange(side) - (side - 1) / 2
    high = (side - 1) / 2 - margin
    inside = (along[None] / (0.8 * high)).square() + (along[:, None] / high).square() <= 1
    return _blurred(inside.float()[None, None], blur)


def _margin(side: int, blur: float) -> tuple[int, float]:
    """Pixels at each side that stay out, and the deviation that the edge is blurred with."""
    amount = int(side * 0.5 * blur)
    return max(amount // 2, 1), 0.25 * amount


def _blurred(mask: Tensor, blur: float) -> Tensor:
    _, sigma = _margin(mask.shape[-1], blur)
    if not sigma:
        return mask
    # Four deviations to each side, as OpenCV takes for floats.
    size = round(8 * sigma + 1) | 1
    return gaussian_blur2d(mask, (size, size), (sigma, sigma), border_type="reflect").clamp(0, 1)
