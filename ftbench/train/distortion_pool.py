"""The distortions that training draws from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ftbench.contract.records import Distortion
from ftbench.pipeline.guard import Guard
from ftbench.pipeline.stages import DistortionStage
from ftbench.train.parts import Rows, joined


@dataclass(frozen=True)
class Ranged:
    """A distortion whose parameters are fixed or drawn between two numbers."""

    record: Distortion
    parameters: dict[str, Any]
    """name -> value, or (low, high): drawn uniformly; between whole numbers, a whole number.

    A chain's steps may hold such, too.
    """
    guard: Guard = field(default_factory=lambda: Guard("a distortion"))

    @property
    def varies(self) -> bool:
        """Whether two draws may differ."""
        return _varies(self.parameters)

    def draw(self, randomness: torch.Generator) -> DistortionStage:
        """Build the distortion with parameters drawn now."""
        drawn = {name: _draw(value, randomness) for name, value in self.parameters.items()}
        return DistortionStage(self.record, self.guard.built(self.record.load(), **drawn), self.guard)


@dataclass(frozen=True)
class Pool:
    """The distortions of a training."""

    members: Sequence[Ranged]

    def draw(self, randomness: torch.Generator, pieces: int = 1) -> Pieces:
        """Draw a distortion and its strength for each piece of a batch, no distortion twice before all came once."""
        if pieces == 1 or (len(self.members) == 1 and not self.members[0].varies):
            choice = int(torch.randint(len(self.members), (1,), generator=randomness))
            return Pieces([self.members[choice].draw(randomness)])
        chosen = dealt(len(self.members), pieces, randomness)
        return Pieces([self.members[choice].draw(randomness) for choice in chosen])


@dataclass(frozen=True)
class Pieces:
    """Every so many-th image to one stage, so that an image's row modulo their number says which it meets."""

    stages: Sequence[DistortionStage]

    def __call__(self, image: Tensor, generator: torch.Generator, rows: Rows | None = None) -> Tensor:
        """Image (b,3,h,w) -> the same shape, 8-bit; ``rows``: which of a larger batch these are."""
        if len(self.stages) == 1:
            return self.stages[0](image, generator)
        rows = rows or Rows(len(image))
        count = min(len(self.stages), rows.batch)
        met = list(zip(self.stages[:count], rows.dealt(count), strict=True))
        met = [(stage, own) for stage, own in met if isinstance(own, slice) or len(own)]
        return joined([stage(image[own], generator) for stage, own in met], [own for _, own in met])


def dealt(kinds: int, count: int, randomness: torch.Generator) -> list[int]:
    """``count`` of so many kinds, in whole rounds through all of them before any comes again."""
    rounds = [torch.randperm(kinds, generator=randomness) for _ in range(-(-count // kinds))]
    return torch.cat(rounds)[:count].tolist()


def _varies(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_varies, value.values()))
    return any(map(_varies, value)) if isinstance(value, list) else isinstance(value, tuple)


def _draw(value: Any, randomness: torch.Generator) -> Any:
    if isinstance(value, dict):
        return {name: _draw(inner, randomness) for name, inner in value.items()}
    if isinstance(value, list):
        return [_draw(inner, randomness) for inner in value]
    if not isinstance(value, tuple):
        return value
    low, high = value
    if isinstance(low, int) and isinstance(high, int):
        return int(torch.randint(low, high + 1, (1,), generator=randomness))
    return low + (high - low) * float(torch.rand(1, generator=randomness))
