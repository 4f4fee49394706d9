"""What the published networks are built of."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from timm.layers.squeeze_excite import SqueezeExcite
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
"""Makes the normalisation of so many channels."""
REDUCTION = 8
"""Channels to a channel of the squeeze, in both papers that use one."""


def conv_norm_relu(before: int, after: int, norm: Norm = nn.BatchNorm2d, stride: int = 1) -> nn.Sequential:
    """A 3×3 convolution with offset, normalisation and ReLU: (b,before,h,w) -> (b,after,h/stride,w/stride)."""
    convolution = nn.Conv2d(before, after, 3, stride=stride, padding=1)
    return nn.Sequential(convolution, norm(after), nn.ReLU(inplace=True))


def chain(before: int, after: int, count: int, norm: Norm = nn.BatchNorm2d) -> nn.Sequential:
    """``count`` conv_norm_relu, one after the other."""
    return nn.Sequential(*(conv_norm_relu(after if index else before, after, norm) for index in range(count)))


class SqueezedResidual(nn.Module):
    """``(b,before,h,w) -> (b,after,h/stride,w/stride)``: three convolutions, rescaled by channel, beside a shortcut.

    1×1, 3×3 and 1×1 at one width, each normalised; then squeeze and excitation (Hu et al., CVPR 2018). The shortcut
    is a normalised 1×1 convolution where the width changes, else nothing.
    """

    def __init__(self, before: int, after: int, norm: Norm = nn.BatchNorm2d, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.left = nn.Sequential(
            nn.Conv2d(before, after, 1, bias=False),
            norm(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            norm(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 1, bias=False),
            norm(after),
        )
        self.rescale = SqueezeExcite(after, rd_channels=max(1, after // REDUCTION), bias=False)
        self.shortcut = (
            nn.Identity()
            if before == after and stride == 1
            else nn.Sequential(nn.Conv2d(before, after, 1, bias=False), norm(after))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transform."""
        # What a 1×1 convolution of this stride does. torch 2.14.1 corrupts memory in the backward pass of a strided one
        # with 8 input channels, laid out channels last, on a processor with AVX-512.
        x = x[..., :: self.stride, :: self.stride]
        return torch.relu(self.rescale(self.left(x)) + self.shortcut(x))


def residuals(before: int, after: int, count: int, norm: Norm = nn.BatchNorm2d) -> nn.Sequential:
    """``count`` SqueezedResidual, one after the other."""
    return nn.Sequential(*(SqueezedResidual(after if index else before, after, norm) for index in range(count)))


class PaintBesideCover(nn.Module):
    """``(features (b,c,h,w), cover (b,3,h,w) in [-1,1]) -> image (b,3,h,w) in [0,1]``: the last 1×1 convolution.

    Unbounded and without activation as published, but it starts from a copy of the cover: a random mix of colours
    would be most of the first residuals, and is what a rescaling to a PSNR would keep of them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels + 3, 3, 1)
        with torch.no_grad():
            self.mix.weight[:, channels:, 0, 0] = torch.eye(3)
            cast(Tensor, self.mix.bias).zero_()

    def forward(self, features: Tensor, cover: Tensor) -> Tensor:
        """Paint."""
        return held(self.mix(torch.cat([features, cover], dim=1)))


def held(painted: Tensor) -> Tensor:
    """Values of the networks' own range [-1, 1] -> an image in [0, 1], float32.

    The gradient passes the clamping, so that a pixel painted out of range can come back.
    """
    image = (painted.float() + 1) / 2
    return image + (image.clamp(0, 1) - image).detach()
