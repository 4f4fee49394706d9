"""Filters of a neighbourhood. Borders repeat the edge pixel, which works at every size and darkens nothing."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from kornia.enhance import sharpness
from kornia.filters import box_blur, gaussian_blur2d, motion_blur
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class GaussianBlur:
    """Gaussian of ``sigma`` pixels, sampled at whole pixels in a window of ``kernel``, whose weights add up to 1.

    ``kernel`` 0: up to ceil(3 sigma) each way.
    """

    sigma: float
    kernel: int = 0

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        if self.sigma == 0:
            return image.clamp(0, 1)
        kernel = self.kernel or 2 * math.ceil(3 * self.sigma) + 1
        blurred: Tensor = gaussian_blur2d(image, kernel, (self.sigma, self.sigma), border_type="replicate")
        return blurred.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class MedianBlur:
    """Median of a ``kernel`` × ``kernel`` window; the gradient goes to the pixel that was picked, or to its equals."""

    kernel: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        margin = self.kernel // 2
        padded = F.pad(image, (margin, margin, margin, margin), mode="replicate")
        if self.kernel == 3:
            return cast(Tensor, _MedianOfNine.apply(padded)).clamp(0, 1)
        # One plane at a time: kernel² copies of a whole batch would fill the memory.
        planes = [self._filtered(plane) for plane in padded.flatten(0, 1)]
        return torch.stack(planes).view(image.shape).clamp(0, 1)

    def _filtered(self, padded: Tensor) -> Tensor:
        # kornia's median_blur copies the windows by a convolution, which takes twelve times as long at 17 × 17.
        windows = padded.unfold(0, self.kernel, 1).unfold(1, self.kernel, 1)
        return windows.flatten(-2).median(-1).values


class _MedianOfNine(torch.autograd.Function):
    """(b, c, h+2, w+2) -> (b, c, h, w), with a gradient that goes in equal shares to the pixels equal to the median.

    torch's own gradient of a minimum takes ten times as long as all the rest.
    """

    @staticmethod
    def forward(context: Any, padded: Tensor) -> Tensor:
        median = torch.stack([_median_of_nine(one) for one in padded])
        context.save_for_backward(padded, median)
        return median

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        padded, median = context.saved_tensors
        height, width = median.shape[-2:]
        windows = [(..., slice(y, y + height), slice(x, x + width)) for y in range(3) for x in range(3)]
        equal = [(padded[at] == median).to(median.dtype) for at in windows]
        share = gradients[0] / functools.reduce(torch.add, equal)
        back = torch.zeros_like(padded)
        for at, picked in zip(windows, equal, strict=True):
            back[at].addcmul_(share, picked)
        return back


def _median_of_nine(padded: Tensor) -> Tensor:
    """The middle of each 3 × 3 window of (c, h + 2, w + 2): (c, h, w), a twentieth of the time that sorting takes.

    Of three sorted columns it is the middle of the largest low, the middle medium and the smallest high value.
    """
    above, here, below = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
    less, more = torch.minimum(above, here), torch.maximum(above, here)
    lows, highs = (_beside(found) for found in (torch.minimum(less, below), torch.maximum(more, below)))
    middles = _beside(torch.maximum(less, torch.minimum(more, below)))
    low = functools.reduce(torch.maximum, lows)
    high = functools.reduce(torch.minimum, highs)
    return _middle(low, _middle(*middles), high)


def _beside(columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return columns[..., :-2], columns[..., 1:-1], columns[..., 2:]


def _middle(one: Tensor, two: Tensor, three: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(one, two), torch.minimum(torch.maximum(one, two), three))


@dataclass(frozen=True, kw_only=True)
class BoxBlur:
    """Mean of a ``kernel`` × ``kernel`` window."""

    kernel: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        blurred: Tensor = box_blur(image, self.kernel, border_type="replicate")
        return blurred.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class MotionBlur:
    """Mean over a straight path of ``length`` pixels, turned by ``angle`` degrees counter-clockwise.

    The path's weights are those of a row of ``length`` equal ones, rotated bilinearly and made to add up to 1.
    """

    length: int
    angle: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        if self.length == 1:
            return image.clamp(0, 1)
        blurred: Tensor = motion_blur(
            image, self.length, float(self.angle), 0.0, border_type="replicate", mode="bilinear"
        )
        return blurred.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Sharpness:
    """smooth + ``factor`` · (image - smooth), where smooth is a 3 × 3 mean that counts the middle five times.

    The outermost row and column are kept, as Pillow keeps them.
    """

    factor: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape, clipped to [0, 1]."""
        changed: Tensor = sharpness(image, float(self.factor))
        return changed.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Pixelate:
    """The mean colour of every ``block`` × ``block`` square, counted from the top left; the last ones may be cut."""

    block: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        height, width = image.shape[-2:]
        block = (min(self.block, height), min(self.block, width))
        means = F.avg_pool2d(image, block, ceil_mode=True, count_include_pad=False)
        wide = means.repeat_interleave(block[0], 2).repeat_interleave(block[1], 3)
        return wide[..., :height, :width].clamp(0, 1)
