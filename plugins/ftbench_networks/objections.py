"""What planning asks: one sentence why a part cannot be used so, or None. No torch is waited for."""

from __future__ import annotations

FOLD, SMALLEST = 4, 16
"""Of compact: side of the square of pixels that becomes one place with all of their colours; side of an image."""
MOST_BITS = 256
"""Of sepmark: four fully connected layers hold bits³ weights each, 67 million together at this length."""


def object_to_compact(*, size: int, side: int | None = None, **_: object) -> str | None:
    """Why this size cannot be used, or None."""
    if side is not None and side > size:
        return f"compact works at {size} px or less, the image's own side: give side {size} at most, not {side}"
    work = side or size
    if work % FOLD or work < SMALLEST:
        return f"compact folds {FOLD}×{FOLD} pixels into one: give a multiple of {FOLD} from {SMALLEST} up, not {work}"
    return None


def object_to_mbrs(*, size: int, bits: int, diffusion: int, **_: object) -> str | None:
    """Why this size or length cannot be had, or None."""
    if size % diffusion or (size // diffusion).bit_count() != 1:
        return (
            f"mbrs doubles a {diffusion}×{diffusion} map of the code until it fills the image, so the size must be "
            f"diffusion times a power of two; {size} is not {diffusion} times one"
        )
    if bits > diffusion**2:
        return (
            f"a code of {bits} bits does not fit into a {diffusion}×{diffusion} map; "
            f"give at most {diffusion**2} bits or a larger diffusion"
        )
    return None


def object_to_sepmark(*, size: int, bits: int, **_: object) -> str | None:
    """Why this size or length cannot be had, or None."""
    if size % 16 or size < 32:
        return f"four halvings and a normalisation over the smallest map need a multiple of 16 px from 32, not {size}"
    if bits > MOST_BITS:
        return f"a code of {bits} bits needs layers of {bits}³ weights; give at most {MOST_BITS} bits"
    return None
