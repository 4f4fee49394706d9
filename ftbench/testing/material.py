"""What parts are examined with: pictures, codes and logits that are the same every time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def pictures(count: int, height: int, width: int | None = None, seed: int = 0) -> Tensor:
    """Soft blobs of colour with a little grain: (count, 3, height, width), 8-bit values in [.1, .9].

    Away from black and white, because a gradient clipped there would tell of the picture and not of the part.
    """
    random = torch.Generator().manual_seed(seed)
    blobs = torch.rand(count, 3, 5, 5, generator=random)
    wide = functional.interpolate(blobs, (height, width or height), mode="bicubic", align_corners=True)
    grain = 0.05 * torch.randn(wide.shape, generator=random)
    return ((wide + grain).clamp(0.1, 0.9) * 255).round() / 255


def bits(count: int, length: int, seed: int = 0) -> Tensor:
    """Uniform bits (count, length), float."""
    return torch.randint(2, (count, length), generator=torch.Generator().manual_seed(seed)).float()


def weights(like: Tensor, seed: int = 1) -> Tensor:
    """Normal weights of the same shape: the gradient of their weighted sum tells every value apart."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed)).to(like)
