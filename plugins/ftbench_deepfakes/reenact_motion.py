"""Motions as fields of displacement: how pictures are moved by them, and how they are drawn at random.

A displacement (b, h, w, 2), x first, says where each pixel of the moved picture is read: so far from its own place,
in units of half the side, the ones of torch's ``grid_sample``.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from scipy.interpolate import BSpline
from torch import Tensor
from torch.nn import functional

FACE = (0.5, 0.53)
"""(x, y) of the middle of an aligned face whose eyes are at 42 % of the height, as shares of the side."""
TURN, SIZE, SHIFT = math.radians(10), 0.10, 0.08
"""Half widths of the uniform draws of a random motion: rotation, scale, and shift in half sides."""
COARSE, FINE = (4, 0.07), (7, 0.025)
"""Knots a side and deviation, in half sides, of the two random splines."""
BULGE = 0.25
"""Largest shift, in half sides, of the face's middle against its rim: what a turned head looks like from the front."""


def places(size: int, device: torch.device) -> Tensor:
    """Each pixel's own place: (1, ``size``, ``size``, 2) in (-1, 1), x first."""
    along = (2 * torch.arange(size, device=device, dtype=torch.float32) + 1) / size - 1
    rows, columns = torch.meshgrid(along, along, indexing="ij")
    return torch.stack([columns, rows], dim=-1)[None]


def moved(image: Tensor, displacement: Tensor) -> Tensor:
    """Image (b,c,h,w) with each pixel read from where displacement (b,h,w,2) says; beyond the borders reflected.

    Bicubic, so that little is blurred; values may leave the image's range by a little.
    """
    with torch.autocast(image.device.type, enabled=False):
        grid = places(displacement.shape[1], image.device) + displacement.float()
        return functional.grid_sample(
            image.float(), grid, mode="bicubic", padding_mode="reflection", align_corners=False
        )


def followed(first: Tensor, then: Tensor) -> Tensor:
    """The one displacement (b,h,w,2) that moves a picture as ``first`` and ``then``, one after the other, do."""
    return then + _read(first, then)


def undone(displacement: Tensor) -> Tensor:
    """The displacement (b,h,w,2) that takes back a smooth one, by eight steps of a fixed-point iteration."""
    back = -displacement
    for _ in range(8):
        back = -_read(displacement, back)
    return back


def carried(points: Tensor, displacement: Tensor) -> Tensor:
    """Where points (b,k,2) of a moved picture were before it was moved by displacement (b,h,w,2)."""
    field = displacement.permute(0, 3, 1, 2)
    shift = functional.grid_sample(field, points[:, None], padding_mode="border", align_corners=False)
    return points + shift[:, :, 0].transpose(1, 2)


def spline_field(knots: Tensor, size: int) -> Tensor:
    """Displacement (b,size,size,2) of a uniform cubic B-spline with knots (b,g,g,2), spread over the picture, g > 3."""
    basis = spline_basis(size, knots.shape[1]).to(knots.device)
    return torch.einsum("yi,bijc,xj->byxc", basis, knots.float(), basis)


@lru_cache(maxsize=16)
def spline_basis(size: int, knots: int) -> Tensor:
    """(size, knots): how much each knot weighs at each pixel; every row sums to 1."""
    ends = np.arange(-3, knots + 1) / (knots - 3)
    pixels = (np.arange(size) + 0.5) / size
    return torch.from_numpy(BSpline.design_matrix(pixels, ends, 3).toarray()).float()


def face_window(size: int, device: torch.device, spread: float = 0.25) -> Tensor:
    """Weights (1,1,size,size) of mean 1, a Gaussian of deviation ``spread`` sides round the middle of the face."""
    middle = 2 * torch.tensor(FACE, device=device) - 1
    weight = torch.exp(-(places(size, device) - middle).square().sum(-1) / (2 * (2 * spread) ** 2))
    return (weight / weight.mean())[:, None]


def random_motion(count: int, size: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """``count`` displacements (count, size, size, 2), drawn on the CPU.

    Each is a rotation, scale and shift, a bulge that moves the face's middle against its rim, and two cubic B-splines,
    one bending the whole face and one its parts; a draw of its own says how strong the three are.
    """

    def uniform(*shape: int) -> Tensor:
        return (2 * torch.rand(count, *shape, generator=generator) - 1).to(device)

    at = places(size, device)
    angle, scale, shift = TURN * uniform(1, 1), 1 + SIZE * uniform(1, 1), SHIFT * uniform(1, 1, 2)
    x, y = at[..., 0], at[..., 1]
    turned = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], dim=-1)
    field = turned * scale[..., None] + shift - at
    window = face_window(size, device)[:, 0, :, :, None]
    field = field + BULGE * uniform(1, 1, 2) * window / window.amax()
    strength = uniform(1, 1, 1).abs()
    for knots, deviation in (COARSE, FINE):
        drawn = torch.randn(count, knots, knots, 2, generator=generator).to(device)
        field = field + strength * spline_field(deviation * drawn, size)
    return field


def _read(field: Tensor, displacement: Tensor) -> Tensor:
    grid = places(field.shape[1], field.device) + displacement
    read = functional.grid_sample(field.permute(0, 3, 1, 2), grid, padding_mode="border", align_corners=False)
    return read.permute(0, 2, 3, 1)


def relit(image: Tensor, generator: torch.Generator) -> Tensor:
    """Image (b,3,h,w) as another camera under other light may show it: the same shape, in [0, 1], drawn on the CPU.

    Colours are mixed, made stronger or weaker and bent by a gamma, and a soft light falls from one side: what a
    driver's skin and light look like then says nothing of where its pixels go.
    """
    count, device = len(image), image.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return (low + (high - low) * torch.rand(count, *shape, generator=generator)).to(device)

    mix = torch.softmax(2.5 * (torch.eye(3) + 0.5 * torch.randn(count, 3, 3, generator=generator)), dim=2).to(device)
    colours = torch.einsum("bij,bjhw->bihw", mix, image.float())
    slope = places(image.shape[-1], device).permute(0, 3, 1, 2)
    side = (uniform(-0.3, 0.3, 2, 1, 1) * slope).sum(1, keepdim=True)
    light = colours * (1 + side) * uniform(0.6, 1.3, 1, 1, 1) * uniform(0.85, 1.15, 3, 1, 1)
    bent = light.clamp(1e-3, 1).pow(uniform(0.7, 1.4, 1, 1, 1))
    return (bent + uniform(-0.08, 0.08, 3, 1, 1)).clamp(0, 1)
