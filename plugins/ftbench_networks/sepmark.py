"""SepMark's encoder and one of its decoders: U-Nets with instance normalisation.

Wu et al., SepMark: Deep Separable Watermarking for Unified Source Tracing and Deepfake Detection, ACM MM 2023.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_networks.blocks import PaintBesideCover, chain, conv_norm_relu, residuals

SCALES = 5
"""Scales of both U-Nets, each half the side and twice the width of the one before."""


class Unet(nn.Module):
    """``(b,3,s,s) -> (b,channels,s,s)``; what ``beside(scale, like)`` gives is joined to the skip of that scale.

    Down: a strided convolution and ``blocks`` more, twice the width. Up: nearest ×2, a convolution, the skip beside
    it, ``blocks`` squeeze-and-excitation blocks.
    """

    def __init__(self, channels: int, blocks: int, beside: int = 0) -> None:
        super().__init__()
        widths = [channels * 2**scale for scale in range(SCALES)]
        self.first = chain(3, channels, blocks, nn.InstanceNorm2d)
        self.down = nn.ModuleList(
            nn.Sequential(
                conv_norm_relu(width, width, nn.InstanceNorm2d, stride=2),
                chain(width, 2 * width, blocks, nn.InstanceNorm2d),
            )
            for width in widths[:-1]
        )
        self.up = nn.ModuleList(conv_norm_relu(2 * width, width, nn.InstanceNorm2d) for width in widths[:-1])
        self.merge = nn.ModuleList(
            residuals(2 * width + beside, width, blocks, nn.InstanceNorm2d) for width in widths[:-1]
        )

    def forward(self, x: Tensor, message: list[Tensor] | None = None) -> Tensor:
        """Transform; ``message`` holds what is joined at each scale, finest first."""
        skips = [self.first(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = skips.pop()
        for scale in reversed(range(SCALES - 1)):
            x = self.up[scale](functional.interpolate(x, scale_factor=2.0, mode="nearest"))
            x = self.merge[scale](torch.cat([skips[scale], x, *([message[scale]] if message else [])], dim=1))
        return x


class SepmarkEncoder(nn.Module):
    """``(cover (b,3,s,s) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,s,s) in [0,1]``.

    At each scale of the up path a fully connected layer makes an n×n map of the code, which is resized to the scale
    and convolved. The cover itself is joined before the last 1×1 convolution.

    Args:
        size: side of the image in pixels, a multiple of 16 from 32.
        bits: n, length of the code.
        channels: width at full size; it doubles at each of four halvings.
        message_channels: width of the code at every scale.
        blocks: layers of each stage.
    """

    def __init__(self, *, size: int, bits: int, channels: int, message_channels: int, blocks: int) -> None:
        super().__init__()
        self.unet = Unet(channels, blocks, message_channels)
        self.spread = nn.ModuleList(
            nn.Sequential(nn.Linear(bits, bits**2), nn.Unflatten(1, (1, bits, bits))) for _ in range(SCALES - 1)
        )
        self.process = nn.ModuleList(chain(1, message_channels, blocks, nn.InstanceNorm2d) for _ in range(SCALES - 1))
        self.paint = PaintBesideCover(channels)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Write ``code`` into ``cover``."""
        centred, signs = 2 * cover - 1, (2 * code - 1).to(cover.dtype)
        height, width = cover.shape[-2:]
        message = [
            process(functional.interpolate(spread(signs), size=(height >> scale, width >> scale), mode="nearest"))
            for scale, (spread, process) in enumerate(zip(self.spread, self.process, strict=True))
        ]
        return cast(Tensor, self.paint(self.unet(centred, message), centred))


class SepmarkTracer(nn.Module):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``: a U-Net, one plane of it resized to n×n, a fully connected layer.

    Args:
        size: side of the image in pixels, a multiple of 16 from 32.
        bits: n, length of the code.
        channels: width at full size; it doubles at each of four halvings.
        blocks: layers of each stage.
    """

    def __init__(self, *, size: int, bits: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.bits = bits
        self.unet = Unet(channels, blocks)
        self.to_plane = nn.Conv2d(channels, 1, 1, bias=False)
        self.read = nn.Linear(bits**2, bits)

    def forward(self, image: Tensor) -> Tensor:
        """Read the logits of the code."""
        plane = self.to_plane(self.unet(2 * image - 1))
        plane = functional.interpolate(plane, size=(self.bits, self.bits), mode="nearest")
        return cast(Tensor, self.read(plane.flatten(1)).float())
