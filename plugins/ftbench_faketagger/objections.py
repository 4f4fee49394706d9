"""What planning asks: one sentence why a part cannot be used so, or None. No torch is waited for."""

from __future__ import annotations

STEP = 16
"""The swap network takes multiples of it."""


def object_to_conv7(*, size: int, **_: object) -> str | None:
    """Why this size cannot be read, or None."""
    return None if size >= 8 else f"three poolings need at least 8 px, not {size}"


def object_to_faceswap(*, size: int, **_: object) -> str | None:
    """Why this size cannot be swapped, or None."""
    return None if size % 16 == 0 else f"faceswap halves the image four times: {size} is not a multiple of 16"


def object_to_residual(*, size: int, **_: object) -> str | None:
    """Why this size cannot be swapped, or None."""
    return None if size % 16 == 0 else f"faceswap-residual halves the image four times: {size} is not a multiple of 16"


def object_to_pasted(*, size: int, face_size: int, **_: object) -> str | None:
    """Why a face cannot be swapped and pasted at this size, or None."""
    if size % STEP or size < 2 * STEP:
        return f"faceswap-pasted needs a multiple of 16 px, 32 or more, not {size}"
    if face_size % STEP or face_size < STEP:
        return f"face_size must be a multiple of 16 px, not {face_size}"
    return None
