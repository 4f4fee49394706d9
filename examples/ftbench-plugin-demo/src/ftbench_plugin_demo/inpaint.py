"""The network that paints a hole from what surrounds it: a U-Net of gated convolutions over a smooth first guess."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

COARSEST = 8
"""Side in pixels, about, at which the network sees the whole picture at once."""
CHANNELS = (16, 32, 64, 64)
"""Per scale, the last one for all that are coarser."""


class Inpainter(nn.Module):
    """``(picture (b,3,s,s) in [0,1], hole (b,1,s,s) of {0,1}) -> picture (b,3,s,s)`` that hangs on no hidden pixel.

    Gated convolutions: Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019. What it paints is
    added to a smooth continuation of the surroundings, so that it begins with a plausible colour and learns what a
    face has there. Values may leave [0, 1] by a little; the caller clamps.

    Args:
        size: side of the pictures in pixels; decides how often they are halved.
        width: factor on the channels of every convolution.
    """

    def __init__(self, size: int, width: float) -> None:
        super().__init__()
        halvings = max(2, round(math.log2(size / COARSEST)))
        channels = [max(8, round(width * CHANNELS[min(i, len(CHANNELS) - 1)])) for i in range(halvings + 1)]
        steps = list(pairwise(channels))
        # Smooth guess and hole.
        self.enter = Gated(4, channels[0], 5)
        self.down = nn.ModuleList(Gated(a, b, 3, stride=2) for a, b in steps)
        self.middle = nn.Sequential(*(Gated(channels[-1], channels[-1], 3, dilation=d) for d in (1, 2)))
        self.up = nn.ModuleList(Gated(a + b, a, 3) for a, b in reversed(steps))
        self.leave = nn.Conv2d(channels[0], 3, 3, padding=1, bias=False)
        nn.init.normal_(self.leave.weight, std=1e-3)

    def forward(self, picture: Tensor, hole: Tensor) -> Tensor:
        """Paint the hole; near it the picture is painted anew too, for the paste to fade into."""
        guess = smooth_fill(picture, hole)
        features = [self.enter(torch.cat([2 * guess - 1, hole], 1))]
        for down in self.down:
            features.append(down(features[-1]))
        deep = self.middle(features.pop())
        for up in self.up:
            skip = features.pop()
            deep = up(torch.cat([skip, functional.interpolate(deep, skip.shape[-2:])], 1))
        return guess + cast(Tensor, self.leave(deep)).float()


class Gated(nn.Module):
    """A convolution whose every value is let through by a learned gate: what is hidden need not be believed."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.both = nn.Conv2d(before, 2 * after, kernel, stride, padding=dilation * (kernel // 2), dilation=dilation)
        # He's deviation, doubled: a gate begins half open.
        nn.init.normal_(self.both.weight[:after], std=2 * math.sqrt(2 / (before * kernel**2)))

    def forward(self, features: Tensor) -> Tensor:
        """(b, before, h, w) -> (b, after, h / stride, w / stride), rounded up."""
        values, gate = self.both(features).chunk(2, 1)
        return functional.leaky_relu(values, 0.1) * cast(Tensor, gate.sigmoid())


def smooth_fill(picture: Tensor, hole: Tensor) -> Tensor:
    """Hidden pixels replaced by a smooth continuation of the seen ones: averages pulled up a pyramid, pushed back.

    Picture (b, c, h, w), hole (b, 1, h, w) of {0, 1}, not 1 everywhere -> (b, c, h, w). Gortler et al., The
    Lumigraph, 1996, section 3.4.1.
    """
    seen = 1 - hole
    levels = [(picture * seen, seen)]
    while min(seen.shape[-2:]) > 1:
        total, seen = (functional.avg_pool2d(level, 2, ceil_mode=True) for level in levels[-1])
        levels.append((total, seen))
    total, seen = levels.pop()
    fill = total / seen
    for total, seen in reversed(levels):
        fill = functional.interpolate(fill, total.shape[-2:], mode="bilinear", align_corners=False)
        # Where anything was seen, its average; elsewhere what the coarser level says.
        known = seen > 0
        fill = torch.where(known, total / torch.where(known, seen, 1.0), fill)
    return fill
