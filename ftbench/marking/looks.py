"""What a picture looks like, in 64 bits: to tell the picture that was marked from another with the same mark."""

from __future__ import annotations

import imagehash
from PIL import Image

from ftbench.marking.pictures import Pixels

BITS = 64
OTHER = 12
"""Bits apart from which on two pictures are two. Measured: JPEG 50, a copy of 100×80 pixels and one a third brighter
are 8 bits away at most (144 pictures); of 276 pairs of photographs none is nearer than 20, of 7,140 pairs of aligned
faces one in a hundred nearer than 12."""


def looks_of(pixels: Pixels) -> str:
    """16 hexadecimal digits of pixels (h,w,3) uint8: the signs of the coarsest 8×8 cosines of its brightness."""
    return str(imagehash.phash(Image.fromarray(pixels)))


def apart(one: str, other: str) -> int | None:
    """Bits in which two of them differ, 0 to 64; None where one is none."""
    try:
        return (int(one, 16) ^ int(other, 16)).bit_count() if len(one) == len(other) == BITS // 4 else None
    except ValueError:
        return None
