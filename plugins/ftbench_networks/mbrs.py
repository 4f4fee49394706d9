"""MBRS's encoder and decoder, in the form with a diffused message.

Jia et al., MBRS: Enhancing Robustness of DNN-based Watermarking by Mini-Batch of Real and Simulated JPEG
Compression, ACM MM 2021.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ftbench_networks.blocks import PaintBesideCover, SqueezedResidual, conv_norm_relu, residuals


class MbrsEncoder(nn.Module):
    """``(cover (b,3,s,s) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,s,s) in [0,1]``.

    A fully connected layer spreads the code over a small map, transposed convolutions enlarge it to the image,
    squeeze-and-excitation blocks process both, and the cover itself is joined before the last convolution.

    Args:
        size: side of the image in pixels, ``diffusion`` times a power of two.
        bits: n, length of the code.
        channels: width of every layer.
        blocks: squeeze-and-excitation blocks of cover and message each.
        diffusion: side of the map that the code is spread over.
    """

    def __init__(self, *, size: int, bits: int, channels: int, blocks: int, diffusion: int) -> None:
        super().__init__()
        self.look = nn.Sequential(conv_norm_relu(3, channels), residuals(channels, channels, blocks))
        self.diffuse = nn.Sequential(nn.Linear(bits, diffusion**2), nn.Unflatten(1, (1, diffusion, diffusion)))
        enlarge = (_enlarge(channels) for _ in range(doublings(size, diffusion)))
        self.process = nn.Sequential(conv_norm_relu(1, channels), *enlarge, residuals(channels, channels, 1 + blocks))
        self.join = conv_norm_relu(2 * channels, channels)
        self.paint = PaintBesideCover(channels)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Write ``code`` into ``cover``."""
        centred = 2 * cover - 1
        message = self.process(self.diffuse((2 * code - 1).to(cover.dtype)))
        return cast(Tensor, self.paint(self.join(torch.cat([self.look(centred), message], dim=1)), centred))


class MbrsDecoder(nn.Module):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``.

    Squeeze-and-excitation blocks halve the side and double the width down to a small map, which a fully connected
    layer reads.

    Args:
        size: side of the image in pixels, ``diffusion`` times a power of two.
        bits: n, length of the code.
        channels: width at full size.
        diffusion: side of the map that is read.
    """

    def __init__(self, *, size: int, bits: int, channels: int, diffusion: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv_norm_relu(3, channels), SqueezedResidual(channels, channels)]
        width = channels
        for _ in range(doublings(size, diffusion)):
            layers += [SqueezedResidual(width, width), SqueezedResidual(width, 2 * width, stride=2)]
            width *= 2
        layers += [conv_norm_relu(width, channels), SqueezedResidual(channels, channels), conv_norm_relu(channels, 1)]
        self.look = nn.Sequential(*layers)
        self.read = nn.Linear(diffusion**2, bits)

    def forward(self, image: Tensor) -> Tensor:
        """Read the logits of the code."""
        return cast(Tensor, self.read(self.look(2 * image - 1).flatten(1)).float())


def doublings(size: int, diffusion: int) -> int:
    """How often a map of side ``diffusion`` is doubled to fill an image of side ``size``."""
    return (size // diffusion).bit_length() - 1


def _enlarge(channels: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(channels, channels, 2, stride=2)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
