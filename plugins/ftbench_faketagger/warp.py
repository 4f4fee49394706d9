"""Random warps by a grid of control points, as the published faceswap is trained with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CONTROL_POINTS = 5


def random_warp(image: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Shift each of 5×5 control points by N(0, ``deviation`` of the side) in x and in y, and bend the image between.

    Image (b, 3, s, s) of any range -> same shape; borders are reflected. Every draw is from ``generator``.
    The published training moves the points by 5 px of a 256 px image.
    """
    shift = torch.randn(image.shape[0], 2, CONTROL_POINTS, CONTROL_POINTS, generator=generator)
    return bend(image, deviation * shift.to(image.device))


def bend(image: Tensor, shift: Tensor) -> Tensor:
    """Read each pixel from where a grid of control points says, bilinearly between the points and between pixels.

    Image (b, c, h, w); shift (b, 2, rows, columns), x first, as a share of the side -> the image's shape. The
    outermost points lie on the image's borders, the others evenly between; what lies outside is reflected.
    """
    height, width = image.shape[-2:]
    still = torch.eye(2, 3, device=image.device).expand(image.shape[0], 2, 3)
    place = functional.affine_grid(still, [image.shape[0], 1, height, width], align_corners=False)
    field = functional.grid_sample(shift, place, align_corners=True)
    # grid_sample's coordinates run over [-1, 1]: a share of the side is twice as long in them.
    grid = place + 2 * field.permute(0, 2, 3, 1)
    return functional.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
