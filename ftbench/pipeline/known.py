"""What an attacker knows of an owner: pictures before and after marking, and what their residuals have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ftbench.data.images import Images

AT_ONCE = 32
"""Residuals that are held at a time."""


@dataclass(frozen=True)
class Known:
    """How many pictures are known before and after marking, and whether those are of one flat colour each."""

    pairs: int
    flat: bool = False

    def covers(self, images: Images, randomness: torch.Generator, device: str) -> Tensor:
        """Different images of a split, or random flat colours of its size: (pairs,3,h,w) in [0, 1], 8-bit.

        Of fewer images than ``pairs`` each comes once.
        """
        if self.flat:
            return flat_covers(self.pairs, images.pixels.shape[-1], randomness).to(device)
        return images.covers(torch.randperm(len(images), generator=randomness)[: self.pairs], device)


def flat_covers(count: int, size: int, randomness: torch.Generator) -> Tensor:
    """Pictures (count,3,s,s) of one colour each, drawn evenly from all 8-bit colours."""
    colours = torch.randint(0, 256, (count, 3, 1, 1), generator=randomness).float() / 255
    return colours.expand(-1, -1, size, size).contiguous()


def mean_residual(mark: Callable[[Tensor], Tensor], covers: Tensor, rows: int) -> Tensor:
    """Mean of marked − cover over covers (m,3,h,w), for each of the codes that ``mark`` writes: (rows,3,h,w), signed.

    ``mark`` takes ``rows`` images, one for each code. Who averages has the covers too: the strongest attacker of this
    kind.
    """
    total: Tensor | None = None
    for some in covers.split(AT_ONCE):
        alike = (cover.expand(rows, -1, -1, -1) for cover in some)
        found = torch.stack([mark(cover) - cover for cover in alike]).sum(dim=0)
        total = found if total is None else total + found
    if total is None:
        raise ValueError("a mean needs one cover or more")
    return total / len(covers)
