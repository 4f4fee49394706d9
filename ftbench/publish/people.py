"""Whom the test images show, and whether any training saw them."""

from __future__ import annotations

from ftbench.data.images import Data


def people_tested(data: Data) -> dict[str, int]:
    """How many people the test images show, and how many of them no other image shows (``held_out``)."""
    shown = {item.identity for item in data.items if data.place(item) == "test"}
    elsewhere = {item.identity for item in data.items if data.place(item) != "test"}
    return {"shown": len(shown), "held_out": len(shown - elsewhere)}
