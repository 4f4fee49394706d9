"""Where the face lies in an aligned picture, and what becomes of it there when it is swapped."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BOX = 3 / 4
"""Side of the square that holds the face, as a share of the picture's."""
TOP = 5 / 32
"""Share of the side above that square, for eyes at 42 % of the height; it is centred sideways."""
RADII = (0.31, 0.37)
"""Half width and half height of the face's ellipse, as shares of the picture's side."""
FEATHER = 0.25
"""Share of the ellipse's radius over which a pasted face fades into the picture."""
LEAST_DEVIATION = 0.03
"""Of 1: a face flatter than this is not brought to full contrast, which would show its noise."""
MOST_GAIN = 4.0
"""Of a channel, when a face is put under another light."""


class FaceRegion(nn.Module):
    """The square that holds the face of a picture of ``size`` px, and the soft ellipse of the face within it."""

    mask: Tensor
    """(1, 1, box, box): 1 on the face, 0 in the square's corners and on all of its border."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.side = round(BOX * size)
        self.left, self.top = (size - self.side) // 2, round(TOP * size)
        self.rest = (self.left, size - self.left - self.side, self.top, size - self.top - self.side)
        self.register_buffer("mask", _ellipse(self.side, size), persistent=False)

    def cut(self, image: Tensor) -> Tensor:
        """Picture (b,3,size,size) -> the square that holds its face, (b,3,box,box)."""
        return image[:, :, self.top : self.top + self.side, self.left : self.left + self.side]

    def paste(self, image: Tensor, face: Tensor) -> Tensor:
        """Picture (b,3,size,size), face (b,3,box,box) -> the picture with that face; outside the mask as it was."""
        return image + functional.pad(self.mask * (face.float() - self.cut(image)), self.rest)

    def veil(self, box: Tensor, cells: int) -> Tensor:
        """The square (b,3,box,box) with its face in ``cells``×``cells`` soft cells: light and pose, and hardly who."""
        coarse = functional.adaptive_avg_pool2d(box, cells)
        coarse = functional.interpolate(coarse, box.shape[-2:], mode="bilinear", align_corners=False)
        return torch.lerp(box, coarse, self.mask)

    def levelled(self, box: Tensor) -> Tensor:
        """The face's mean over channels, brought to mean 0 and deviation 1 over its pixels: (b,1,box,box), else 0."""
        with torch.autocast(box.device.type, enabled=False):
            brightness = box.float().mean(1, keepdim=True)
            mean, deviation = self.statistics(brightness)
            return self.mask * (brightness - mean) / deviation

    def relit(self, box: Tensor, like: Tensor) -> Tensor:
        """The square (b,3,box,box) under the light of ``like``: a gain a channel gives the face its mean colour."""
        with torch.autocast(box.device.type, enabled=False):
            (mean, _), (wanted, _) = self.statistics(box.float()), self.statistics(like.float())
            gain = ((wanted + LEAST_DEVIATION) / (mean + LEAST_DEVIATION)).clamp(1 / MOST_GAIN, MOST_GAIN)
            return (box.float() * gain).clamp(0, 1)

    def statistics(self, box: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation (b,c,1,1) of the face in each channel of (b,c,box,box); no deviation under the least."""
        weight = self.mask / self.mask.sum()
        mean = (weight * box).sum((2, 3), keepdim=True)
        variance = (weight * (box - mean).square()).sum((2, 3), keepdim=True)
        return mean, variance.clamp_min(LEAST_DEVIATION**2).sqrt()


def _ellipse(side: int, size: int) -> Tensor:
    along = ((torch.arange(side) + 0.5) / side - 0.5) * side / size
    radius = ((along[None, :] / RADII[0]) ** 2 + (along[:, None] / RADII[1]) ** 2).sqrt()
    inside = ((1 - radius) / FEATHER).clamp(0, 1)
    return (inside**2 * (3 - 2 * inside))[None, None]
