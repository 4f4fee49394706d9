"""Random warps by a grid of control points, as the published faceswap is trained with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CONTROL_POINTS = 5


def random_warp(image: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Shift each of 5×5 control points by N(0, ``deviation`` of the side) and bend the image between them.

    Image (b, 3, s, s) of any range -> same shape; borders are reflected. Every draw is from ``generator``.
    """
    batch = image.shape[0]
    shift = torch.randn(batch, 2, CONTROL_POINTS, CONTROL_POINTS, generator=generator).to(image.device)
    # grid_sample's coordinates run over [-1, 1]: a share of the side is twice as long in them.
    field = functional.interpolate(2 * deviation * shift, size=image.shape[-2:], mode="bilinear", align_corners=True)
    still = torch.eye(2, 3, device=image.device).expand(batch, 2, 3)
    grid = functional.affine_grid(still, list(image.shape), align_corners=False) + field.permute(0, 2, 3, 1)
    return functional.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
