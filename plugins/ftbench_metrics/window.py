"""Means under a Gaussian window, of many planes at once, as products of small matrices in float64."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from ftbench_metrics.objections import WINDOW

SIGMA = 1.5
REACH = WINDOW - 1
TILE = 8
"""Places along a line that one product fills, from 18 values: the fewer, the less is multiplied by the zeros beside
the window; below 8 a product is too small to be fast."""
PIXELS = {"cpu": 2**16, "cuda": 2**22}
"""Of a map that are worked on at a time: what fits a processor's cache, and what fills a GPU."""


class Windowed:
    """Window means of ``maps`` maps of ``planes`` planes of height × width px, or fewer.

    Its memory is used again by every call: what a call gave is gone then.
    """

    def __init__(self, maps: int, height: int, width: int, planes: int, device: torch.device) -> None:
        self.height, self.width = height, width
        self.wide = _tiles(width - REACH) * TILE
        lines = maps * planes * height
        # A last tile looks beyond its lines, where there must be numbers, if only to be multiplied by 0.
        sizes = (lines * width + TILE, lines * self.wide + TILE, _tiles(lines) * TILE * self.wide)
        self.given, self.turned, self.found = (torch.zeros(n, dtype=torch.float64, device=device) for n in sizes)

    def means(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps (p,h,w) each -> as many of (p,h,wide) in float64; ``fitting`` says where they are means at all."""
        planes = len(maps[0])
        lines = len(maps) * planes * self.height
        given = self.given[: lines * self.width].view(len(maps), planes, self.height, self.width)
        for place, one in zip(given, maps, strict=True):
            place.copy_(one)
        # All lines below one another: a window that runs from one plane into the next is among those left out.
        _filtered(self.given, lines, self.width, self.turned)
        _filtered(self.turned, self.wide, lines, self.found)
        return self.found[: lines * self.wide].view(len(maps), planes, self.height, self.wide).unbind()

    def fitting(self, means: Tensor) -> Tensor:
        """The means (p,h,wide) of windows that fit whole: (p,h-10,w-10)."""
        return means[:, : self.height - REACH, : self.width - REACH]


def at_once(image: Tensor) -> int:
    """How many of an image's planes (b,c,h,w) are best worked on at a time: at least one."""
    batch, channels, height, width = image.shape
    return max(1, min(batch * channels, PIXELS.get(image.device.type, PIXELS["cpu"]) // (height * width)))


def images_at_once(image: Tensor) -> int:
    """How many images (b,c,h,w) are best worked on at a time: at least one."""
    return max(1, PIXELS.get(image.device.type, PIXELS["cpu"]) // (image.shape[-2] * image.shape[-1]))


def in_slabs(measure: Callable[[Tensor, Tensor], Tensor], reference: Tensor, image: Tensor) -> Tensor:
    """``measure`` of images (b,c,h,w), a slab of them a thread where a processor has several: (b,).

    Torch's own threads share each product, which is far too small: on a busy processor that took fifty times as long.
    """
    threads = torch.get_num_threads()
    if image.device.type != "cpu" or threads == 1:
        return measure(reference, image)
    slab = max(1, -(-len(image) // threads))
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return torch.cat(list(pool.map(measure, reference.split(slab), image.split(slab))))
    finally:
        torch.set_num_threads(threads)


def _filtered(lines: Tensor, count: int, length: int, out: Tensor) -> None:
    """Filter ``count`` lines of ``length`` values each, and lay what is found of them down as columns of ``out``."""
    tiles = _tiles(length - REACH)
    # Overlapping views of the same memory: nothing is copied.
    values = lines.as_strided((tiles, TILE + REACH, count), (TILE, 1, length))
    weights = _weights(lines.device).expand(tiles, -1, -1)
    torch.bmm(weights, values, out=out[: tiles * TILE * count].view(tiles, TILE, count))


def _tiles(places: int) -> int:
    return -(-places // TILE)


@functools.cache
def _weights(device: torch.device) -> Tensor:
    """(TILE, TILE + REACH): in each row the window, one further to the right."""
    away = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = (-away.square() / (2 * SIGMA**2)).exp()
    weights = torch.zeros(TILE, TILE + REACH, dtype=torch.float64)
    for row in range(TILE):
        weights[row, row : row + WINDOW] = window / window.sum()
    return weights.to(device)


def require_same_shape(reference: Tensor, image: Tensor) -> None:
    """Raise ValueError unless two batches of images can be compared."""
    if reference.shape != image.shape or image.ndim != 4:
        raise ValueError(
            f"a reference of shape {tuple(reference.shape)} and an image of shape {tuple(image.shape)} "
            "cannot be compared: both must be (images, 3, height, width)"
        )
