"""A pair of under two million weights, made for processors: all work is done at a quarter of the size.

Ours, after nothing published as a whole. Space to depth instead of convolutions at full size (Shi et al., CVPR 2016, in
reverse) leaves few and long inner products, which is what a processor is fast at; dilated residual blocks (Yu et al.,
CVPR 2017) see far without further halvings; the change follows what an eye would not notice (``visibility``).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_networks.objections import FOLD
from ftbench_networks.visibility import just_noticeable

FOLDED = 3 * FOLD**2
DILATIONS = (1, 2, 4)
READ_SIDE = 4
"""Side of the grid that the decoder reads its bits from."""
FIRST_RESIDUAL = 0.3
"""Of what torch's default weights would paint at first."""


class DilatedResidual(nn.Module):
    """``(b,c,h,w) -> (b,c,h,w)``: two normalised 3×3 convolutions, the first dilated, beside a shortcut."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.left = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transform."""
        return torch.relu(x + self.left(x))


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(DilatedResidual(channels, DILATIONS[index % len(DILATIONS)]) for index in range(count)))


class CompactEncoder(nn.Module):
    """``(cover (b,3,s,s) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,s,s) in [0,1]``.

    Args:
        size: side of the image in pixels, a multiple of 4, 16 or more.
        bits: n, length of the code.
        channels: width of every layer.
        blocks: residual blocks.
        maps: channels of the code's own map, 8×8 before it is enlarged.
        residual: the largest change of a pixel where the eye notices as much as on average, in [0, 1].
        attenuation: exponent on the just noticeable difference that the change follows; 0: it follows nothing.
        side: side in pixels that the cover is shrunk to, and the change enlarged from; None: as it comes.
    """

    def __init__(
        self,
        *,
        size: int,
        bits: int,
        channels: int,
        blocks: int,
        maps: int,
        residual: float,
        attenuation: float,
        side: int | None = None,
    ) -> None:
        super().__init__()
        self.work = side or size
        self.side, self.residual, self.attenuation = self.work // FOLD, residual, attenuation
        self.spread = nn.Sequential(nn.Linear(bits, maps * 64), nn.Unflatten(1, (maps, 8, 8)))
        self.join = nn.Conv2d(FOLDED + maps + bits, channels, 3, padding=1)
        self.blocks = _blocks(channels, blocks)
        self.paint = nn.Conv2d(channels, FOLDED, 3, padding=1)
        with torch.no_grad():
            self.paint.weight *= FIRST_RESIDUAL
            cast(Tensor, self.paint.bias).zero_()

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Write ``code`` into ``cover``."""
        signs = (2 * code - 1).to(cover.dtype)
        side = (self.side, self.side)
        constant = signs[:, :, None, None].expand(-1, -1, *side)
        own = functional.interpolate(self.spread(signs), side, mode="bilinear", align_corners=False)
        folded = functional.pixel_unshuffle(2 * shrunk(cover, self.work) - 1, FOLD)
        features = torch.relu(self.join(torch.cat([folded, own.to(folded.dtype), constant], dim=1)))
        painted = functional.pixel_shuffle(self.paint(self.blocks(features)), FOLD).float()
        change = self.residual * torch.tanh(painted)
        if change.shape != cover.shape:
            change = functional.interpolate(change, cover.shape[-2:], mode="bicubic", align_corners=False)
        if self.attenuation:
            change = change * just_noticeable(cover.float()) ** self.attenuation
        return (cover + change).clamp(0, 1)


class CompactDecoder(nn.Module):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``.

    Args:
        size: side of the image in pixels, a multiple of 4, 16 or more.
        bits: n, length of the code.
        channels: width of every layer.
        blocks: residual blocks.
        side: side in pixels that the image is shrunk to; None: as it comes.
    """

    def __init__(self, *, size: int, bits: int, channels: int, blocks: int, side: int | None = None) -> None:
        super().__init__()
        self.work = side or size
        self.join = nn.Conv2d(FOLDED, channels, 3, padding=1)
        self.blocks = _blocks(channels, blocks)
        self.gather = nn.AdaptiveAvgPool2d(READ_SIDE)
        self.read = nn.Linear(channels * READ_SIDE**2, bits)

    def forward(self, image: Tensor) -> Tensor:
        """Read the logits of the code."""
        features = torch.relu(self.join(functional.pixel_unshuffle(2 * shrunk(image, self.work) - 1, FOLD)))
        return cast(Tensor, self.read(self.gather(self.blocks(features)).flatten(1)).float())


def shrunk(image: Tensor, side: int) -> Tensor:
    """Image (b,3,s,s) -> (b,3,side,side), smoothed first as far as it shrinks."""
    if image.shape[-1] == side:
        return image
    return functional.interpolate(image.float(), (side, side), mode="bilinear", antialias=True, align_corners=False)
