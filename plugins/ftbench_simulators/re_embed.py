"""Overwriting: whoever has an encoder marks a marked image again."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


class ReEmbed:
    """``(image (b,3,h,w), {"remarked": (b,3,h,w)}) -> the image with a second mark over its first``, in [0, 1].

    The harness makes the second mark: with the pair under test or the one that ``by`` names, at the same target PSNR
    where there is one, and with a payload of its own for each image, so that losing the first one shows as a bit
    accuracy of one half. That is all there is to it; as a simulator, it can be trained against and tested with like
    any deepfake.

    Args:
        size: side of the images, pixels; not used.
        by: encoder whose pair marks once more; None: the pair under test. Read by the harness.
    """

    def __init__(self, *, size: int, by: str | None = None) -> None:
        self.size, self.by = size, by

    def __call__(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Give the second mark's image."""
        return inputs["remarked"].clamp(0, 1)
