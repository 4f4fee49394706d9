"""What planning asks: one sentence why a part cannot be used so, or None. No torch is waited for."""

from __future__ import annotations

import importlib.util

WINDOW = 11
"""Side of SSIM's, in pixels."""
UNIFORM = 7
"""Side of the window of scikit-image's default settings."""
SCALES = 5
DISPLAY = 67.0206
"""Pixels a degree at 0.7 m from a display 0.7 m and 3840 px wide: what NVIDIA's own package for FLIP assumes."""
SMALLEST_FOR_LPIPS = 32
MISSING = "lpips needs the lpips package, which is not installed; pip install 'ftbench[lpips]'"


def object_to_ssim(*, size: int, **_: object) -> str | None:
    """Why images of this size have no SSIM, or None."""
    return None if size >= WINDOW else f"ssim's window is {WINDOW} px and the images have {size}; leave ssim out"


def object_to_ms_ssim(*, size: int, **_: object) -> str | None:
    """Why images of this size have no multi-scale SSIM, or None."""
    return None if size >= WINDOW else f"ms-ssim's window is {WINDOW} px and the images have {size}; leave ms-ssim out"


def object_to_uniform_ssim(*, size: int, **_: object) -> str | None:
    """Why images of this size have no SSIM by a uniform window, or None."""
    if size >= UNIFORM:
        return None
    return f"ssim-uniform's window is {UNIFORM} px and the images have {size}; leave ssim-uniform out"


def object_to_lpips(*, size: int, **_: object) -> str | None:
    """Why LPIPS cannot be taken of images of this size, or None. A file that is not there has a sentence already."""
    if not importlib.util.find_spec("lpips"):
        return MISSING
    if size < SMALLEST_FOR_LPIPS:
        return f"lpips takes images of {SMALLEST_FOR_LPIPS} px and up and these have {size}; leave lpips out"
    return None


def scales_of(side: int) -> int:
    """Scales of multi-scale SSIM that an image of this side has room for, at most five."""
    scales = 1
    while scales < SCALES and (side := -(-side // 2)) >= WINDOW:
        scales += 1
    return scales
