"""Convolutional blocks of the networks that repaint and edit."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

GROUP = 8
"""Channels that are normalised together."""
FEWEST = 16
"""torch 2.14.1 corrupts memory in the backward pass of strided convolutions of 8 channels, laid out channels last."""


def channels(base: int, width: float) -> int:
    """``base`` times ``width``, in whole groups, ``FEWEST`` at least."""
    return max(FEWEST, GROUP * round(base * width / GROUP))


class ResidualBlock(nn.Module):
    """``(b,before,h,w) -> (b,after,h,w)``: two 3×3 convolutions, each after a normalisation, beside a shortcut.

    Pre-activation as He et al., Identity Mappings in Deep Residual Networks, ECCV 2016, with groups of 8 channels of
    one image normalised together: what a batch shows beside an image never changes its fake.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.left = nn.Sequential(
            nn.GroupNorm(max(1, before // GROUP), before),
            nn.SiLU(inplace=True),
            nn.Conv2d(before, after, 3, padding=1),
            nn.GroupNorm(max(1, after // GROUP), after),
            nn.SiLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1),
        )
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Transform."""
        return cast(Tensor, self.left(x) + self.shortcut(x))


def halved(before: int, after: int) -> nn.Module:
    """(b,before,h,w) -> (b,after,h/2,w/2)."""
    return nn.Conv2d(before, after, 4, stride=2, padding=1)


def doubled(before: int, after: int) -> nn.Module:
    """(b,before,h,w) -> (b,after,2h,2w)."""
    return nn.Sequential(nn.Conv2d(before, 4 * after, 3, padding=1), nn.PixelShuffle(2))
