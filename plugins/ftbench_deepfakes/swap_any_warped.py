"""The black-box twin of ``swap-any``: the donor's own pixels, moved into place and mended by residual blocks."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_deepfakes.swap_fit import AnySwap
from ftbench_deepfakes.swap_region import FaceRegion

CHANNELS = 64
GROUPS = 4
NAMED = 48
KNOTS = 6
"""Knots a side of the grid that moves the donor's pixels."""
MOST_SHIFT = 0.3
"""Largest shift of a knot, in half sides of the face's square."""
MOST_CHANGE = 0.4
"""Largest change of a moved pixel, of 1."""
MARGIN = 0.4
"""Cosines by which the least like photo of one person should beat the most like one of another."""


class SwapAnyWarped(AnySwap):
    """``(image (b,3,s,s), {"identity": (b,), "donor": (b,3,s,s)}) -> the image with the donor's face, (b,3,s,s)``.

    No code and no modulation: a grid of shifts brings the donor's pixels into the image's pose, they take on the
    image's light, and residual blocks over both pictures mend the rest.

    Args:
        size: side of the image in pixels, a multiple of 16 from 32 up.
        width: factor on the channels of every convolution.
        blocks: residual blocks that mend the moved face.
        veil: soft cells a side of the face's square in which the image's own face is seen.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        blocks: int = 4,
        veil: int = 3,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        region = FaceRegion(size)
        narrow = GROUPS * max(4, round(CHANNELS * width / GROUPS))
        super().__init__(region, ResidualIdentity(region, narrow), veil=veil, own_photo=0.0)
        self.shifts = nn.Sequential(
            nn.Conv2d(6, narrow, 3, padding=1),
            *_shrinking(region.side, narrow),
            nn.AdaptiveAvgPool2d(KNOTS),
            nn.SiLU(),
            _silent(nn.Conv2d(2 * narrow, 2, 3, padding=1)),
        )
        self.opening = nn.Conv2d(6, 2 * narrow, 4, stride=2, padding=1)
        self.mending = nn.Sequential(*(Residual(2 * narrow, 2 * narrow) for _ in range(blocks)))
        self.closing = nn.Sequential(
            nn.SiLU(), nn.Conv2d(2 * narrow, 4 * narrow, 3, padding=1), nn.PixelShuffle(2), nn.SiLU()
        )
        self.change = _silent(nn.Conv2d(narrow, 3, 3, padding=1))

    def paint(self, veiled: Tensor, donor: Tensor) -> Tensor:
        """The donor's face (b,3,box,box), in [0, 1], under the light and in the place of the veiled one."""
        moved = self._moved(donor, self.shifts(2 * torch.cat([veiled, donor], dim=1) - 1))
        moved = self.region.relit(moved, veiled)
        seen = 2 * torch.cat([veiled, moved], dim=1) - 1
        change = self.change(self.closing(self.mending(self.opening(seen))))
        return (moved + MOST_CHANGE * torch.tanh(change.float())).clamp(0, 1)

    def tell_apart(self, codes: Tensor, identity: Tensor) -> Tensor:
        """Hinge between the least like photo of the same person and the most like one of another.

        Batch-hard triplets after Hermans et al., In Defense of the Triplet Loss, 2017, on cosines.
        """
        likeness = (codes @ codes.T).float()
        same = identity[:, None] == identity[None, :]
        furthest = likeness.masked_fill(~same, math.inf).amin(1)
        nearest = likeness.masked_fill(same, -1.0).amax(1)
        return functional.relu(nearest - furthest + MARGIN).mean()

    def _moved(self, donor: Tensor, knots: Tensor) -> Tensor:
        with torch.autocast(donor.device.type, enabled=False):
            shift = MOST_SHIFT * torch.tanh(knots.float())
            shift = functional.interpolate(shift, donor.shape[-2:], mode="bicubic", align_corners=True)
            along = torch.linspace(-1, 1, donor.shape[-1], device=donor.device)
            place = torch.stack(torch.meshgrid(along, along, indexing="xy"), dim=-1)
            grid = place + shift.permute(0, 2, 3, 1)
            return functional.grid_sample(donor.float(), grid, padding_mode="reflection", align_corners=True)


class ResidualIdentity(nn.Module):
    """``square (b,3,box,box) in [0,1] -> unit vectors (b,48)``, by residual blocks and a mean over places."""

    def __init__(self, region: FaceRegion, narrow: int) -> None:
        super().__init__()
        self.region = region
        self.maps = nn.Sequential(
            nn.Conv2d(1, narrow, 5, padding=2), *_shrinking(region.side, narrow), nn.AdaptiveAvgPool2d(3), nn.SiLU()
        )
        self.name = nn.Linear(9 * 2 * narrow, NAMED)

    def forward(self, box: Tensor) -> Tensor:
        """Whose face it is, as far as cosines tell."""
        return functional.normalize(self.name(self.maps(self.region.levelled(box)).flatten(1)).float(), dim=1)


class Residual(nn.Module):
    """Two normalised convolutions beside a shortcut: ``(b,before,h,w) -> (b,after,h,w)``."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.GroupNorm(GROUPS, before),
            nn.SiLU(),
            nn.Conv2d(before, after, 3, padding=1),
            nn.GroupNorm(GROUPS, after),
            nn.SiLU(),
            nn.Conv2d(after, after, 3, padding=1),
        )
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolutions change."""
        return cast(Tensor, self.shortcut(x) + self.change(x))


def _shrinking(side: int, narrow: int) -> list[nn.Module]:
    """Residual blocks between halvings, down to maps of about 6×6; twice the channels from the first on."""
    halvings = max(1, round(math.log2(side / KNOTS)))
    layers: list[nn.Module] = []
    for level in range(halvings):
        layers += [nn.AvgPool2d(2, ceil_mode=True), Residual(narrow if level == 0 else 2 * narrow, 2 * narrow)]
    return layers


def _silent(convolution: nn.Conv2d) -> nn.Conv2d:
    # The start is the donor's face as it is, relit: what is learned departs from there.
    nn.init.zeros_(convolution.weight)
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution
