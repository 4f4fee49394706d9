"""SSIM at several scales, and SSIM as most others report it: by other windows than ``quality.Ssim``, in float64."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ftbench_metrics.objections import UNIFORM, WINDOW, scales_of
from ftbench_metrics.quality import STEADY_MEAN, STEADY_SPREAD, WHITE
from ftbench_metrics.separable import TILE, Row
from ftbench_metrics.window import SIGMA, images_at_once, in_slabs, require_same_shape

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of each scale, the finest first; chosen by Wang, Simoncelli and Bovik from what people saw."""


@dataclass(frozen=True)
class MsSsim:
    """Multi-scale SSIM, as ``pytorch_msssim.ms_ssim``: each channel by itself, then the mean.

    Contrast and structure at each scale, and luminance at the coarsest, to the power of its weight; a side is halved
    from scale to scale while the window of 11 px fits. An image with room for fewer than five scales has the finest
    that fit, their weights scaled to the sum of all five.
    """

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64, 1 for identical images.

        Raises ValueError when the shapes differ or a side is shorter than the window.
        """
        _require(reference, image, WINDOW, "ms-ssim")
        return in_slabs(_several_scales, reference, image)


@dataclass(frozen=True)
class UniformSsim:
    """SSIM by scikit-image's default settings: a uniform window of 7 px and sample covariances, data range 1."""

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64, 1 for identical images.

        Raises ValueError when the shapes differ or a side is shorter than the window.
        """
        _require(reference, image, UNIFORM, "ssim-uniform")
        return in_slabs(_uniform, reference, image)


@torch.no_grad()
def _several_scales(reference: Tensor, image: Tensor) -> Tensor:
    scales = scales_of(min(image.shape[-2:]))
    # As published they add up to 1.0001; of fewer the sum is the same.
    weights = [weight * sum(WEIGHTS) / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales]]
    found = []
    for pair in _levels(reference, image):
        value = torch.ones(pair[0].shape[:2], dtype=torch.float64, device=image.device)
        for scale, weight in enumerate(weights):
            luminance, structure = _compared(*_halved(pair, scale), _gaussian(), 1.0)
            coarsest = scale == scales - 1
            mean = (luminance * structure if coarsest else structure).mean((0, 1))
            value = value * mean.view(value.shape).clamp_min(0) ** weight
        found.append(value.mean(1))
    return torch.cat(found)


def _halved(pair: tuple[Tensor, Tensor], times: int) -> tuple[Tensor, Tensor]:
    first, second = pair
    for _ in range(times):
        # An odd side gets a line of zeros at either end, as in the implementation that others use.
        odd = [side % 2 for side in first.shape[-2:]]
        first, second = (functional.avg_pool2d(one, 2, padding=odd) for one in (first, second))
    return first, second


@torch.no_grad()
def _uniform(reference: Tensor, image: Tensor) -> Tensor:
    count = UNIFORM**2
    found = []
    for first, second in _levels(reference, image):
        luminance, structure = _compared(first, second, _box(), count / (count - 1))
        found.append((luminance * structure).mean((0, 1)).view(first.shape[:2]).mean(1))
    return torch.cat(found)


def _compared(first: Tensor, second: Tensor, window: tuple[float, ...], sample: float) -> tuple[Tensor, Tensor]:
    """Levels (b,c,h,w) twice -> luminance, and contrast with structure: (h',w',b·c) each, where the window fits.

    ``sample``: what a variance within a window is multiplied by.
    """
    row = _row(window, first.device)
    squares = first.square() + second.square()
    planes = (one.flatten(0, 1) for one in (first, second, first * second, squares))
    mean, other, product, both = (_fitting(one, row, len(window)) for one in planes)
    means = mean * other
    squared = mean.square() + other.square()
    luminance = (2 * means + STEADY_MEAN) / (squared + STEADY_MEAN)
    structure = (2 * sample * (product - means) + STEADY_SPREAD) / (sample * (both - squared) + STEADY_SPREAD)
    return luminance, structure


def _fitting(planes: Tensor, row: Row, window: int) -> Tensor:
    height, width = (side - window + 1 for side in planes.shape[-2:])
    filled = functional.pad(planes, (0, -width % TILE, 0, -height % TILE))
    return row(row(filled))[:height, :width]


def _gaussian() -> tuple[float, ...]:
    away = np.arange(WINDOW) - WINDOW // 2
    row = np.exp(-(away**2) / (2 * SIGMA**2))
    return tuple((row / row.sum()).tolist())


def _box() -> tuple[float, ...]:
    return (1 / UNIFORM,) * UNIFORM


@functools.lru_cache(maxsize=8)
def _row(window: tuple[float, ...], device: torch.device) -> Row:
    return Row(np.array(window), torch.float64, device)


def _levels(reference: Tensor, image: Tensor) -> list[tuple[Tensor, Tensor]]:
    some = images_at_once(image)
    pairs = zip(reference.split(some), image.split(some), strict=True)
    return [(first.double() * WHITE, second.double() * WHITE) for first, second in pairs]


def _require(reference: Tensor, image: Tensor, window: int, name: str) -> None:
    require_same_shape(reference, image)
    height, width = image.shape[-2:]
    if min(height, width) < window:
        raise ValueError(
            f"images of {height}×{width} px are smaller than {name}'s window of {window} px: "
            f"use larger images or leave {name} out"
        )
