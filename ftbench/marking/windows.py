"""Frames cut out of a picture and squeezed to the network's square, many at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from ftbench.marking.anysize import FLAT_LEVELS, fit, squeezed
from ftbench.marking.placements import USUAL, WHOLE, Placement, Way

LEVELS = (0.7, 0.8, 0.9, 1.0, 1.12, 1.25, 1.4, 1.6, 2.0)
"""Sides of the copies that frames are cut from, in sides of the square: the nearest needs little further scaling."""
THINNEST = 0.02
"""Of a picture's side: a border that is narrower is none."""


class Windows:
    """A picture (3,h,w) uint8, from which frames are cut for a network of ``size`` pixels on a side."""

    def __init__(self, pixels: Tensor, size: int, way: Way = USUAL) -> None:
        self.pixels, self.size, self.way = pixels, size, way
        self.height, self.width = pixels.shape[-2:]
        self._levels: dict[int, Tensor] = {}

    def cut(self, placements: Sequence[Placement]) -> Tensor:
        """Frames (b,3,size,size) in [0,1], as they were before the picture was cut, mirrored or turned.

        What lies outside the picture is as the way says. The whole picture is squeezed as for any reading.
        """
        return torch.cat([self._one(placement) for placement in placements])

    @cached_property
    def content(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom of what a border of one colour encloses, in shares; None: there is no border."""
        inner = self.pixels.float()
        corner = inner[:, :1, :1]
        differs = ((inner - corner).abs().amax(0) > 4 * FLAT_LEVELS).float()
        # A few specks of JPEG in a border are a border still.
        rows = (differs.mean(1) > 0.02).nonzero().flatten()
        columns = (differs.mean(0) > 0.02).nonzero().flatten()
        if not len(rows) or not len(columns):
            return None
        left, right = int(columns[0]) / self.width, (int(columns[-1]) + 1) / self.width
        top, bottom = int(rows[0]) / self.height, (int(rows[-1]) + 1) / self.height
        framed = max(left, top, 1 - right, 1 - bottom) > THINNEST and (right - left) * (bottom - top) > 0.1
        return (left, top, right, bottom) if framed else None

    def _one(self, placement: Placement) -> Tensor:
        if placement == WHOLE:
            return self._level(self.size)
        wanted = 1 / math.sqrt(placement.width * placement.height)
        nearest = min(LEVELS, key=lambda level: abs(math.log(level / wanted)))
        image = self._level(round(self.size * nearest))
        filled = image.mean(dim=(2, 3), keepdim=True) if self.way.outside == "mean" else image.new_zeros(1)
        grid = self._grid(placement)
        cut = functional.grid_sample(image - filled, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
        return (cut + filled).clamp(0, 1)

    def _level(self, side: int) -> Tensor:
        if side not in self._levels:
            largest = round(self.size * LEVELS[-1])
            # A photo of many megapixels is squeezed twice, for the whole and for the largest copy, and not nine times.
            if side in (self.size, largest):
                self._levels[side] = fit(self.pixels, side)
            else:
                self._levels[side] = squeezed(self._level(largest), side)
        return self._levels[side]

    def _grid(self, placement: Placement) -> Tensor:
        """Where each pixel of the frame lies in the picture: (1,size,size,2), -1 to 1 from edge to edge."""
        place = (torch.arange(self.size) + 0.5) / self.size - 0.5
        y, x = torch.meshgrid(place, place, indexing="ij")
        if placement.mirrored:
            x = -x
        for _ in range(placement.turns % 4):
            x, y = -y, x
        across, down = x * placement.width * self.width, y * placement.height * self.height
        angle = math.radians(placement.angle)
        x = (across * math.cos(angle) - down * math.sin(angle)) / self.width
        y = (across * math.sin(angle) + down * math.cos(angle)) / self.height
        middle_x, middle_y = (placement.left + placement.right) / 2, (placement.top + placement.bottom) / 2
        return torch.stack([2 * (x + middle_x) - 1, 2 * (y + middle_y) - 1], dim=-1)[None]
