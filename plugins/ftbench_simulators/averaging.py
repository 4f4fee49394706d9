"""Averaging: what many marked images have in common, but for their covers, is the mark."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


class Averaging:
    """``(image (b,3,h,w), {"averaged": (b,3,h,w)}) -> the image without the mean mark``, in [0, 1].

    The harness averages marked − cover over images that carry the payload of the attacked one, as somebody can who
    has an owner's pictures before and after marking. A mark that hangs on its cover averages out; one that does not is
    found, and taken off. Twice taken off, what is left of it may be read as its complement.

    Args:
        size: side of the images, pixels; not used.
        strength: how often the mean is taken off.
        pairs: how many images; read by the harness.
        flat: whether the attacker chose the covers, one flat colour each; read by the harness.
    """

    def __init__(self, *, size: int, strength: float, pairs: int | None = None, flat: bool = False) -> None:
        self.size, self.strength, self.pairs, self.flat = size, strength, pairs, flat

    def __call__(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Take the mean off."""
        return (image - self.strength * inputs["averaged"]).clamp(0, 1)
