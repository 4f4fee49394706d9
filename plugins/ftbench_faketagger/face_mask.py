"""Where a pasted face lies, and how it takes on the colours of the picture that it is pasted into."""

from __future__ import annotations

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor

CENTRE = (0.5, 0.51)
"""(x, y) of the middle of an aligned face whose eyes are at 42 % of the height, as shares of the side."""
SLENDER = 0.9
"""Width of the face over its height."""
LEAST_DEVIATION = 1.0
"""Lab units below which a face counts as flat: its noise is not blown up to another's contrast."""


def soft_ellipse(size: int, *, extent: float, feather: float) -> Tensor:
    """The mask of a face in an aligned picture: (1, 1, ``size``, ``size``), 1 inside, exactly 0 outside.

    Args:
        size: side of the picture in pixels.
        extent: height of the ellipse, as a share of the side.
        feather: share of the ellipse's radius over which the mask falls from 1 to 0; 0 is a sharp border.
    """
    centres = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    x = (centres - CENTRE[0]) / (extent * SLENDER / 2)
    y = (centres - CENTRE[1]) / (extent / 2)
    radius = (x[None, :] ** 2 + y[:, None] ** 2).sqrt()
    inside = ((1 - radius) / max(feather, 1e-6)).clamp(0, 1)
    return (inside**2 * (3 - 2 * inside))[None, None]


def match_colours(face: Tensor, picture: Tensor, mask: Tensor, strength: float) -> Tensor:
    """Give ``face`` the mean and deviation of ``picture``, a channel of CIE Lab at a time, both taken under ``mask``.

    Differentiable in face and picture. Reinhard et al., Color transfer between images, 2001, as face-swapping
    tools use it.

    Args:
        face: (b, 3, h, w), RGB in [0, 1].
        picture: the same shape and range.
        mask: (1, 1, h, w) in [0, 1], the weight of each pixel, not 0 everywhere.
        strength: 0 leaves the face as it is, 1 matches in full.

    Returns:
        (b, 3, h, w) in [0, 1]; colours that RGB cannot hold are clipped.
    """
    if strength == 0:
        return face
    # Eight bits of mantissa, autocast's, would show as bands.
    with torch.autocast(face.device.type, enabled=False):
        before = rgb_to_lab(face.float())
        mean, deviation = _statistics(before, mask)
        target_mean, target_deviation = _statistics(rgb_to_lab(picture.float()), mask)
        matched = (before - mean) * (target_deviation / deviation.clamp(min=LEAST_DEVIATION)) + target_mean
        after: Tensor = lab_to_rgb(torch.lerp(before, matched, strength))
    return after


def _statistics(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    weight = mask / mask.sum()
    mean = (weight * image).sum(dim=(2, 3), keepdim=True)
    variance = (weight * (image - mean) ** 2).sum(dim=(2, 3), keepdim=True)
    # The root of a variance of 0 would have an infinite slope.
    return mean, variance.clamp(min=1e-6).sqrt()
