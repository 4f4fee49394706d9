"""What an attacker in training knows before and after marking: the other covers of a batch, with the attacked code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ftbench.machine.randomness import generator
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.known import Known, flat_covers, mean_residual
from ftbench.pipeline.stages import SimulatorStage

Marks = Callable[[Tensor], Callable[[Tensor], Tensor]]
"""A code (m,n) -> what marks m images with it."""


@dataclass(frozen=True)
class Mates:
    """A whole batch: covers (b,3,h,w) and codes (b,n)."""

    covers: Tensor
    code: Tensor
    twice: bool = False
    """Whether the second half of the covers is the first once more."""

    def inputs(
        self, own: Inputs, known: Known, marks: Marks, places: Tensor, seed: int, place: Sequence[str | int]
    ) -> Inputs:
        """The inputs of the images at ``places`` (m,) of the batch, with the mean residual of their mates."""
        return own.but(averaged=partial(self._mean, known, marks, places, lambda: generator(seed, "averaged", *place)))

    def of_each(
        self, attacks: Iterable[SimulatorStage], own: Inputs, marks: Marks, seed: int, start: int
    ) -> list[Inputs]:
        """The inputs of all images for each of some attacks, in a look at val that begins at image ``start``."""
        whole = torch.arange(len(self.code))
        return [
            own if attack.known is None else self.inputs(own, attack.known, marks, whole, seed, ("val", start))
            for attack in attacks
        ]

    def _mean(self, known: Known, marks: Marks, places: Tensor, randomness: Callable[[], torch.Generator]) -> Tensor:
        """Mean of marked − cover over mates of the images at ``places``: (m,3,h,w), each with its image's code."""
        mark = marks(self.code[places])
        if known.flat:
            flat = flat_covers(known.pairs, self.covers.shape[-1], randomness()).to(self.covers.device)
            return mean_residual(mark, flat, len(places))
        different = -(-len(self.covers) // 2) if self.twice else len(self.covers)
        total = None
        for step in range(known.pairs):
            # Whoever follows in the batch, and never the image itself, where there is another.
            after = 1 + step % max(1, different - 1)
            mates = self.covers[(places % different + after) % different]
            found = mark(mates) - mates
            total = found if total is None else total + found
        if total is None:
            raise ValueError("a mean needs one picture or more")
        return total / known.pairs
