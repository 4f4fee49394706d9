"""The face in a picture, and the network's answer back in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ftbench_exported.files import Unusable
from ftbench_exported.runtime import Array
from ftbench_faces import masks
from ftbench_faces.colours import matched
from ftbench_faces.paste import pasted
from ftbench_faces.similarity import back, crop_points, in_pixels, onto, scale_of
from ftbench_faces.templates import TEMPLATES
from ftbench_faces.warp import warped

LARGEST = 8.0
"""A face that is enlarged more than this, along a side, says more of the enlarging than of the network."""


@dataclass(frozen=True)
class Cut:
    """How faces are cut out: the template, its side, and whether each picture's own landmarks are used."""

    template: str
    side: int
    own: bool

    def way(self, size: int, points: Tensor | None) -> Tensor:
        """From pictures of ``size`` px to aligned faces: (1 or b,2,3). ``points`` (b,5,2), shares of the side."""
        places = crop_points(size) if points is None or not self.own else in_pixels(points.cpu(), size)
        return onto(places, TEMPLATES[self.template], self.side)

    def check(self, size: int, file: str) -> None:
        """Raise Unusable where pictures of ``size`` px are too small for the template."""
        larger = float(scale_of(onto(crop_points(size), TEMPLATES[self.template], self.side)))
        if larger > LARGEST:
            fitting = -(-size * larger // LARGEST)
            raise Unusable(
                f"images of {size} px are too small for {file!r}: {self.template} at {self.side} px enlarges a face "
                f"{larger:.1f} times, and {LARGEST:.0f} is the most; take images of {fitting:.0f} px or more"
            )


def read_mask(given: Array, side: int, file: str) -> Tensor:
    """A network's own mask (b,1,h,w), (b,h,w) or (b,h,w,1) -> (b,1,side,side) in [0,1]; raises ValueError."""
    values = torch.from_numpy(np.array(given, dtype=np.float32))
    values = values.permute(0, 3, 1, 2) if values.ndim == 4 and values.shape[3] == 1 else values
    values = values[:, None] if values.ndim == 3 else values
    if values.ndim != 4 or values.shape[1] != 1:
        raise ValueError(f"{file!r} gave {np.shape(given)} as its mask, which is no picture of one channel")
    return functional.interpolate(values, (side, side), mode="bilinear", align_corners=False).clamp(0, 1)


class Paste:
    """Lays a network's face into its picture, softly.

    Args:
        cut: how the face was cut out.
        p: ``mask``, ``mask_blur`` and ``match_colours`` as in ``plugin.SimulatorParameters``.
    """

    def __init__(self, cut: Cut, p: Mapping[str, Any]) -> None:
        shapes = {"box": masks.box, "ellipse": masks.ellipse}
        self.cut, self.side, self.matches = cut, cut.side, p["match_colours"]
        self.mask = shapes.get(p["mask"], masks.box)(cut.side, p["mask_blur"])

    def __call__(self, picture: Tensor, cut: Tensor, face: Tensor, way: Tensor, own: Tensor | None) -> Tensor:
        """Picture (b,3,s,s), the face cut from it and the one given (b,3,side,side), the network's own mask -> fake."""
        mask = self.mask.to(picture)
        if own is not None:
            mask = torch.minimum(mask, own)
        if self.matches:
            face = matched(face, cut, mask)
        return pasted(picture, face, way, mask)

    def reach(self, size: int) -> Tensor:
        """How much of each pixel of an aligned crop of ``size`` px is pasted over at most: (1,1,s,s)."""
        return warped(self.mask, back(self.cut.way(size, None)), size, "zeros")


def cut_out(picture: Tensor, way: Tensor, side: int) -> Tensor:
    """Aligned faces (b,3,side,side)."""
    return warped(picture, way, side)
