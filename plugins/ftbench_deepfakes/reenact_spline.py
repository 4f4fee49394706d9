"""Reenactment by a short code of pose and expression, and spline grids that it bends."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ftbench_deepfakes.reenact_blocks import block, channels
from ftbench_deepfakes.reenact_fit import Reenactment
from ftbench_deepfakes.reenact_motion import spline_field

GRIDS = (6, 10)
"""Knots a side of the two splines."""
LARGEST = (0.6, 0.2)
"""Shift of a knot, in half sides, that each of them may come near."""
CELLS = 4
"""Side of the last feature map."""


class ReenactSpline(Reenactment):
    """``(image (b,3,s,s), {"donor": (b,3,s,s)}) -> the image's face in the donor's pose, (b,3,s,s)``.

    One network tells each picture in a short code of its pose and expression and in features of its shape. A second
    one bends two grids of cubic B-splines, a coarse and a fine one, from the image's features and either code; the
    displacement is the difference of the two bends. The driver is known by its code alone, too short for its shape.

    Args:
        size: side of the image in pixels, a multiple of 16, at least 32.
        width: factor on the channels of every convolution.
        code: numbers that tell a driver.
        strength: factor on the motion, which is found too small; 0 leaves the pose as it is.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        code: int = 24,
        strength: float = 1.75,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        super().__init__(size=size, width=width, strength=strength)
        self.code = code
        one, two, three = (channels(count, width) for count in (32, 64, 128))
        self.pictures = nn.Sequential(
            block(3, one, 2),
            block(one, two),
            block(two, three, 2),
            block(three, three),
            block(three, three),
            nn.AdaptiveAvgPool2d(CELLS),
            nn.Flatten(),
            nn.Linear(three * CELLS**2, code + three),
        )
        self.hidden = nn.Sequential(nn.Linear(code + three, 2 * three), nn.LeakyReLU(0.1))
        self.knots = nn.Linear(2 * three, sum(2 * grid**2 for grid in GRIDS), bias=False)
        with torch.no_grad():
            self.knots.weight.mul_(0.3)

    def describe(self, seen: Tensor) -> Tensor:
        """The code of pose and expression, then the features of the shape."""
        told: Tensor = self.pictures(2 * seen - 1)
        return told.float()

    def displacement(self, image: Tensor, driver: Tensor) -> Tensor:
        """Bend as the driver's code says, less what the image's own says."""
        shape = image[:, self.code :]
        bends = [self.knots(self.hidden(torch.cat([code[:, : self.code], shape], 1))) for code in (driver, image)]
        parts = (bends[0] - bends[1]).float().split([2 * grid**2 for grid in GRIDS], dim=1)
        field = torch.zeros((), device=image.device)
        for part, grid, largest in zip(parts, GRIDS, LARGEST, strict=True):
            field = field + spline_field(largest * (part / largest).tanh().unflatten(1, (grid, grid, 2)), self.size)
        return field
