"""Layers that the reenactments share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8
LARGEST_CHANGE = 0.3
"""That the refinement may make to a pixel, of the range."""


def channels(count: int, width: float) -> int:
    """``count`` narrowed or widened, a multiple of 16."""
    return 16 * max(1, round(count * width / 16))


def block(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A 3×3 convolution, normalised by the picture's own statistics: (b,before,h,w) -> (b,after,h/stride,w/stride)."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1),
        nn.GroupNorm(GROUPS, after),
        nn.LeakyReLU(0.1, inplace=True),
    )


def doubled(features: Tensor) -> Tensor:
    """(b,c,h,w) -> (b,c,2h,2w), bilinearly."""
    return functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


class Refinement(nn.Module):
    """``(moved image (b,3,s,s), displacement (b,s,s,2)) -> image (b,3,s,s)``, changed by 0.3 of the range at most.

    It sharpens what was read between pixels and mends what was stretched; untrained, it changes nothing. Its
    output may leave [0, 1].
    """

    def __init__(self, width: float) -> None:
        super().__init__()
        fine, coarse = channels(32, width), channels(64, width)
        self.first = block(5, fine)
        self.coarse = nn.Sequential(block(fine, coarse, 2), block(coarse, coarse), block(coarse, fine))
        self.last = nn.Conv2d(fine, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, displacement: Tensor) -> Tensor:
        """Mend."""
        # Displacements are tenths of what pixels are.
        features = self.first(torch.cat([2 * image - 1, 10 * displacement.permute(0, 3, 1, 2)], dim=1))
        features = features + doubled(self.coarse(features))
        change: Tensor = self.last(features)
        return image + LARGEST_CHANGE * change.float().tanh()
