"""From a box to the pixels that are hidden, and to the soft mask that the paint is pasted through."""

from __future__ import annotations

import torch
from torch import Tensor

SQUARENESS = 4
"""2 would be an ellipse, which leaves an eye's outer corner standing; the more, the squarer."""


def hole_and_mask(size: int, boxes: Tensor, feather: float) -> tuple[Tensor, Tensor]:
    """What is hidden, and where the paint goes, for rounded boxes (b, 4) as in ``regions.Box``.

    Returns two (b, 1, ``size``, ``size``): the hole, 1 where the picture is hidden and else 0; and the mask, 1 on
    the whole hole, falling smoothly to exactly 0 over ``feather`` of the box's radius outside it.
    """
    centres = (torch.arange(size, dtype=boxes.dtype, device=boxes.device) + 0.5) / size
    x, y, half_width, half_height = boxes[:, :, None, None].unbind(1)
    across = ((centres[None, None, :] - x) / half_width).abs() ** SQUARENESS
    down = ((centres[None, :, None] - y) / half_height).abs() ** SQUARENESS
    # In units of the box's radius: 1 on its border.
    away = (across + down)[:, None] ** (1 / SQUARENESS)
    outside = ((away - 1) / max(feather, 1e-6)).clamp(0, 1)
    return (away <= 1).to(boxes.dtype), 1 - outside**2 * (3 - 2 * outside)
