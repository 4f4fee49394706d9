"""A face given the colours of the one that it takes the place of."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ftbench_faces import lab

LEAST = 1e-3
"""Deviation in Lab below which a channel is flat, and is moved but not stretched."""

AT_ONCE = 2**19
"""Numbers that are worked on at once: of more, a processor's own memory holds too few, and all of it takes longer."""


def matched(face: Tensor, like: Tensor, mask: Tensor, most: float = math.inf) -> Tensor:
    """``face`` with mean and deviation of ``like`` in each channel of Lab: Reinhard et al., 2001.

    Both (b,3,h,w) in [0,1], compared where ``mask`` (1 or b,1,h,w) weighs them -> (b,3,h,w) in [0,1], float32.
    ``most``: how much a channel is stretched, or pressed together, at most.
    """
    pieces = max(AT_ONCE // face[0].numel(), 1)
    batch = (part.split(pieces) for part in (face, like, mask.expand(len(face), -1, -1, -1)))
    with torch.autocast(face.device.type, enabled=False):
        return torch.cat([_matched(own, other, where, most) for own, other, where in zip(*batch, strict=True)])


def _matched(face: Tensor, like: Tensor, mask: Tensor, most: float) -> Tensor:
    own, other = (lab.of(picture.float().clamp(0, 1).flatten(2)) for picture in (face, like))
    weight = mask.float().flatten(2)
    weight = weight / weight.sum(dim=2, keepdim=True).clamp_min(1e-6)
    (middle, spread), (wanted, wide) = _moments(own, weight), _moments(other, weight)
    stretch = (wide / spread.clamp_min(LEAST)).where(spread > LEAST, 1).clamp(1 / most, most)
    # Stretched, moved and taken out of Lab in one product.
    return lab.back(own, stretch, wanted - middle * stretch).reshape(face.shape)


def _moments(image: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (b,3,1) of (b,3,n), weighed (1 or b,1,n)."""
    mean = (image * weight).sum(dim=2, keepdim=True)
    return mean, (image - mean).square_().mul_(weight).sum(dim=2, keepdim=True).sqrt()
