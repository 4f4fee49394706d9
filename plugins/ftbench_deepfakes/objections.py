"""What planning asks: one sentence why a part cannot be used so, or None. No torch is waited for."""

from __future__ import annotations

EDIT_CELL = 8
"""Pixels along a place of the smallest maps of edit-attribute."""
REPAINT_CELL = 4
"""Pixels along a cell of the latents of both resyntheses."""


def object_to_edit(*, size: int, **_: object) -> str | None:
    """Why a picture of this size cannot be edited, or None."""
    if size % EDIT_CELL or size < 2 * EDIT_CELL:
        return f"edit-attribute needs a multiple of {EDIT_CELL} px, {2 * EDIT_CELL} or more, not {size}"
    return None


def object_to_grid(*, size: int, cells: int, **_: object) -> str | None:
    """Why a picture of this size cannot be edited, or None."""
    if size < 4 * cells:
        return f"edit-attribute-2 needs {4 * cells} px or more for {cells} cells, not {size}"
    return None


def object_to_reenact(*, size: int, **_: object) -> str | None:
    """Why this size cannot be reenacted, or None."""
    if size % 16 or size < 32:
        return f"reenactment needs a multiple of 16 px, 32 or more, not {size}"
    return None


def object_to_resynthesise(*, size: int, **_: object) -> str | None:
    """Why this size cannot be repainted, or None."""
    if size % REPAINT_CELL or size < 4 * REPAINT_CELL:
        return f"resynthesise needs a multiple of {REPAINT_CELL} px, {4 * REPAINT_CELL} or more, not {size}"
    return None


def object_to_quantised(*, size: int, **_: object) -> str | None:
    """Why this size cannot be repainted, or None."""
    if size % REPAINT_CELL or size < 4 * REPAINT_CELL:
        return f"resynthesise-2 needs a multiple of {REPAINT_CELL} px, {4 * REPAINT_CELL} or more, not {size}"
    return None


def object_to_swap_any(*, size: int, **_: object) -> str | None:
    """Why this size cannot be swapped, or None."""
    if size >= 32 and size % 16 == 0:
        return None
    return f"the face of a picture is swapped at multiples of 16 px from 32 up, and {size} is none"
