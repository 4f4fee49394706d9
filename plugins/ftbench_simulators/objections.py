"""What planning asks: one sentence why a part cannot be used so, or None. No torch is waited for."""

from __future__ import annotations

CELL = 4
"""Pixels along the places of the smallest maps of regenerate."""


def object_to_regenerate(*, size: int, **_: object) -> str | None:
    """Why a picture of this size cannot be regenerated, or None."""
    if size % CELL or size < 4 * CELL:
        return f"regenerate needs a multiple of {CELL} px, {4 * CELL} or more, not {size}"
    return None
