"""Identity swap of any two people: an identity code modulates the painter, cell by cell."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_deepfakes.swap_fit import TEMPERATURE, AnySwap
from ftbench_deepfakes.swap_region import FaceRegion

CHANNELS = (64, 128, 256)
GROUPS = 8
CELLS = 6
"""Cells a side of the face that have a modulation of their own; the smallest maps have about as many."""
NAMED = 64
"""Length of the vectors by which people are told apart."""


class SwapAny(AnySwap):
    """``(image (b,3,s,s), {"identity": (b,), "donor": (b,3,s,s)}) -> the image with the donor's face, (b,3,s,s)``.

    After SimSwap (Chen et al., ACM MM 2020): an encoder of the image, blocks that a code of the donor modulates
    (AdaIN), a decoder. It departs in these: the identity network is learned beside it, where SimSwap takes a frozen
    ArcFace; the encoder sees the image's face in soft cells only, and its maps reach the decoder at every scale; the
    modulation has values for 6×6 cells of the aligned face; the fake is blended into the image under a fixed soft
    ellipse; no critic.

    Args:
        size: side of the image in pixels, a multiple of 16 from 32 up.
        width: factor on the channels of every convolution.
        code: length of the donor's code.
        blocks: modulated residual blocks at the smallest maps.
        veil: soft cells a side of the face's square in which the image's own face is seen.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        code: int = 192,
        blocks: int = 3,
        veil: int = 3,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        region = FaceRegion(size)
        widths = _widths(region.side, width)
        super().__init__(region, IdentityNetwork(region, widths, code), veil=veil, own_photo=0.5)
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(_halving(before, after) for before, after in pairs)
        most = widths[-1]
        self.spread = nn.Sequential(nn.Linear(code, most * CELLS**2), nn.SiLU(), nn.Unflatten(1, (most, CELLS, CELLS)))
        self.middle = nn.ModuleList(Modulated(most, most, most) for _ in range(blocks))
        self.up = nn.ModuleList(Modulated(after, before, most) for before, after in reversed(pairs))
        self.last = Modulated(widths[0], 3, most)

    def paint(self, veiled: Tensor, donor: Tensor) -> Tensor:
        """The donor's face (b,3,box,box), in [0, 1], under the light and in the place of the veiled one."""
        plan = self.spread(cast(IdentityNetwork, self.identity).code(donor))
        maps = [self.stem(2 * veiled - 1)]
        for halve in self.down:
            maps.append(halve(maps[-1]))
        x = maps.pop()
        for block in self.middle:
            x = block(x, plan)
        for stage, skipped in zip(self.up, reversed(maps), strict=True):
            x = functional.interpolate(x, skipped.shape[-2:], mode="nearest")
            x = stage(x, plan) + skipped
        return torch.sigmoid(self.last(x, plan).float())

    def tell_apart(self, codes: Tensor, identity: Tensor) -> Tensor:
        """Cross-entropy of finding the other photos of a person in the batch (Khosla et al., NeurIPS 2020)."""
        likeness = (codes @ codes.T).float() / TEMPERATURE
        itself = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
        same = (identity[:, None] == identity[None, :]) & ~itself
        log_chance = likeness.masked_fill(itself, -math.inf).log_softmax(1).masked_fill(itself, 0)
        found = same.sum(1)
        return -(log_chance * same).sum(1)[found > 0].div(found[found > 0]).sum() / max(1, int((found > 0).sum()))


class IdentityNetwork(nn.Module):
    """``square (b,3,box,box) in [0,1] -> unit vectors (b,64)``; ``code`` gives the longer code that a painter takes."""

    def __init__(self, region: FaceRegion, widths: list[int], code: int) -> None:
        super().__init__()
        self.region = region
        layers: list[nn.Module] = [nn.Conv2d(1, widths[0], 3, padding=1), nn.SiLU()]
        for before, after in pairwise(widths):
            layers += [_halving(before, after)]
        last = widths[-1]
        layers += [nn.Conv2d(last, last, 3, padding=1), nn.GroupNorm(GROUPS, last), nn.SiLU()]
        # Faces are aligned: what is where tells people apart.
        layers += [nn.AdaptiveAvgPool2d(CELLS), nn.Flatten(), nn.Linear(last * CELLS**2, code)]
        self.layers = nn.Sequential(*layers, nn.LayerNorm(code, elementwise_affine=False))
        self.name = nn.Linear(code, NAMED)

    def code(self, box: Tensor) -> Tensor:
        """The square (b,3,box,box) -> code (b,code), of mean 0 and deviation 1."""
        return cast(Tensor, self.layers(self.region.levelled(box)))

    def forward(self, box: Tensor) -> Tensor:
        """Whose face it is, as far as cosines tell."""
        return functional.normalize(self.name(self.code(box)).float(), dim=1)


class Modulated(nn.Module):
    """A residual convolution whose normalised input is scaled and shifted, in 6×6 cells, by what is to be painted."""

    def __init__(self, before: int, after: int, planned: int) -> None:
        super().__init__()
        self.normalise = nn.InstanceNorm2d(before)
        self.style = nn.Conv2d(planned, 2 * before, 1)
        self.change = nn.Conv2d(before, after, 3, padding=1)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, plan: Tensor) -> Tensor:
        """Maps (b,before,h,w), plan (b,planned,6,6) -> (b,after,h,w)."""
        style = functional.interpolate(self.style(plan), x.shape[-2:], mode="bilinear", align_corners=False)
        scale, shift = style.chunk(2, dim=1)
        changed = self.change(functional.silu(self.normalise(x) * (1 + scale) + shift))
        return cast(Tensor, self.shortcut(x) + changed)


def _halving(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(GROUPS, after), nn.SiLU())


def _widths(side: int, width: float) -> list[int]:
    """Channels at each scale, down to maps of about 6×6."""
    halvings = max(1, round(math.log2(side / CELLS)))
    wanted = [CHANNELS[min(level, len(CHANNELS) - 1)] for level in range(halvings + 1)]
    return [GROUPS * max(2, round(channels * width / GROUPS)) for channels in wanted]
