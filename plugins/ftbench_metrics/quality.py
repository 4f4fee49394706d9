"""Measures of one image against another, both 8-bit values as float (b, 3, h, w) in [0, 1]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ftbench_metrics.objections import WINDOW
from ftbench_metrics.window import Windowed, at_once, in_slabs, require_same_shape

WHITE = 255.0
STEADY_MEAN, STEADY_SPREAD = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2
"""What keeps SSIM's two quotients steady where they have next to nothing below: (K1 · white)², (K2 · white)²."""


@dataclass(frozen=True)
class Psnr:
    """10 · log10(1 / MSE) in dB, the mean square error running over all pixels and channels of an image."""

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64; infinity where the images are identical, for the caller to count apart.

        Raises ValueError when the shapes differ.
        """
        require_same_shape(reference, image)
        return -10 * (in_slabs(_errors, reference, image) / WHITE**2).log10()


@dataclass(frozen=True)
class Ssim:
    """Structural similarity: Gaussian window of 11 px and sigma 1.5, K1 = .01, K2 = .03, data range 1.

    Each channel by itself over the places where the window fits whole, then the mean: scikit-image's
    ``structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)``.
    """

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64, 1 for identical images.

        Raises ValueError when the shapes differ or a side is shorter than the window.
        """
        require_same_shape(reference, image)
        height, width = image.shape[-2:]
        if min(height, width) < WINDOW:
            raise ValueError(
                f"images of {height}×{width} px are smaller than SSIM's window of {WINDOW} px: "
                "use larger images or leave ssim out"
            )
        return in_slabs(_similarities, reference, image)


def _planes(image: Tensor) -> Iterator[Tensor]:
    """The planes (p, h, w) of images (b, c, h, w), some at a time, and each next to itself in memory."""
    # A few images at a time: one with its channels last is copied, and then is in the cache.
    for some in image.split(max(1, at_once(image) // max(1, image.shape[1]))):
        yield from some.flatten(0, 1).split(at_once(image))


@torch.no_grad()
def _errors(reference: Tensor, image: Tensor) -> Tensor:
    """Mean square error (b,) in squared levels."""
    found = []
    for first, second in zip(_planes(reference), _planes(image), strict=True):
        error = _levels(first).sub_(_levels(second)).square_()
        # Squares of levels are whole numbers, and add up exactly over a row.
        found.append(error.sum(-1).double().mean(1) / image.shape[-1])
    return torch.cat(found).view(len(image), -1).mean(1)


@torch.no_grad()
def _similarities(reference: Tensor, image: Tensor) -> Tensor:
    """SSIM (b,)."""
    height, width = image.shape[-2:]
    windowed = Windowed(4, height, width, at_once(image), image.device)
    pairs = zip(_planes(reference), _planes(image), strict=True)
    return torch.cat([_similarity(windowed, *pair) for pair in pairs]).view(len(image), -1).mean(1)


def _similarity(windowed: Windowed, first: Tensor, second: Tensor) -> Tensor:
    """Mean SSIM (p,) of planes (p, h, w) in [0, 1]."""
    first, second = _levels(first), _levels(second)
    # What is squared or multiplied are whole numbers below 2^18: float32 holds them exactly.
    product, squares = first * second, (first * first).addcmul_(second, second)
    mean, other, product, squares = windowed.means([first, second, product, squares])
    # A variance is what two large numbers differ by, hence float64: float32 is off by up to 3e-4 where bright images
    # are flat. Written over the means, since fresh memory costs more than the arithmetic.
    both = mean * other
    apart = mean.mul_(mean).addcmul_(other, other).mul_(0.5)
    product.sub_(both).add_(STEADY_SPREAD / 2)
    squares.mul_(0.5).sub_(apart).add_(STEADY_SPREAD / 2)
    above = both.add_(STEADY_MEAN / 2).mul_(product)
    below = apart.add_(STEADY_MEAN / 2).mul_(squares)
    return windowed.fitting(above.div_(below)).mean((1, 2))


def _levels(image: Tensor) -> Tensor:
    """0 to 255: whole numbers, exactly, for the float32 nearest to a 255th of each; contiguous."""
    return image.float().mul(WHITE).contiguous()
