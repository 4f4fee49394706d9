"""CIEDE2000: how different colours look, of patches side by side. 1 to 2 is just visible.

Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test Data, and
Mathematical Observations", Color Research and Application 30(1), 2005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ftbench_metrics.colour import lab, linear, shares
from ftbench_metrics.window import images_at_once, in_slabs, require_same_shape

TURN = 2 * math.pi


@dataclass(frozen=True)
class Ciede2000:
    """Mean over an image's pixels, taken as sRGB under D65."""

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64, 0 for identical images.

        Raises ValueError when the shapes differ.
        """
        require_same_shape(reference, image)
        return in_slabs(_means, reference, image)


@torch.no_grad()
def _means(reference: Tensor, image: Tensor) -> Tensor:
    some = images_at_once(image)
    pairs = zip(reference.split(some), image.split(some), strict=True)
    found = [colour_difference(_lab(first), _lab(second)) for first, second in pairs]
    return torch.cat([one.mean((1, 2), dtype=torch.float64) for one in found])


def _lab(image: Tensor) -> Tensor:
    return lab(shares(linear(image.to(torch.promote_types(image.dtype, torch.float32)))))


def colour_difference(first: Tensor, second: Tensor) -> Tensor:
    """CIELAB (b,3,…) twice -> ΔE00 (b,…), all three weights 1."""
    (light, red, yellow), (light_2, red_2, yellow_2) = first.unbind(1), second.unbind(1)
    mean_chroma = (torch.hypot(red, yellow) + torch.hypot(red_2, yellow_2)) / 2
    stretched = 1.5 - 0.5 * _saturation(mean_chroma)
    chroma, hue = _polar(red * stretched, yellow)
    chroma_2, hue_2 = _polar(red_2 * stretched, yellow_2)
    product = chroma * chroma_2
    coloured = (product > 0).to(product.dtype)
    # The shorter way round; of the two of half a turn the one that subtracting gives.
    turned = (hue_2 - hue) * coloured
    turned = turned - TURN * (turned / TURN).round()
    # The hue of grey is 0, so that the sum is the other's hue.
    mean_hue = torch.where(product > 0, hue + turned / 2, hue + hue_2).remainder(TURN)
    mean_light, mean_chroma = (light + light_2) / 2 - 50, (chroma + chroma_2) / 2
    by_light = (light_2 - light) / (1 + 0.015 * mean_light.square() / (20 + mean_light.square()).sqrt())
    by_chroma = (chroma_2 - chroma) / (1 + 0.045 * mean_chroma)
    by_hue = 2 * product.sqrt() * (turned / 2).sin() / (1 + 0.015 * mean_chroma * _by_hue(mean_hue))
    turn = -2 * _saturation(mean_chroma) * (2 * _blueness(mean_hue)).sin()
    squared = by_light.square() + by_chroma.square() + by_hue.square() + turn * by_chroma * by_hue
    return squared.clamp_min(0).sqrt()


def _polar(red: Tensor, yellow: Tensor) -> tuple[Tensor, Tensor]:
    """Chroma, and hue in 0 to one turn."""
    return torch.hypot(red, yellow), torch.atan2(yellow, red).remainder(TURN)


def _saturation(chroma: Tensor) -> Tensor:
    power = chroma.pow(7)
    return (power / (power + 25.0**7)).sqrt()


def _by_hue(hue: Tensor) -> Tensor:
    return (
        1
        - 0.17 * (hue - math.radians(30)).cos()
        + 0.24 * (2 * hue).cos()
        + 0.32 * (3 * hue + math.radians(6)).cos()
        - 0.20 * (4 * hue - math.radians(63)).cos()
    )


def _blueness(hue: Tensor) -> Tensor:
    return math.radians(30) * (-((hue - math.radians(275)) / math.radians(25)).square()).exp()
