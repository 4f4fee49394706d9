"""The swap as a tool finishes it: a face swapped in a central crop and pasted back under a soft mask."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_faketagger.face_mask import match_colours, soft_ellipse
from ftbench_faketagger.faceswap import Faceswap
from ftbench_faketagger.objections import STEP
from ftbench_faketagger.swap import PUBLISHED_WARP

CROP = 160 / 256
"""Share of the side that the published swap cuts out of the middle."""


class FaceswapPasted(nn.Module):
    """``(image (b,3,s,s) in [0,1], {"identity": (b,) int64 of {0,1}}) -> fake (b,3,s,s) in [0,1]``.

    The face is the central 160/256 of the side, rounded up to a multiple of 16 px: all of a 32 px picture, 48 of
    64, 80 of 128, 160 of 256. A ``Faceswap`` swaps it, shrunk to ``face_size`` when it is larger. The fake face
    takes on the picture's colours and is blended in; outside the mask the picture is left exactly as it was.

    Args:
        size: side of the image in pixels, a multiple of 16, at least 32.
        width: as for ``Faceswap``.
        latent: as for ``Faceswap``.
        warp: standard deviation of the training warps, as a share of the side of the *picture*.
        colour_shift: as for ``Faceswap``.
        seed: as for ``Faceswap``.
        face_size: largest side in pixels at which the face is swapped, a multiple of 16.
        extent: height of the mask, as a share of the picture's side; its width is 0.9 of that.
        feather: share of the mask's radius over which the face fades into the picture.
        colour: strength of the colour transfer, 0 none, 1 in full.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        latent: int = 1024,
        warp: float = PUBLISHED_WARP,
        colour_shift: bool = True,
        seed: int = 0,
        face_size: int = 64,
        extent: float = 0.6,
        feather: float = 0.35,
        colour: float = 1.0,
    ) -> None:
        super().__init__()
        self.colour = colour
        self.crop = min(size, STEP * math.ceil(CROP * size / STEP))
        self.edge = (size - self.crop) // 2
        self.face_size = min(self.crop, face_size)
        self.swap = Faceswap(
            size=self.face_size,
            width=width,
            latent=latent,
            warp=warp * size / self.crop,
            colour_shift=colour_shift,
            seed=seed,
        )
        self.mask: Tensor
        mask = self._cut(soft_ellipse(size, extent=extent, feather=feather))
        self.register_buffer("mask", mask.contiguous(), persistent=False)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Swap the face and paste it back."""
        picture = self._cut(image)
        face = _resize(self.swap(_resize(picture, self.face_size), inputs), self.crop)
        face = match_colours(face, picture, self.mask, self.colour)
        fake = image.clone()
        self._cut(fake).copy_(picture + self.mask * (face - picture))
        return fake

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """The swap network's own loss on the cut-out faces."""
        loss: Tensor = self.swap.fit_loss(_resize(self._cut(image), self.face_size), inputs, generator)
        return loss

    def _cut(self, image: Tensor) -> Tensor:
        until = self.edge + self.crop
        return image[..., self.edge : until, self.edge : until]


def _resize(image: Tensor, side: int) -> Tensor:
    if image.shape[-1] == side:
        return image
    return functional.interpolate(image, (side, side), mode="bilinear", antialias=True, align_corners=False)
