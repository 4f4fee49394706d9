"""Between the harness's images and a network's: size, range, colour order, layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ftbench_exported.runtime import Array

RANGES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "signed": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "byte": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""Mean and deviation, R, G, B in [0, 1], that turn [0, 1] into each range."""


@dataclass(frozen=True)
class Pixels:
    """How a network writes an image: ``(value - mean) / std`` a channel, then the order."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool
    last: bool
    """Channels last."""

    def write(self, image: Tensor, dtype: str) -> Array:
        """Image (b,3,h,w) in [0,1], RGB -> the network's array, (b,3,h,w) or (b,h,w,3)."""
        values = (image - self._row(self.mean, image)) / self._row(self.std, image)
        values = values.flip(1) if self.bgr else values
        array: Array = (values.permute(0, 2, 3, 1) if self.last else values).cpu().numpy()
        kind = np.dtype(dtype)
        return array.astype(kind) if kind.kind == "f" else array.round().clip(0, 255).astype(kind)

    def read(self, array: Array) -> Tensor:
        """The network's array -> image (b,3,h,w), RGB, float32; what it is of [0,1] is left as it is."""
        values = self._tensor(array)
        return values * self._row(self.std, values) + self._row(self.mean, values)

    def read_change(self, array: Array) -> Tensor:
        """The network's array, a difference of two images -> that difference (b,3,h,w) in [0,1]'s units."""
        values = self._tensor(array)
        return values * self._row(self.std, values)

    def _tensor(self, array: Array) -> Tensor:
        values = torch.from_numpy(np.array(array, dtype=np.float32))
        values = values.permute(0, 3, 1, 2) if self.last else values
        return values.flip(1) if self.bgr else values

    def _row(self, numbers: Sequence[float], like: Tensor) -> Tensor:
        return torch.tensor(numbers, device=like.device, dtype=torch.float32)[:, None, None]


def pixels(
    kind: str, mean: Sequence[float] | None, std: Sequence[float] | None, *, colours: str, layout: str
) -> Pixels:
    """A network's way to write images; ``mean`` and ``std``, where given, go before the range's."""
    usual = RANGES[kind]
    return Pixels(tuple(mean or usual[0]), tuple(std or usual[1]), colours == "bgr", layout == "nhwc")


def resized(image: Tensor, size: int, how: str) -> Tensor:
    """Image (b,3,h,w) -> (b,3,size,size); bilinear and bicubic widen with the reduction, so nothing aliases."""
    if image.shape[-2:] == (size, size):
        return image
    options: dict[str, Any] = {"antialias": True, "align_corners": False} if how.startswith("bi") else {}
    return functional.interpolate(image, (size, size), mode=how, **options)
