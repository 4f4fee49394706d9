"""``big-eyes``: both eyes enlarged by a smooth local warp."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

EYES = ((0.375, 0.415), (0.625, 0.415))
"""x and y of both eyes, as shares of the picture's side."""
RADIUS = 0.13
"""How far the warp reaches, as a share of the side."""


class BigEyes(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> the image with larger eyes, (b,3,s,s) in [0,1]``.

    Args:
        size: side of the image in pixels.
        amount: how much of the way to the eye's middle a pixel there is read from: 0 changes nothing, 0.5 doubles.
    """

    def __init__(self, *, size: int, amount: float = 0.3) -> None:
        super().__init__()
        centres = (torch.arange(size) + 0.5) / size
        place = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1)
        read_from = place.clone()
        for eye in EYES:
            away = place - torch.tensor(eye)
            nearness = (1 - away.square().sum(-1, keepdim=True) / RADIUS**2).clamp(min=0)
            read_from -= amount * nearness**2 * away
        self.grid: Tensor
        self.register_buffer("grid", 2 * read_from[None] - 1, persistent=False)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Read each pixel from where the warp says; the gradient goes back the same way."""
        grid = self.grid.expand(len(image), -1, -1, -1)
        return functional.grid_sample(image, grid, padding_mode="border", align_corners=False)
