"""The distortions that training draws from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

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

    def draw(self, randomness: torch.Generator) -> DistortionStage:
        """Build the distortion with parameters drawn now."""
        drawn = {name: _draw(value, randomness) for name, value in self.parameters.items()}
        return DistortionStage(self.record, self.guard.built(self.record.load(), **drawn), self.guard)


@dataclass(frozen=True)
class Pool:
    """Distortions of which one is drawn every step, each as likely."""

    members: Sequence[Ranged]

    def draw(self, randomness: torch.Generator) -> DistortionStage:
        """Draw a distortion and its strength."""
        choice = int(torch.randint(len(self.members), (1,), generator=randomness))
        return self.members[choice].draw(randomness)


def _draw(value: Any, randomness: torch.Generator) -> Any:
    if not isinstance(value, tuple):
        return value
    low, high = value
    if isinstance(low, int) and isinstance(high, int):
        return int(torch.randint(low, high + 1, (1,), generator=randomness))
    return low + (high - low) * float(torch.rand(1, generator=randomness))
