"""Batches of covers, what simulators may name of them, and the payloads that tests and looks at val carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ftbench.benchfile.schema import Augmentation
from ftbench.data.donors import donors
from ftbench.data.images import Images
from ftbench.machine.randomness import payload
from ftbench.machine.stopwatch import timed
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import eight_bit
from ftbench.train.augment import augment, blend

VAL_BATCH = 64


def draw_batch(images: Images, size: int, randomness: torch.Generator, per_person: int = 1) -> Tensor:
    """Indices (size,) of a batch that shows every person equally often, as far as there are that many.

    Each is shown at least ``per_person`` times, in different images where there are as many.
    """
    people: Sequence[Tensor] = images.by_person
    most = max(1, size // per_person)
    if len(people) > most:
        people = [people[who] for who in torch.randperm(len(people), generator=randomness)[:most].tolist()]
    share = -(-size // len(people))
    chosen = []
    for own in people:
        # Whole rounds through a person's images before any comes again.
        rounds = [own[torch.randperm(len(own), generator=randomness)] for _ in range(-(-share // len(own)))]
        chosen.append(torch.cat(rounds)[:share])
    index = torch.cat(chosen)
    # Where the batch does not divide evenly, who comes short is drawn anew every step.
    return index[torch.randperm(len(index), generator=randomness)][:size]


def draw_covers(
    images: Images, size: int, settings: Augmentation, randomness: torch.Generator, device: str, per_person: int = 1
) -> tuple[Tensor, Tensor]:
    """A batch of augmented 8-bit covers (b,3,s,s) and who they show (b,)."""
    with timed("loading"):
        index = draw_batch(images, size, randomness, per_person)
        covers, identity = images.covers(index, device), images.identity[index].to(device)
    with timed("augmentation"):
        if settings.mix:
            covers = blend(covers, identity, settings.mix, randomness)
        covers = eight_bit(augment(covers, settings, randomness))
        return covers.contiguous(memory_format=torch.channels_last), identity


def inputs_of(
    images: Images,
    identity: Tensor,
    randomness: torch.Generator,
    device: str,
    rows: Tensor | slice = slice(None),
    **more: Callable[[Tensor], Tensor],
) -> Inputs:
    """Who some rows of a batch of people (b,) show, and somebody else's picture for each; ``more``: made as asked."""
    return Inputs(identity=identity[rows], donor=lambda: donors(images, identity, randomness, device, rows), **more)


def fixed_payloads(keys: Sequence[str], seed: int, draw: int, bits: int) -> Tensor:
    """The payloads (b, k) of images by their keys, the same for every method that is tested."""
    return torch.stack([torch.from_numpy(payload(key, seed, draw, bits)) for key in keys]).float()
