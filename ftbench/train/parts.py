"""A batch worked on in parts whose gradients are added up: the same step, in less memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Some rows of a batch, by their places in it: what is drawn for a row hangs on its place, whoever works on it."""

    batch: int
    places: Tensor | None = None
    """Rising; None: all rows, as they lie."""

    def __len__(self) -> int:
        return self.batch if self.places is None else len(self.places)

    @property
    def own(self) -> slice | Tensor:
        """What takes these rows out of (batch, …)."""
        return slice(None) if self.places is None else self.places

    def places_of(self, own: slice | Tensor) -> Tensor:
        """The places in the batch of some of these rows: those that ``own`` takes out of them."""
        return torch.arange(self.batch)[self.own][own]

    def of(self, values: Tensor) -> Tensor:
        """These rows of (batch, …)."""
        if self.places is None:
            return values
        chosen = values[self.places]
        return chosen.contiguous(memory_format=torch.channels_last) if chosen.dim() == 4 else chosen

    def weighed(self, mean: Tensor) -> Tensor:
        """What a mean over these rows adds to the mean over the batch."""
        return mean if self.places is None else mean * (len(self) / self.batch)

    def dealt(self, count: int) -> list[slice | Tensor]:
        """Which of these rows lie at places i, i+count, … of the batch, for each i below ``count``."""
        if self.places is None:
            return [slice(at, None, count) for at in range(count)]
        return [torch.nonzero(self.places % count == at).flatten() for at in range(count)]

    def repeated(self, times: int) -> Rows:
        """The rows of as many such batches, one after the other."""
        if self.places is None:
            return Rows(times * self.batch)
        return Rows(times * self.batch, torch.cat([self.places + self.batch * time for time in range(times)]))


def by_piece(batch: int, parts: int, pieces: int) -> list[Rows]:
    """The rows of each part. Rows i, i+pieces, … stay together where that leaves parts of one size.

    Then a part has whole pieces, and each of them draws its noise as in the whole batch.
    """
    together = pieces if batch % pieces == 0 and pieces % parts == 0 else parts
    place = torch.arange(batch)
    return _rows((place % together) * parts // together, parts)


def by_person(identity: Tensor, parts: int, per_person: int) -> list[Rows]:
    """The rows of each part for people (b,), who are dealt out evenly, ``per_person`` rows of one at a time."""
    part = torch.empty(len(identity), dtype=torch.long)
    turn = 0
    for who in identity.unique():
        own = torch.nonzero(identity == who).flatten().cpu()
        for some in own.split(per_person):
            part[some] = turn % parts
            turn += 1
    return _rows(part, parts)


def joined(answers: Sequence[Tensor], chosen: Sequence[slice | Tensor]) -> Tensor:
    """The batch (b,3,h,w) of which answer i holds the rows that ``chosen[i]`` took out."""
    whole = torch.cat(list(answers))
    places = torch.arange(len(whole))
    order = torch.cat([places[one] for one in chosen]).argsort()
    return whole[order.to(whole.device)].contiguous(memory_format=torch.channels_last)


def _rows(part: Tensor, parts: int) -> list[Rows]:
    if parts == 1:
        return [Rows(len(part))]
    own = (torch.nonzero(part == one).flatten() for one in range(parts))
    return [Rows(len(part), places) for places in own if len(places)]
