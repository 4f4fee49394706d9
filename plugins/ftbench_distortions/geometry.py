"""Changes of the sampling grid. Torch's own interpolation: its antialiasing is Pillow's, kornia's is not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def _enlarge(image: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(image, (height, width), mode="bilinear", align_corners=False).clamp(0, 1)


def _scaled(side: int, factor: float) -> int:
    return max(1, round(side * factor))


@dataclass(frozen=True, kw_only=True)
class Resize:
    """Shrinks both sides by ``scale`` (at least one pixel stays) and enlarges to the first size."""

    scale: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        height, width = image.shape[-2:]
        small = F.interpolate(
            image,
            (_scaled(height, self.scale), _scaled(width, self.scale)),
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        return _enlarge(small, height, width)


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Keeps a window with the share ``keep`` of the area and the image's aspect, enlarged to its size.

    Every image draws its own place, uniform over the whole-pixel places where the window fits. Not to ``enlarge``
    leaves the window in place and blackens the rest, as MBRS crops.
    """

    keep: float
    enlarge: bool = True

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        batch, _, height, width = image.shape
        side = math.sqrt(self.keep)
        rows, columns = _scaled(height, side), _scaled(width, side)
        tops = torch.randint(height - rows + 1, (batch,), generator=generator).tolist()
        lefts = torch.randint(width - columns + 1, (batch,), generator=generator).tolist()
        places = [
            (slice(None), slice(top, top + rows), slice(left, left + columns))
            for top, left in zip(tops, lefts, strict=True)
        ]
        if self.enlarge:
            return _enlarge(torch.stack([one[place] for one, place in zip(image, places, strict=True)]), height, width)
        gone = torch.ones(batch, 1, height, width, dtype=torch.bool)
        for index, place in enumerate(places):
            gone[index][place] = False
        return image.masked_fill(gone.to(image.device), 0.0).clamp(0, 1)
