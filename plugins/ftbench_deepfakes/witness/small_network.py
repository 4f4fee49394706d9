"""A network small enough to be taught by a witness within a minute, and pictures as it sees them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

SIDE = 32
"""Pixels along the side of what it sees, whatever the pictures have: what witnesses look for is coarse."""


def small_network(widths: Sequence[int], outputs: int, dropout: float = 0.0) -> nn.Module:
    """``reduced picture (b,3,32,32) -> (b,outputs)``: convolutions, all but the first halving the side, and a layer.

    Places are kept until the last layer. Drawn from torch's global generator, as all weights are.
    """
    layers: list[nn.Module] = []
    before, side = 3, SIDE
    for index, after in enumerate(widths):
        layers += [nn.Conv2d(before, after, 3, stride=2 if index else 1, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        before, side = after, side // 2 if index else side
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout), nn.Linear(before * side**2, outputs))


def reduced(images: Tensor) -> Tensor:
    """Images (b,3,s,s) in [0,1] -> (b,3,32,32) in [-1,1]."""
    if images.shape[-1] != SIDE:
        size = (SIDE, SIDE)
        images = functional.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
    return 2 * images - 1
