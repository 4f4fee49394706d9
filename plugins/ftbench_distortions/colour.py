"""Changes of colour and light. The jitter is as Pillow's ImageEnhance defines it: 1 leaves the image as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_hue,
    adjust_saturation_with_gray_subtraction,
)
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Brightness:
    """Multiplies every value by ``factor`` (kornia's plain ``adjust_brightness`` would add)."""

    factor: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape, clipped to [0, 1]."""
        changed: Tensor = adjust_brightness_accumulative(image, float(self.factor))
        return changed.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """mean + ``factor`` · (image - mean), the mean being that of the image's grey (ITU-R 601 luma)."""

    factor: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape, clipped to [0, 1]."""
        changed: Tensor = adjust_contrast_with_mean_subtraction(image, float(self.factor))
        return changed.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """grey + ``factor`` · (image - grey), grey being each pixel's ITU-R 601 luma."""

    factor: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape, clipped to [0, 1]."""
        changed: Tensor = adjust_saturation_with_gray_subtraction(image, float(self.factor))
        return changed.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Hue:
    """Turns the hue by ``shift`` of the full circle, from red towards green when positive."""

    shift: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        changed: Tensor = adjust_hue(image, 2 * math.pi * self.shift)
        return changed.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Gamma:
    """Raises every value to the power ``gamma``."""

    gamma: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        lit = image > 0
        # Black stays apart: below 1 the power's slope is infinite there.
        return torch.where(lit, torch.where(lit, image, 1.0) ** self.gamma, 0.0).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Grayscale:
    """image + ``amount`` · (grey - image), grey being each pixel's ITU-R 601 luma."""

    amount: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        changed: Tensor = adjust_saturation_with_gray_subtraction(image, 1.0 - self.amount)
        return changed.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Posterize:
    """Keeps the upper ``bits`` of every 8-bit value, so that white darkens; with no gradient."""

    bits: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1], rounded to 8 bits first -> the same shape and range."""
        step = 2 ** (8 - self.bits)
        levels = image.detach().clamp(0, 1).mul(255).round()
        return levels.div(step).floor().mul(step).div(255)
