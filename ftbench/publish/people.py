"""Whom the test images show, and whether any training saw them."""

from __future__ import annotations

from ftbench.contract.protocols import Split
from ftbench.data.images import Data


def people_tested(data: Data, split: Split) -> dict[str, int]:
    """How many people the images of a split show, and how many of them no other image shows (``held_out``).

    Of val none is held out: it chooses which weights are kept.
    """
    shown = {item.identity for item in data.items if data.place(item) == split}
    elsewhere = {item.identity for item in data.items if data.place(item) != split}
    return {"shown": len(shown), "held_out": len(shown - elsewhere) if split == "test" else 0}
