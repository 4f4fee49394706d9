"""The image decoder: seven convolutions and one fully connected layer."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

CHANNELS = (32, 64, 128, 256, 512, 1024, 1024)
POOL_AFTER = (1, 3, 5)
"""Indices of the convolutions that a 2×2 max pooling follows."""


class Conv7(nn.Module):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``.

    Args:
        size: side of the image in pixels, 8 or more.
        bits: n, length of the code.
        width: factor on the channels of every convolution.
    """

    def __init__(self, *, size: int, bits: int, width: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for index, channels in enumerate(CHANNELS):
            after = max(4, round(channels * width))
            # BatchNorm has its own offset, so the convolution needs none.
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
            layers += [nn.ReLU(inplace=True)]
            if index in POOL_AFTER:
                layers.append(nn.MaxPool2d(2))
            before = after
        self.convolutions = nn.Sequential(*layers)
        self.read = nn.Linear(before * (size // 8) ** 2, bits)

    def forward(self, image: Tensor) -> Tensor:
        """Read the logits of the code."""
        features = self.convolutions(2 * image - 1)
        return cast(Tensor, self.read(features.flatten(1)).float())
