"""Marks that are specific to their picture, as a term of a training: no average of others may stand for one.

Who has many pictures of one owner before and after marking averages the differences, and what all marks share comes
out. What this term pushes apart is just that.
"""

from __future__ import annotations

import torch
from torch import Tensor

MATES = 4
"""Covers in a row that carry one code, in a step that has such."""


def shared(code: Tensor) -> Tensor:
    """Codes (b,n) of which MATES in a row are the first one's."""
    row = torch.arange(len(code))
    return code[row - row % MATES]


def likeness(residual: Tensor, code: Tensor) -> Tensor:
    """How like each residual (b,3,h,w) is to the mean of the others that carry its code (b,n): a scalar in [0, 1].

    The square of the cosine between them where it is positive, a mean over the images that have mates; 0 without any.
    """
    mates = torch.cdist(code.float(), code.float(), p=1) < 0.5
    mates = mates & ~torch.eye(len(code), dtype=torch.bool, device=code.device)
    with_mates = mates.any(1)
    flat = residual.float().flatten(1)
    others = mates.to(flat.dtype) @ flat
    cosine = torch.nn.functional.cosine_similarity(flat, others, dim=1, eps=1e-6).clamp_min(0)
    return (cosine.square() * with_mates).sum() / with_mates.sum().clamp_min(1)
