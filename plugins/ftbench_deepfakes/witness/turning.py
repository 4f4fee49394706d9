"""Real photos of faces turned by known angles: each pixel is taken for a point of an ellipsoid, which is rotated."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CENTRE = (0.5, 0.5)
"""(x, y) of the middle of an aligned head whose eyes are at 42 % of the height, as shares of the side."""
RADII = (0.29, 0.40)
"""Half width and half height of the head, as shares of the side; in units of them it turns as a sphere does."""
FADE = 0.25
"""Share of the head's radius beyond its outline over which what is behind it is dragged along."""
LANDMARKS = ((-0.13, -0.08), (0.13, -0.08), (0.0, 0.06), (-0.10, 0.19), (0.10, 0.19))
"""Eyes, tip of the nose and corners of the mouth, (x, y) from the centre: what faces are aligned by."""


def turned(photos: Tensor, angles: Tensor) -> Tensor:
    """Turn the head in each photo and align it again as the photos were: by five points, in the plane.

    After that, place, size and tilt in the plane say nothing of the angles, only what a turn does to the face itself.
    A head is taken for an ellipsoid, so what a turn uncovers is stretched out of what was seen.

    Args:
        photos: (b, 3, s, s) of any range.
        angles: (b, 2), yaw and pitch in radians: positive moves the nose to the picture's right, and down.

    Returns:
        (b, 3, s, s); what lies outside the photo is reflected.
    """
    count, _, size, _ = photos.shape
    along = (torch.arange(size, device=photos.device) + 0.5) / size - 0.5
    y, x = torch.meshgrid(along, along, indexing="ij")
    at = torch.complex(x, y).expand(count, -1, -1)
    offset = complex(CENTRE[0] - 0.5, CENTRE[1] - 0.5)
    grow, shift = _alignment(angles)
    at = grow[:, None, None] * (at - offset) + shift[:, None, None]
    source = _before(at, angles) + offset
    grid = 2 * torch.stack([source.real, source.imag], dim=-1)
    return functional.grid_sample(photos, grid, padding_mode="reflection", align_corners=False)


def _before(at: Tensor, angles: Tensor) -> Tensor:
    """Where what is seen at (b,h,w), complex places from the centre, was before the turn by (b,2)."""
    x, y = at.real / RADII[0], at.imag / RADII[1]
    radius = (x.square() + y.square()).sqrt()
    depth = (1 - radius.square()).clamp(min=0).sqrt()
    yaw, pitch = angles[:, 0, None, None], angles[:, 1, None, None]
    behind, down = depth * pitch.cos() + y * pitch.sin(), y * pitch.cos() - depth * pitch.sin()
    across = x * yaw.cos() - behind * yaw.sin()
    # Beyond the outline the motion dies away, or the background would tear.
    fading = (1 - (radius - 1) / FADE).clamp(0, 1)
    return torch.complex(RADII[0] * (x + fading * (across - x)), RADII[1] * (y + fading * (down - y)))


def _alignment(angles: Tensor) -> tuple[Tensor, Tensor]:
    """The similarity, least squares, that takes the usual five points to where a turn puts them: factor and shift."""
    points = torch.tensor([complex(*point) for point in LANDMARKS], device=angles.device)
    x, y = points.real / RADII[0], points.imag / RADII[1]
    depth = (1 - x.square() - y.square()).sqrt()
    yaw, pitch = angles[:, :1], angles[:, 1:]
    # The other way round than _before: first the yaw, then the pitch.
    across, behind = x * yaw.cos() + depth * yaw.sin(), depth * yaw.cos() - x * yaw.sin()
    down = y * pitch.cos() + behind * pitch.sin()
    after = torch.complex(RADII[0] * across, RADII[1] * down)
    usual = points - points.mean()
    middle = after.mean(dim=1)
    factor = ((after - middle[:, None]) * usual.conj()).sum(dim=1) / usual.abs().square().sum()
    return factor, middle - factor * points.mean()
