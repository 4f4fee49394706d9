"""Smoothing. Borders repeat the edge pixel, which works at every size and darkens nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from kornia.filters import gaussian_blur2d, median_blur
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class GaussianBlur:
    """Gaussian of ``sigma`` pixels, sampled at whole pixels up to ceil(3 sigma) each way."""

    sigma: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        if self.sigma == 0:
            return image.clamp(0, 1)
        kernel = 2 * math.ceil(3 * self.sigma) + 1
        blurred: Tensor = gaussian_blur2d(image, kernel, (self.sigma, self.sigma), border_type="replicate")
        return blurred.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class MedianBlur:
    """Median of a ``kernel`` × ``kernel`` window; the gradient goes to the pixel that was picked."""

    kernel: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        margin = self.kernel // 2
        # Padded here because kornia 0.8 pads with zeros and takes no other border.
        padded = F.pad(image, (margin, margin, margin, margin), mode="replicate")
        blurred: Tensor = median_blur(padded, self.kernel)
        height, width = image.shape[-2:]
        return blurred[..., margin : margin + height, margin : margin + width].clamp(0, 1)
