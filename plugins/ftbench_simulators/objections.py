"""What planning asks: one sentence why a part cannot be used so, or None. No torch is waited for."""

from __future__ import annotations

CELL = 4
"""Pixels along the places of the smallest maps of regenerate."""


MOST_PAIRS = 4096
"""More known pictures than anybody averages over, or can hold."""


def object_to_subspace(*, pairs: int, components: int, **_: object) -> str | None:
    """Why so few pictures do not span so many components, or None."""
    if components > pairs:
        return f"{pairs} known pictures span {pairs} components at most, not {components}; give more pairs"
    return None


def object_to_remove_by_pairs(*, size: int, **_: object) -> str | None:
    """Why pictures of this size cannot be restored, or None."""
    return f"remove-by-pairs needs an even number of pixels, not {size}" if size % 2 else None


def object_to_regenerate(*, size: int, **_: object) -> str | None:
    """Why a picture of this size cannot be regenerated, or None."""
    if size % CELL or size < 4 * CELL:
        return f"regenerate needs a multiple of {CELL} px, {4 * CELL} or more, not {size}"
    return None
