"""What lies between the sender of a picture and who looks at it: a content network, or a screenshot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ftbench.pipeline.stages import straight_through
from ftbench_distortions.compression import Jpeg, Webp

PAPER = 245 / 255
"""Grey of what surrounds a picture on a screen."""


def _resized(image: Tensor, height: int, width: int) -> Tensor:
    if image.shape[-2:] == (height, width):
        return image.clamp(0, 1)
    small = height < image.shape[-2] or width < image.shape[-1]
    return F.interpolate(
        image, (height, width), mode="bilinear", align_corners=False, antialias=small
    ).clamp(0, 1)  # fmt: skip


def _by(image: Tensor, factor: float) -> Tensor:
    height, width = (max(1, round(side * factor)) for side in image.shape[-2:])
    return _resized(image, height, width)


@dataclass(frozen=True, kw_only=True)
class SocialNetwork:
    """As a content network passes pictures on: made smaller and stored as JPEG, shown as a thumbnail in WebP.

    The long side becomes ``side`` pixels where the image is longer, or, where that is 0, ``scale`` of what it is. The
    thumbnail has the share ``thumbnail`` of the stored file's side. What is shown comes back in the size of before.
    Gradients pass straight through the two files and truly through every change of size.
    """

    quality: int
    scale: float
    side: int
    thumbnail: float
    webp: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        height, width = image.shape[-2:]
        factor = min(1.0, self.side / max(height, width)) if self.side else self.scale
        uploaded = _by(image, factor)
        stored = straight_through(uploaded, Jpeg(quality=self.quality)(uploaded, generator))
        shown = _by(stored, self.thumbnail)
        served = straight_through(shown, Webp(quality=self.webp)(shown, generator))
        return _resized(served, height, width)


@dataclass(frozen=True, kw_only=True)
class Screenshot:
    """As a picture is on a screenshot: shown at ``scale``, more of the screen on every side, stored as JPEG.

    Each image and side draws its border, uniform between none and the share ``border`` of the shown picture's side. The
    whole screenshot comes back in the size of before, so that the picture in it is smaller, and nobody says where.
    Gradients pass straight through the file and truly through the rest.
    """

    scale: float
    border: float
    quality: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        height, width = image.shape[-2:]
        shown = _by(image, self.scale)
        draws = torch.rand(len(image), 4, generator=generator).tolist()
        across, down = (math.floor(self.border * side) for side in (shown.shape[-1], shown.shape[-2]))
        jpeg = Jpeg(quality=self.quality)
        taken = []
        for one, drawn in zip(shown, draws, strict=True):
            # Left, right, top, bottom, as pad takes them.
            sides = [int(share * (most + 1)) for share, most in zip(drawn, (across, across, down, down), strict=True)]
            screen = F.pad(one[None], sides, value=PAPER)
            taken.append(_resized(straight_through(screen, jpeg(screen, generator)), height, width))
        return torch.cat(taken)
