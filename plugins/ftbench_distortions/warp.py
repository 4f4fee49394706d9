"""Resampling along straight lines: what turns an image, or slants it. Between pixels it is bilinear."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from kornia.geometry.transform import get_perspective_transform
from torch import Tensor

_PADDING = {"black": "zeros", "reflected": "reflection"}


def _pixels(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Column and row of every pixel, both (h, w), counted in float64 from the middle of the first one."""
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    return columns, rows


def _sampled(image: Tensor, columns: Tensor, rows: Tensor, outside: str) -> Tensor:
    """The image (b, 3, h, w) at places (b, h, w) in pixels."""
    height, width = image.shape[-2:]
    # grid_sample counts from -1, the outer edge of the first pixel, to 1, that of the last.
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], -1).to(image)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode=_PADDING[outside], align_corners=False).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """Turns every image by ``angle`` degrees, counter-clockwise, about its centre; the frame stays."""

    angle: float
    outside: Literal["black", "reflected"]

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        batch, _, height, width = image.shape
        columns, rows = _pixels(height, width)
        right, down = columns - (width - 1) / 2, rows - (height - 1) / 2
        cosine, sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        across = cosine * right - sine * down + (width - 1) / 2
        along = sine * right + cosine * down + (height - 1) / 2
        return _sampled(image, across.expand(batch, -1, -1), along.expand(batch, -1, -1), self.outside)


@dataclass(frozen=True, kw_only=True)
class Perspective:
    """Moves every corner of every image inwards, by uniform draws of up to ``move`` of the width and of the height."""

    move: float
    outside: Literal["black", "reflected"]

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        batch, _, height, width = image.shape
        extent = torch.tensor([width - 1, height - 1], dtype=torch.float64)
        corners = torch.tensor([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=torch.float64)
        drawn = torch.rand(batch, 4, 2, generator=generator, dtype=torch.float64)
        moved = (corners + (1 - 2 * corners) * self.move * drawn) * extent
        back = get_perspective_transform(moved, (corners * extent).expand(batch, -1, -1))
        columns, rows = _pixels(height, width)
        places = torch.stack([columns, rows, torch.ones_like(rows)]).flatten(1)
        across, along, depth = (back @ places).view(batch, 3, height, width).unbind(1)
        return _sampled(image, across / depth, along / depth, self.outside)
