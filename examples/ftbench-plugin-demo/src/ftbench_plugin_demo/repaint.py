"""``region-repaint``: a region of the face cut out and painted anew by a network that never sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ftbench_plugin_demo.inpaint import Inpainter
from ftbench_plugin_demo.mask import hole_and_mask
from ftbench_plugin_demo.regions import BOXES, Region

EDGES = 0.5
"""Weight of the error of neighbouring pixels' differences, beside that of the pixels."""
SURROUNDINGS = 0.2
"""Weight of the error in the feather, where the paint must meet the picture."""
LARGEST = 0.4
"""Half of a box's side, as a share of the picture's; beyond it too little is left to paint from."""
SMALLEST = 16
"""Pixels a side; below it a region is a handful of pixels."""


class RegionRepaint(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> fake (b,3,s,s) in [0,1]``, with the region painted anew.

    No pixel of the fake hangs on a pixel of the region; outside region and feather it is the image, bit for bit.

    Args:
        size: side of the image in pixels, 16 or more.
        region: which part of the face, see ``regions.BOXES``.
        box: another place for it: x and y of the middle, half width, half height, as shares of the side.
        feather: width of the seam around the region, as a share of the region's radius.
        width: factor on the channels of the network.
        jitter: largest shift of the region in training, as a share of the side; its size varies by twice that share.
    """

    def __init__(
        self,
        *,
        size: int,
        region: Region = "mouth",
        box: Sequence[float] | None = None,
        feather: float = 0.25,
        width: float = 1.0,
        jitter: float = 0.04,
    ) -> None:
        super().__init__()
        self.feather, self.jitter = feather, jitter
        self.network = Inpainter(size, width)
        self.box: Tensor
        self.hole: Tensor
        self.mask: Tensor
        self.register_buffer("box", torch.tensor([tuple(box or BOXES[region])]), persistent=False)
        hole, mask = hole_and_mask(size, self.box, feather)
        self.register_buffer("hole", hole, persistent=False)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Cut the region out, paint it, paste it."""
        paint: Tensor = self.network(image, self.hole.expand(len(image), -1, -1, -1))
        # Not image + mask · (paint − image): its rounding would let the hidden pixels through.
        return (1 - self.mask) * image + self.mask * paint.clamp(0, 1)

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Mean absolute error of the paint, and of its edges, in holes that lie about where the region does."""
        holes, masks = hole_and_mask(image.shape[-1], self._jittered(len(image), generator), self.feather)
        error = self.network(image, holes) - image
        weight = holes + SURROUNDINGS * (masks - holes)
        edges = sum(
            (error.diff(dim=axis).abs() * weight.narrow(axis, 1, weight.shape[axis] - 1)).sum() for axis in (2, 3)
        )
        loss: Tensor = ((error.abs() * weight).sum() + EDGES * edges) / (3 * weight.sum())
        return loss

    def _jittered(self, count: int, generator: torch.Generator) -> Tensor:
        draw = self.jitter * (2 * torch.rand(count, 4, generator=generator) - 1)
        draw = draw.to(self.box.device)
        return torch.cat([self.box[:, :2] + draw[:, :2], self.box[:, 2:] * (1 + 2 * draw[:, 2:])], 1)


def object_to_repaint(*, size: int, box: Sequence[float] | None = None, **_: object) -> str | None:
    """Why no region can be repainted so, or None."""
    if size < SMALLEST:
        return f"region-repaint needs pictures of {SMALLEST} px or more, not {size}"
    if box is not None:
        x, y, *halves = box
        if not (0 < x < 1 and 0 < y < 1 and min(halves) * size >= 1 and max(halves) <= LARGEST):
            return (
                f"box {list(box)} must have its middle in the picture, and half its width and height between 1 px "
                f"of {size} and {LARGEST:.0%}"
            )
    return None
