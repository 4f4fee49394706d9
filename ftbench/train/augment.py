"""Augmentation of covers in training: geometry and colour, one draw an image.

kornia.augmentation does as much, but draws from the global generator, which a resumed training cannot replay.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from ftbench.benchfile.schema import Augmentation


def blend(image: Tensor, identity: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Mix into each image another one of the same person, with a weight drawn from 0 to ``share``.

    Image (b, 3, s, s), identity (b,) -> (b, 3, s, s). Where a person is alone in the batch, nothing changes.
    After mixup (Zhang et al., ICLR 2018), within a person and without mixing what is asked of the network.
    """
    partner = torch.arange(len(image))
    for who in identity.unique():
        own = torch.nonzero(identity == who).flatten().cpu()
        partner[own] = own.roll(1)
    weight = share * torch.rand(len(image), 1, 1, 1, generator=generator).to(image.device)
    return (1 - weight) * image + weight * image[partner.to(image.device)]


def augment(image: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Rotate, scale, shift and flip with reflected borders, then change gain and colour offset.

    Image (b, 3, s, s) in [0, 1] -> the same shape and range. Each strength is half the width of a uniform draw.
    """

    # Everything in one draw, which crosses to the device once.
    drawn = (2 * torch.rand(len(image), 9, generator=generator) - 1).to(image.device)
    angle = math.radians(settings.rotate) * drawn[:, 0]
    scale = 1 + settings.scale * drawn[:, 1]
    mirror = torch.where(drawn[:, 2] < 2 * settings.flip - 1, -1.0, 1.0)
    shift = 2 * settings.shift * drawn[:, 3:5]
    gain = 1 + settings.gain * drawn[:, 5, None, None, None]
    offset = settings.colour * drawn[:, 6:9, None, None]
    if settings.rotate or settings.scale or settings.shift or settings.flip:
        cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
        rows = torch.stack(
            [
                torch.stack([mirror * cos, -sin, shift[:, 0]], dim=1),
                torch.stack([mirror * sin, cos, shift[:, 1]], dim=1),
            ],
            dim=1,
        )
        grid = functional.affine_grid(rows, list(image.shape), align_corners=False)
        image = functional.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
    return (image * gain + offset).clamp(0, 1)
