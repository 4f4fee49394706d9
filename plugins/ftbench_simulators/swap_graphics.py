"""A face swap by graphics alone: no network, nothing to fit, sharp at any size."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ftbench_faces.graphics import swapped
from ftbench_faces.similarity import in_pixels


class SwapGraphics:
    """``(image (b,3,s,s), donor and landmarks of both) -> the image with the donor's face, (b,3,s,s)``, in 8 bits.

    Args:
        size: side of the images, pixels; not used.
        reach: factor on the oval of the face that is taken over.
    """

    def __init__(self, *, size: int, reach: float) -> None:
        self.size, self.reach = size, reach

    def __call__(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Give each image its donor's face."""
        size, donor = image.shape[-1], inputs["donor"]
        own, theirs = in_pixels(inputs["landmarks"], size), in_pixels(inputs["donor_landmarks"], size)
        return swapped(image, own, donor, theirs, self.reach)
