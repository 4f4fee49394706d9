"""Copying a mark: who has one marked image, before and after, gives it to a picture of his own."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


class Copy:
    """``(image, {"cover": (b,3,h,w), "averaged": (b,3,h,w)}) -> the unmarked cover with a copied mark``, in [0, 1].

    Nothing of the marked image that is handed over is used: what is read from the outcome was never written there, and
    the harness counts it as forged. The residual is known exactly, not estimated from the marked image as Kutter et
    al. (2000) do: the strongest attacker of this kind.

    Args:
        size: side of the images, pixels; not used.
        strength: how often the residual is laid on.
        pairs: of how many images the residual is the mean; read by the harness.
        flat: whether the attacker chose the covers, one flat colour each; read by the harness.
    """

    def __init__(self, *, size: int, strength: float = 1.0, pairs: int = 1, flat: bool = False) -> None:
        self.size, self.strength, self.pairs, self.flat = size, strength, pairs, flat

    def __call__(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Lay the residual on the cover."""
        return (inputs["cover"] + self.strength * inputs["averaged"]).clamp(0, 1)
