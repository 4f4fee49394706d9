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
    grid = _grid(back(way.double()), height, width, side).to(image).expand(len(image), -1, -1, -1)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode=outside, align_corners=True)


def _grid(way: Tensor, height: int, width: int, side: int) -> Tensor:
    """Where each pixel of an aligned face is read: (b,side,side,2), as grid_sample counts.

    That is from -1 to 1 between the middles of the outermost pixels. What a column adds and what a row adds are laid
    over each other as complex numbers, in one pass: as matrix products they would take longer than the reading.
    """
    scale = torch.tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)], dtype=torch.float64)[:, None]
    step = way * scale
    places = torch.arange(side, dtype=torch.float64)
    across = step[:, None, :, 0] * places[:, None]
    down = step[:, None, :, 1] * places[:, None] + (step[:, None, :, 2] - 1)
    row, column = (torch.view_as_complex(part.float().contiguous()) for part in (across, down))
    return torch.view_as_real(row[:, None, :] + column[:, :, None])
