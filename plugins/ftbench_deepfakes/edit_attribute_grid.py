"""Attribute editing by another architecture: a coarse grid of colour transforms, looked up by place and tone."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_deepfakes.attribute_editor import AttributeEditor, Towards, repainted
from ftbench_deepfakes.attributes import Attribute
from ftbench_deepfakes.residual import ResidualBlock, channels, halved

CHANNELS = (32, 64)
TRANSFORM = 13
"""Numbers in a cell: a 3×4 matrix on colours and one for the mask."""
TONES = 6
"""Cells along the guide."""
CLOSED = -2.0
"""Log-odds of the mask before anything is learned."""


class GridPainter(nn.Module):
    """``(image (b,3,s,s), shift (b,)) -> fake (b,3,s,s) in [0,1]``; untrained it gives the image back.

    A small network looks at a reduced picture and fills a grid of cells × cells × tones colour transforms; every pixel
    looks its own up, by its place and by a guide that the network draws of its colour, linearly between cells.
    """

    def __init__(self, width: float, cells: int) -> None:
        super().__init__()
        self.cells = cells
        first, second = (channels(base, width) for base in CHANNELS)
        self.look = nn.Sequential(nn.Conv2d(4, first, 3, padding=1), halved(first, first), ResidualBlock(first, first))
        self.fill = nn.Sequential(halved(first, second), ResidualBlock(second, second), ResidualBlock(second, second))
        self.cell = nn.Conv2d(second, TRANSFORM * TONES, 1)
        self.guide = nn.Sequential(nn.Conv2d(3, 16, 1), nn.SiLU(inplace=True), nn.Conv2d(16, 1, 1))
        with torch.no_grad():
            self.cell.weight.zero_()
            bias = cast(Tensor, self.cell.bias).zero_().view(TRANSFORM, TONES)
            bias[-1] = CLOSED

    def forward(self, image: Tensor, shift: Tensor) -> Tensor:
        """Paint."""
        side = 4 * self.cells
        small = functional.interpolate(image, (side, side), mode="bilinear", antialias=True, align_corners=False)
        plane = shift.view(-1, 1, 1, 1).expand(-1, 1, side, side)
        grid = self.cell(self.fill(self.look(torch.cat([2 * small - 1, plane], dim=1))))
        # Looked up in float32: a place in bfloat16 would be a third of a cell off.
        grid = grid.float().unflatten(1, (TRANSFORM, TONES))
        tone = self.guide(2 * image - 1).float().tanh()
        found = functional.grid_sample(grid, _places(tone), padding_mode="border", align_corners=False).squeeze(2)
        matrix, mask = found[:, :12].unflatten(1, (3, 4)), found[:, 12:]
        colour = torch.cat([2 * image.float() - 1, torch.ones_like(tone)], dim=1)
        return repainted(image, mask, torch.einsum("boihw,bihw->bohw", matrix, colour))


class EditAttributeGrid(AttributeEditor):
    """``(image (b,3,s,s) in [0,1], {}) -> the picture with one attribute changed (b,3,s,s) in [0,1]``.

    The painter is a bilateral grid of colour transforms after Gharbi et al., Deep Bilateral Learning for Real-Time
    Image Enhancement, SIGGRAPH 2017: it cannot draw, only recolour, so edges and texture stay the picture's. Departs
    in its size, in a mask beside each transform, and in acting on log-odds, which keeps colours in range.

    Args:
        size: side of the image in pixels, four times ``cells`` at least.
        width: factor on the channels of every convolution.
        cells: cells along the grid's side.
        attribute, towards, amount: as for ``AttributeEditor``.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        cells: int = 8,
        attribute: Attribute = "hair",
        towards: Towards = "other",
        amount: float = 1.0,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        super().__init__(GridPainter(width, cells), attribute=attribute, towards=towards, amount=amount)


def _places(tone: Tensor) -> Tensor:
    # (b,1,s,s) in [-1,1] -> (b,1,s,s,3): across, down, tone, as grid_sample counts them.
    identity = torch.eye(2, 3, device=tone.device).expand(len(tone), 2, 3)
    place = functional.affine_grid(identity, list(tone.shape), align_corners=False)
    return torch.cat([place, tone.permute(0, 2, 3, 1)], dim=-1)[:, None]
