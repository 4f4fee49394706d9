"""Similarities (turn, scale, shift) between five points of a picture and those of a template, and their ways back."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ftbench_faces.templates import CROP, Template


def crop_points(size: int) -> Tensor:
    """The five points of an aligned crop of ``size`` px: places of pixels (1,5,2), float64."""
    return in_pixels(torch.tensor(CROP, dtype=torch.float64)[None], size)


def in_pixels(shares: Tensor, size: int) -> Tensor:
    """Points (b,n,2) as shares of a side of ``size`` px, from its edge -> places of pixels, the first's middle 0."""
    return shares.double() * size - 0.5


def onto(points: Tensor, template: Template, side: int) -> Tensor:
    """The similarity that lays points of a picture on a template of ``side`` px, by least squares.

    Points (b,5,2) as places of pixels -> (b,2,3), float64: what takes a place in the picture, (x, y, 1), to its place
    in the aligned face; on the processor, wherever the points are. It never mirrors. Raises ValueError where the points
    of a picture lie in one place, or are no finite numbers.
    """
    wanted = torch.tensor(template.points, dtype=torch.float64) * side
    return between(points.double().cpu(), wanted.expand(len(points), -1, -1))


def between(points: Tensor, wanted: Tensor) -> Tensor:
    """The similarity (b,2,3) that takes ``points`` (b,n,2) nearest to ``wanted`` (b,n,2), both float64.

    As complex numbers it is one factor and one shift, which have a closed form. Raises ValueError as ``onto``.
    """
    middle, wanted_middle = points.mean(dim=1, keepdim=True), wanted.mean(dim=1, keepdim=True)
    own, other = (torch.view_as_complex(part.contiguous()) for part in (points - middle, wanted - wanted_middle))
    spread = own.abs().square().sum(dim=1)
    if not bool((spread > 1e-12).all() and spread.isfinite().all()):
        raise ValueError("the five points of a face lie in one place, or are no numbers; give other landmarks")
    factor = (own.conj() * other).sum(dim=1) / spread
    turn = torch.stack([factor.real, -factor.imag, factor.imag, factor.real], dim=1).reshape(-1, 2, 2)
    shift = wanted_middle.transpose(1, 2) - turn @ middle.transpose(1, 2)
    return torch.cat([turn, shift], dim=2)


def back(way: Tensor) -> Tensor:
    """The way back (b,2,3) of similarities (b,2,3)."""
    turn, shift = way[:, :, :2], way[:, :, 2:]
    own = turn.transpose(1, 2) / scale_of(way).square()[:, None, None]
    return torch.cat([own, -own @ shift], dim=2)


def scale_of(way: Tensor) -> Tensor:
    """How many pixels of the aligned face a pixel of the picture becomes, along a side: (b,)."""
    return cast(Tensor, torch.linalg.vector_norm(way[:, 0, :2], dim=1))


def carried(points: Tensor, way: Tensor) -> Tensor:
    """Points (b,n,2) carried along similarities (b,2,3)."""
    there: Tensor = points @ way[:, :, :2].transpose(1, 2) + way[:, :, 2][:, None]
    return there
