"""A face given the colours of the one that it takes the place of."""

from __future__ import annotations

import math

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor

LEAST = 1e-3
"""Deviation in Lab below which a channel is flat, and is moved but not stretched."""

AT_ONCE = 2**20
"""Numbers that are worked on at once: of more, a processor's own memory holds too few, and all of it takes longer."""


def matched(face: Tensor, like: Tensor, mask: Tensor, most: float = math.inf) -> Tensor:
    """``face`` with mean and deviation of ``like`` in each channel of Lab: Reinhard et al., 2001.

    Both (b,3,h,w) in [0,1], compared where ``mask`` (1 or b,1,h,w) weighs them -> (b,3,h,w) in [0,1].
    ``most``: how much a channel is stretched, or pressed together, at most.
    """
    pieces = max(AT_ONCE // face[0].numel(), 1)
    batch = (part.split(pieces) for part in (face, like, mask.expand(len(face), -1, -1, -1)))
    return torch.cat([_matched(own, other, where, most) for own, other, where in zip(*batch, strict=True)])


def _matched(face: Tensor, like: Tensor, mask: Tensor, most: float) -> Tensor:
    own, other = rgb_to_lab(face.clamp(0, 1)), rgb_to_lab(like)
    (middle, spread), (wanted, wide) = _moments(own, mask), _moments(other, mask)
    stretch = (wide / spread.clamp_min(LEAST)).where(spread > LEAST, 1).clamp(1 / most, most)
    return lab_to_rgb((own - middle) * stretch + wanted).clamp(0, 1)


def _moments(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    weight = mask / mask.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
    mean = (image * weight).sum(dim=(2, 3), keepdim=True)
    deviation = ((image - mean).square() * weight).sum(dim=(2, 3), keepdim=True).sqrt()
    return mean, deviation
