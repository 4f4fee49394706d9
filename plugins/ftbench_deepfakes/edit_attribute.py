"""Attribute editing by a residual U-Net that paints under a mask of its own."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_deepfakes.attribute_editor import AttributeEditor, Towards, repainted
from ftbench_deepfakes.attributes import Attribute
from ftbench_deepfakes.residual import ResidualBlock, channels, doubled, halved

CHANNELS = (64, 128, 128)
"""Of the convolutions at a half, a quarter and an eighth of the image's side."""
CLOSED = -2.0
"""Log-odds of the mask before anything is learned."""


class UNetPainter(nn.Module):
    """``(image (b,3,s,s), shift (b,)) -> fake (b,3,s,s) in [0,1]``; untrained it gives the image back.

    The shift comes in as a plane beside the image, and once more at every level as one number a channel. Pixels are
    taken and given in squares of two by two: what is finer than that the change of log-odds leaves as it was.
    """

    def __init__(self, width: float) -> None:
        super().__init__()
        half, quarter, eighth = (channels(base, width) for base in CHANNELS)
        self.stem = nn.Sequential(nn.Conv2d(13, half, 3, padding=1), ResidualBlock(half, half))
        self.down = nn.Sequential(halved(half, quarter), ResidualBlock(quarter, quarter))
        self.bottom = nn.Sequential(halved(quarter, eighth), ResidualBlock(eighth, eighth))
        self.told = nn.ModuleList(nn.Linear(1, wide) for wide in (eighth, quarter, half))
        self.deep = ResidualBlock(eighth, eighth)
        self.up = nn.ModuleList([doubled(eighth, quarter), doubled(quarter, half)])
        self.join = nn.ModuleList([ResidualBlock(2 * quarter, quarter), ResidualBlock(2 * half, half)])
        self.paint = nn.Conv2d(half, 16, 3, padding=1)
        with torch.no_grad():
            self.paint.weight.zero_()
            bias = cast(Tensor, self.paint.bias)
            bias.zero_()
            # The pixel shuffle makes the fourth plane, the mask, of the last four channels.
            bias[12:] = CLOSED

    def forward(self, image: Tensor, shift: Tensor) -> Tensor:
        """Paint."""
        squares = functional.pixel_unshuffle(2 * image - 1, 2)
        plane = shift.view(-1, 1, 1, 1).expand(-1, 1, *squares.shape[-2:])
        half = self.stem(torch.cat([squares, plane], dim=1))
        quarter = self.down(half)
        x = self.deep(self.bottom(quarter) + self._tell(0, shift))
        for level, skip in enumerate((quarter, half)):
            x = self.join[level](torch.cat([self.up[level](x), skip + self._tell(level + 1, shift)], dim=1))
        painted = functional.pixel_shuffle(self.paint(x), 2)
        return repainted(image, painted[:, 3:], painted[:, :3])

    def _tell(self, level: int, shift: Tensor) -> Tensor:
        told: Tensor = self.told[level](shift[:, None])
        return told[:, :, None, None]


class EditAttribute(AttributeEditor):
    """``(image (b,3,s,s) in [0,1], {}) -> the picture with one attribute changed (b,3,s,s) in [0,1]``.

    A conditional translator in the manner of Choi et al., StarGAN, CVPR 2018, with a mask as in Pumarola et al.,
    GANimation, ECCV 2018. Departs from both in what judges the attribute: a measure of pixels with a gradient stands
    for a classifier trained on labels, which these faces lack; ``attribute_editor`` has the rest.

    Args:
        size: side of the image in pixels, a multiple of 8.
        width: factor on the channels of every convolution.
        attribute, towards, amount: as for ``AttributeEditor``.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        attribute: Attribute = "hair",
        towards: Towards = "other",
        amount: float = 1.0,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        super().__init__(UNetPainter(width), attribute=attribute, towards=towards, amount=amount)
