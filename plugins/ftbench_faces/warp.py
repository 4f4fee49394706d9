"""Pictures carried along similarities, differentiably."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ftbench_faces.similarity import back


def warped(image: Tensor, way: Tensor, side: int, outside: Literal["border", "zeros"] = "border") -> Tensor:
    """Pictures (b,c,h,w) along similarities (b,2,3) or (1,2,3) -> (b,c,side,side), differentiable in the picture.

    What falls on a pixel is read bilinearly, without a filter against aliasing, as the tools read it
    (``cv2.warpAffine``); ``outside``: beyond the picture its border goes on, or there is nothing.
    """
    height, width = image.shape[-2:]
    # grid_sample counts from -1 to 1 between the middles of the outermost pixels.
    there = _to_share(height, width) @ _whole(back(way.double())) @ _from_share(side)
    grid = functional.affine_grid(there[:, :2].to(image), [len(way), image.shape[1], side, side], align_corners=True)
    grid = grid.expand(len(image), -1, -1, -1)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode=outside, align_corners=True)


def _whole(way: Tensor) -> Tensor:
    last = way.new_tensor([0.0, 0.0, 1.0]).expand(len(way), 1, 3)
    return torch.cat([way, last], dim=1)


def _to_share(height: int, width: int) -> Tensor:
    across, down = 2 / max(width - 1, 1), 2 / max(height - 1, 1)
    return torch.tensor([[across, 0, -1], [0, down, -1], [0, 0, 1]], dtype=torch.float64)


def _from_share(side: int) -> Tensor:
    half = (side - 1) / 2
    return torch.tensor([[half, 0, half], [0, half, half], [0, 0, 1]], dtype=torch.float64)
