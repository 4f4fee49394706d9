"""From the sRGB of picture files to colour spaces that follow the eye: white is D65, the observer CIE 1931's of 2°.

Images are (b, 3, h, w), and so is what comes of them, in the same dtype and with a gradient throughout.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
"""Chromaticities x, y of red, green and blue: IEC 61966-2-1."""
WHITE = (0.31271, 0.32902)
DARK = 0.04045
"""sRGB is a straight line up to here."""
EDGE = 6 / 29
"""CIELAB's cube root is a straight line up to the cube of this."""
FROM_WHITE_SHARES = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
"""X, Y and Z as shares of white's -> lightness, red against green, yellow against blue."""


def linear(image: Tensor) -> Tensor:
    """sRGB in [0, 1] -> light in [0, 1], proportional to energy."""
    # Sums of clamped pieces: where() takes several times as long on a processor, and here neither piece has a gradient
    # that is no number.
    bright = image.clamp_min(DARK).add(0.055).div(1.055).pow(2.4)
    return bright + image.clamp_max(DARK).sub(DARK).div(12.92)


def shares(light: Tensor) -> Tensor:
    """Light -> CIE X, Y and Z as shares of those of white."""
    return _mixed(light, "shares")


def lab(share: Tensor) -> Tensor:
    """Shares of white's X, Y, Z -> CIELAB: lightness 0 to 100, a* and b*."""
    root = share.clamp_min(EDGE**3).pow(1 / 3) + share.clamp_max(EDGE**3).sub(EDGE**3).div(3 * EDGE**2)
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def opponent(light: Tensor) -> Tensor:
    """Light -> YCxCz (b,3,h,w): as CIELAB without its roots, so that filters work on light. Black is 0, 0, 0."""
    return _mixed(light, "opponent")


def light_of(opponents: Tensor) -> Tensor:
    """What ``opponent`` was given."""
    return _mixed(opponents, "light")


def _mixed(image: Tensor, how: str) -> Tensor:
    matrix = _matrix(how, image.dtype, image.device)
    return (matrix @ image.flatten(2)).view(image.shape)


@functools.cache
def _matrix(how: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in (*PRIMARIES, WHITE)]).T
    # Red, green and blue at full together are white, which has a luminance of 1.
    white = columns[:, 3:]
    to_shares = columns[:, :3] * np.linalg.solve(columns[:, :3], white).T / white
    to_opponent = FROM_WHITE_SHARES @ to_shares
    found = {"shares": to_shares, "opponent": to_opponent, "light": np.linalg.inv(to_opponent)}
    return torch.from_numpy(found[how]).to(device, dtype)
