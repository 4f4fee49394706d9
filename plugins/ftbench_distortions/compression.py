"""What storing an image does to it."""

from __future__ import annotations

import functools
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from kornia.enhance import jpeg_codec_differentiable
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
        return _stored(image, "JPEG", quality=self.quality, subsampling="4:2:0")


@dataclass(frozen=True, kw_only=True)
class Webp:
    """Each image written to a lossy WebP file of ``quality`` (0..100) and read back, with no gradient."""

    quality: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1], rounded to 8 bits first -> the file's pixels / 255."""
        return _stored(image, "WEBP", quality=self.quality)


@dataclass(frozen=True, kw_only=True)
class JpegSimulated:
    """JPEG's own steps on floating-point values, where x is rounded to [x] + (x - [x])³, [x] the nearest integer.

    The cubic keeps up to an eighth of a quantisation step that a file loses, so the change is a little milder than
    that of ``jpeg``; docs/attacks.md says by how much.
    """

    quality: int

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range, not rounded to 8 bits."""
        quality = torch.tensor([float(self.quality)], device=image.device, dtype=image.dtype)
        coded: Tensor = jpeg_codec_differentiable(image, quality)
        return coded.clamp(0, 1)


def _stored(image: Tensor, kind: str, **options: Any) -> Tensor:
    levels = image.detach().clamp(0, 1).mul_(255).round_().to(torch.uint8)
    pixels = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    stored = functools.partial(_read_back, kind=kind, options=options)
    # Pillow lets other threads run while it codes.
    if (threads := min(torch.get_num_threads(), len(pixels))) > 1:
        with ThreadPoolExecutor(threads) as pool:
            files = list(pool.map(stored, pixels))
    else:
        files = [stored(one) for one in pixels]
    return torch.from_numpy(np.stack(files)).permute(0, 3, 1, 2).to(image).div_(255).contiguous()


def _read_back(pixels: np.ndarray, kind: str, options: dict[str, Any]) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return np.asarray(Image.open(file))
