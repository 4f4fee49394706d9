"""Pictures of somebody else, for simulators that put one face on another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftbench.data.images import Images

if TYPE_CHECKING:
    import torch


def draw_donors(images: Images, identity: torch.Tensor, randomness: torch.Generator) -> torch.Tensor:
    """For each person (b,) an image of somebody else: indices (b,), each drawn from all images of the others.

    The split must show two people or more.
    """
    import torch

    identity = identity.cpu()
    order = torch.argsort(images.identity, stable=True)
    counts = torch.bincount(images.identity, minlength=len(images.people))
    before = counts.cumsum(0) - counts
    others = len(images) - counts[identity]
    place = (torch.rand(len(identity), generator=randomness, dtype=torch.float64) * others).long()
    # Images lie person by person: whoever's turn comes at or after one's own steps over one's own.
    return order[torch.where(place >= before[identity], place + counts[identity], place)]


def donors(
    images: Images,
    identity: torch.Tensor,
    randomness: torch.Generator,
    device: str,
    rows: torch.Tensor | slice = slice(None),
) -> torch.Tensor:
    """For a batch of people (b,) pictures (b,3,s,s) of others, in [0, 1]; of some ``rows`` of it the same ones."""
    return images.covers(draw_donors(images, identity, randomness)[rows], device)
