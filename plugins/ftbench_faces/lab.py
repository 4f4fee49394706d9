"""sRGB and CIE Lab (D65), as kornia.color has them, in fewer passes over the pixels.

Powers are ``exp2(exponent · log2)``, and the straight pieces of the curves are added where the powers are held at the
joint: both take half of what ``pow`` and ``where`` take, and so does work in place. Lightness is left without its
constant −16, both ways.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
XYZ_TO_RGB = (
    (3.2404813432005266, -1.5371515162713185, -0.4985363261688878),
    (-0.9692549499965682, 1.8759900014898907, 0.0415559265582928),
    (0.0556466391351772, -0.2040413383665112, 1.0573110696453443),
)
WHITE = (0.95047, 1.0, 1.08883)
ROOTS_TO_LAB = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
DARK, DARK_LINEAR, DARK_SLOPE = 0.04045, 0.0031308, 12.92
"""Where sRGB's curve begins to bend, in sRGB and in linear light, and how steep it is below."""
JOINT, JOINT_ROOT, JOINT_SLOPE = 0.008856, 6 / 29, 7.787
"""The same of Lab's cube root."""


def of(image: Tensor) -> Tensor:
    """SRGB (b,3,n) in [0,1], float32 -> L + 16, a and b (b,3,n)."""
    to_xyz, to_lab, _, _ = _matrices(image.device)
    return to_lab @ _root(to_xyz @ _linear(image))


def back(image: Tensor, stretch: Tensor, shift: Tensor) -> Tensor:
    """L + 16, a and b (b,3,n), times ``stretch`` and plus ``shift`` (b,3,1) -> sRGB (b,3,n) in [0,1]."""
    _, _, to_roots, to_rgb = _matrices(image.device)
    roots = torch.baddbmm(to_roots @ shift, to_roots * stretch.transpose(1, 2), image)
    # kornia holds the last one, and it alone, at 0 or more.
    roots[:, 2].clamp_min_(0)
    below = (roots - JOINT_ROOT).clamp_max_(0)
    # A cube less its distance to the tangent at the joint, of which kornia's straight piece is one to five digits.
    light = roots.pow(3).sub_(below.square_().mul_(roots + 2 * JOINT_ROOT))
    return _curved(to_rgb @ light).clamp_(0, 1)


def _linear(image: Tensor) -> Tensor:
    bent = _power_(image.clamp_min(DARK).add_(0.055).div_(1.055), 2.4)
    return bent.add_((image - DARK).clamp_max_(0), alpha=1 / DARK_SLOPE)


def _curved(light: Tensor) -> Tensor:
    bent = _power_(light.clamp(DARK_LINEAR, 1), 1 / 2.4).mul_(1.055).sub_(0.055)
    return bent.add_((light - DARK_LINEAR).clamp_max_(0), alpha=DARK_SLOPE)


def _root(light: Tensor) -> Tensor:
    bent = _power_(light.clamp_min(JOINT), 1 / 3)
    return bent.add_((light - JOINT).clamp_max_(0), alpha=JOINT_SLOPE)


def _power_(values: Tensor, exponent: float) -> Tensor:
    """Of positive values, in their place."""
    raised = values.log2_().mul_(exponent).exp2_()
    # What a gradient needs must not be changed by whoever takes it.
    return raised.clone() if raised.requires_grad else raised


@cache
def _matrices(device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """To the white's share of XYZ, from their roots to Lab, and back (3,3)."""
    # Kept for the whole process: a gradient may need what was first asked for without one.
    with torch.inference_mode(False):
        white = torch.tensor(WHITE, dtype=torch.float64)
        to_xyz = torch.tensor(RGB_TO_XYZ, dtype=torch.float64) / white[:, None]
        to_lab = torch.tensor(ROOTS_TO_LAB, dtype=torch.float64)
        to_rgb = torch.tensor(XYZ_TO_RGB, dtype=torch.float64) * white
        first, second, third, fourth = (one.float().to(device) for one in (to_xyz, to_lab, to_lab.inverse(), to_rgb))
    return first, second, third, fourth
