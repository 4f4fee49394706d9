"""Where the image lies in its frame. Every image draws its own place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

_AXES = {"horizontal": (3,), "vertical": (2,), "both": (2, 3)}
_BLOBS = 4
"""Colours along each side of a drawn background."""


@dataclass(frozen=True, kw_only=True)
class Flip:
    """Mirrors the image: ``horizontal`` makes left and right change places."""

    axis: Literal["horizontal", "vertical", "both"]

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        return image.flip(_AXES[self.axis]).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Moves every image towards one of its corners, by ``shift`` of its width and of its height in whole pixels."""

    shift: float
    outside: Literal["black", "reflected"]

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        moved = image
        signs = 2 * torch.randint(2, (2, len(image)), generator=generator) - 1
        for axis, sign in zip((2, 3), signs, strict=True):
            side = image.shape[axis]
            source = torch.arange(side) - sign[:, None] * round(self.shift * side)
            inside = (source >= 0) & (source < side)
            # Reflected about the edge itself, so that the edge pixel is seen twice.
            source = torch.where(source < 0, -1 - source, source)
            source = torch.where(source >= side, 2 * side - 1 - source, source)
            shape = [len(image), 1, 1, 1]
            shape[axis] = side
            moved = moved.take_along_dim(source.view(shape).to(image.device), axis)
            if self.outside == "black":
                moved = moved.masked_fill(~inside.view(shape).to(image.device), 0.0)
        return moved.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Collage:
    """Shrinks both sides by ``scale``, antialiased, and pastes the image onto a background of its own.

    The background blends ``4 × 4`` uniform random colours; the place is uniform over the whole-pixel ones that fit.
    """

    scale: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        batch, _, height, width = image.shape
        rows, columns = max(1, round(height * self.scale)), max(1, round(width * self.scale))
        small = F.interpolate(image, (rows, columns), mode="bilinear", align_corners=False, antialias=True)
        colours = torch.rand(batch, 3, _BLOBS, _BLOBS, generator=generator).to(image)
        whole = F.interpolate(colours, (height, width), mode="bilinear", align_corners=True)
        tops = torch.randint(height - rows + 1, (batch,), generator=generator).tolist()
        lefts = torch.randint(width - columns + 1, (batch,), generator=generator).tolist()
        for index, (top, left) in enumerate(zip(tops, lefts, strict=True)):
            whole[index, :, top : top + rows, left : left + columns] = small[index]
        return whole.clamp(0, 1)
