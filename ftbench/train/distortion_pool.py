"""The distortions that training draws from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ftbench.contract.records import Distortion
from ftbench.pipeline.guard import Guard
from ftbench.pipeline.stages import DistortionStage


@dataclass(frozen=True)
class Ranged:
    """A distortion whose parameters are fixed or drawn between two numbers."""

    record: Distortion
    parameters: dict[str, Any]
    """name -> value, or (low, high): drawn uniformly; between whole numbers, a whole number."""
    guard: Guard = field(default_factory=lambda: Guard("a distortion"))

    @property
    def varies(self) -> bool:
        """Whether two draws may differ."""
        return any(isinstance(value, tuple) for value in self.parameters.values())

    def draw(self, randomness: torch.Generator) -> DistortionStage:
        """Build the distortion with parameters drawn now."""
        drawn = {name: _draw(value, randomness) for name, value in self.parameters.items()}
        return DistortionStage(self.record, self.guard.built(self.record.load(), **drawn), self.guard)


Damage = Callable[[Tensor, torch.Generator], Tensor]
"""Image (b,3,h,w) and a generator -> the same shape, 8-bit."""


@dataclass(frozen=True)
class Pool:
    """The distortions of a training."""

    members: Sequence[Ranged]

    def draw(self, randomness: torch.Generator, pieces: int = 1) -> Damage:
        """Draw a distortion and its strength for each piece of a batch, no distortion twice before all came once."""
        if pieces == 1 or (len(self.members) == 1 and not self.members[0].varies):
            choice = int(torch.randint(len(self.members), (1,), generator=randomness))
            return self.members[choice].draw(randomness)
        chosen = dealt(len(self.members), pieces, randomness)
        return Pieces([self.members[choice].draw(randomness) for choice in chosen])


@dataclass(frozen=True)
class Pieces:
    """Every so many-th image to one stage, so that an image's row modulo their number says which it meets."""

    stages: Sequence[Damage]

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Image (b,3,h,w) -> the same shape, 8-bit."""
        count = min(len(self.stages), len(image))
        return interleaved([stage(image[at::count], generator) for at, stage in enumerate(self.stages[:count])])


def interleaved(parts: Sequence[Tensor]) -> Tensor:
    """The batch (b,3,h,w) of which part i holds the rows i, i+n, i+2n, …"""
    whole = torch.cat(list(parts))
    rows = torch.cat([torch.arange(at, len(whole), len(parts)) for at in range(len(parts))])
    return whole[rows.argsort().to(whole.device)].contiguous(memory_format=torch.channels_last)


def dealt(kinds: int, count: int, randomness: torch.Generator) -> list[int]:
    """``count`` of so many kinds, in whole rounds through all of them before any comes again."""
    rounds = [torch.randperm(kinds, generator=randomness) for _ in range(-(-count // kinds))]
    return torch.cat(rounds)[:count].tolist()


def _draw(value: Any, randomness: torch.Generator) -> Any:
    if not isinstance(value, tuple):
        return value
    low, high = value
    if isinstance(low, int) and isinstance(high, int):
        return int(torch.randint(low, high + 1, (1,), generator=randomness))
    return low + (high - low) * float(torch.rand(1, generator=randomness))
