"""The few directions in which all residuals lie, whatever the payload, are taken out of a picture."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

FAINTEST = 1e-5
"""Of the largest singular value: fainter components are rounding."""


class Subspace(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> the image without what lies along the components``, in [0, 1].

    The components are the leading right singular vectors of the known residuals marked − cover: the directions that
    hold most of their squares, their mean among them. An image keeps along them what the mean known cover has, so a
    mark that lies along them is gone, and so is whatever of the picture does: what that costs shows in its PSNR.

    Args:
        size: side of the images, pixels.
        components: how many are taken off; fewer where the residuals span fewer.
        pairs: how many pictures are known; read by the harness.
        flat: whether the attacker chose the covers, one flat colour each; read by the harness.
    """

    components: Tensor
    """(components, 3·s·s), rows of length 1, or 0 where there is none."""
    middle: Tensor
    """(3·s·s,): the mean known cover."""

    def __init__(self, *, size: int, components: int = 16, pairs: int = 256, flat: bool = False) -> None:
        super().__init__()
        self.size, self.pairs, self.flat = size, pairs, flat
        self.register_buffer("components", torch.zeros(components, 3 * size * size))
        self.register_buffer("middle", torch.zeros(3 * size * size))

    @torch.no_grad()
    def study(self, *, marked: Tensor, covers: Tensor, generator: torch.Generator) -> None:
        """Find the components of marked images and their covers, both (m,3,s,s)."""
        residuals = (marked - covers).flatten(1).float()
        if not residuals.isfinite().all():
            # A training that diverges says so itself.
            return
        _, strengths, directions = torch.linalg.svd(residuals, full_matrices=False)
        there = strengths > FAINTEST * strengths.max().clamp_min(1e-12)
        found = directions[there][: len(self.components)]
        self.components.zero_()
        self.components[: len(found)] = found
        self.middle.copy_(covers.flatten(1).mean(0))

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Take off what lies along the components."""
        along = (image.flatten(1).float() - self.middle) @ self.components.T
        return (image - (along @ self.components).view_as(image)).clamp(0, 1)
