"""Filters that are a row of weights times a column of weights, over whole planes, as products of small matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

TILE = 8
"""Places along a line that one product fills: the fewer, the less is multiplied by the zeros beside the weights; below
8 a product is too small to be fast."""


class Row:
    """An odd number of weights that slide along lines: a correlation."""

    def __init__(self, weights: np.ndarray, dtype: torch.dtype, device: torch.device) -> None:
        self.band = _band(weights).to(device, dtype)
        self.back = _band(weights[::-1]).to(device, dtype)

    def __call__(self, lines: Tensor) -> Tensor:
        """Lines (…,l) -> (l-2r,…), r being how far the weights reach to a side and l-2r a multiple of TILE.

        Rows become columns, so that two calls filter planes (p,h,w) both ways: (h,w,p).
        """
        found: Tensor = _Slid.apply(lines, self.band, self.back)
        return found


def padded(planes: Tensor, reach: int) -> Tensor:
    """Planes (p,h,w) that go on as they end: as far as weights reach, and until tiles fill them."""
    below, right = (reach + -length % TILE for length in planes.shape[-2:])
    return functional.pad(planes[None], (reach, right, reach, below), mode="replicate")[0]


class _Slid(torch.autograd.Function):
    """Torch's own gradient of overlapping windows takes several times as long."""

    @staticmethod
    def forward(ctx: Any, lines: Tensor, band: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return _product(lines, band)

    @staticmethod
    def backward(ctx: Any, *towards: Tensor) -> tuple[Tensor, None, None]:
        [back] = ctx.saved_tensors
        # Of both sides together.
        reach, length = back.shape[1] - TILE, len(towards[0])
        # What a place took from its neighbours goes back to them.
        given = functional.pad(towards[0].movedim(0, -1), (reach, reach + -(length + reach) % TILE))
        return _product(given, back)[: length + reach].movedim(0, -1), None, None


def _product(lines: Tensor, band: Tensor) -> Tensor:
    # Overlapping views of the same memory: nothing is copied.
    windows = lines.reshape(-1, lines.shape[-1]).unfold(-1, band.shape[1], TILE)
    return (band @ windows.permute(1, 2, 0)).reshape(-1, *lines.shape[:-1])


def _band(weights: np.ndarray) -> Tensor:
    """(TILE, TILE + 2r): in each row the weights, one further to the right."""
    band = np.zeros((TILE, TILE + len(weights) - 1))
    for at in range(TILE):
        band[at, at : at + len(weights)] = weights
    return torch.from_numpy(band)
