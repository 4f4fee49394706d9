"""What planning asks: one sentence why a part cannot be used so, or None. No torch is waited for."""

from __future__ import annotations

WINDOW = 11
"""Side of SSIM's, in pixels."""


def object_to_ssim(*, size: int, **_: object) -> str | None:
    """Why images of this size have no SSIM, or None."""
    return None if size >= WINDOW else f"ssim's window is {WINDOW} px and the images have {size}; leave ssim out"
