"""Random damage, pixel by pixel. Draws are made on the CPU, so a seed means the same on every device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def _uniform_per_pixel(image: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform draws in [0, 1), one a pixel for all three channels: (b, 1, h, w) on the image's device."""
    batch, _, height, width = image.shape
    return torch.rand(batch, 1, height, width, generator=generator).to(image.device)


@dataclass(frozen=True, kw_only=True)
class GaussianNoise:
    """Adds N(0, sigma²) to every value of every channel, then clips; white is 1."""

    sigma: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        noise = torch.randn(image.shape, generator=generator).to(image)
        return (image + self.sigma * noise).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Speckle:
    """Multiplies every value by 1 + N(0, sigma²), then clips."""

    sigma: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        noise = torch.randn(image.shape, generator=generator).to(image)
        return (image * (1 + self.sigma * noise)).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class PoissonNoise:
    """Counts of photons, of mean ``photons`` for white, over that mean, then clipped; with no gradient."""

    photons: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        # Torch draws these on the processor alone where the generator lives there.
        expected = image.detach().cpu().clamp(0, 1) * self.photons
        return (torch.poisson(expected, generator) / self.photons).clamp(0, 1).to(image)


@dataclass(frozen=True, kw_only=True)
class Dropout:
    """Sets each pixel to black with chance ``share``, all three channels together."""

    share: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        lost = _uniform_per_pixel(image, generator) < self.share
        return image.masked_fill(lost, 0.0).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class SaltAndPepper:
    """Sets each pixel to black or white with chance ``share`` / 2 each, all three channels together."""

    share: float

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        draw = _uniform_per_pixel(image, generator)
        pepper, hit = draw < self.share / 2, draw < self.share
        return image.masked_fill(hit, 1.0).masked_fill(pepper, 0.0).clamp(0, 1)
