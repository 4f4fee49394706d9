"""What storing an image does to it."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The image as it is, copied."""

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same values."""
        return image.clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """Each image written to a baseline JPEG file of ``quality`` (1..100) and read back, with no gradient.

    Chroma is subsampled 4:2:0, as cameras and social networks store it.
    """

    quality: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1], rounded to 8 bits first -> the file's pixels / 255."""
        pixels = image.detach().clamp(0, 1).mul(255).round().to(torch.uint8)
        files = [self._round_trip(one) for one in pixels.permute(0, 2, 3, 1).cpu().numpy()]
        return torch.from_numpy(np.stack(files)).permute(0, 3, 1, 2).to(image).div(255).contiguous()

    def _round_trip(self, pixels: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=self.quality, subsampling="4:2:0")
        return np.asarray(Image.open(file))
