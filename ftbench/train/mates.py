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
from ftbench.train.parts import Rows

Marks = Callable[[Tensor], Callable[[Tensor], Tensor]]
"""A code (m,n) -> what marks m images with it."""


@dataclass(frozen=True)
class Mates:
    """A whole batch: covers (b,3,h,w) and codes (b,n)."""

    covers: Tensor
    code: Tensor
    rows: Rows
    """Those of the batch that are worked on."""
    twice: bool = False
    """Whether the second half of the covers is the first once more."""
    residuals: Tensor | None = None
    """Marked − cover of these rows, where a code gives every picture another word: then nobody has two pictures with
    one word, and all an attacker can average is this."""

    @property
    def _different(self) -> int:
        """How many covers of the batch there are."""
        return -(-len(self.covers) // 2) if self.twice else len(self.covers)

    def inputs(
        self, own: Inputs, known: Known, marks: Marks, some: slice | Tensor, seed: int, place: Sequence[str | int]
    ) -> Inputs:
        """The inputs of ``some`` of the rows, with the mean residual of their mates."""
        drawn = partial(generator, seed, "averaged", *place)
        if self.residuals is not None and not known.flat:
            return own.but(averaged=partial(self._others, known, self.residuals, some))
        return own.but(averaged=partial(self._mean, known, marks, self.rows.places_of(some), drawn))

    def study(
        self, attack: SimulatorStage, marked: Tensor, some: slice | Tensor, seed: int, place: Sequence[str | int]
    ) -> None:
        """Show an attack on ``some`` of the rows those with other covers, as far as it knows any.

        ``marked`` (m,3,h,w): all rows.
        """
        # By their covers: a complement on the same cover has the same mark with another sign.
        shows = self.rows.places_of(slice(None)) % self._different
        others = ~torch.isin(shows, shows[some])
        places = others.nonzero().flatten()[: attack.known.pairs if attack.known else 0]
        if len(places):
            covers = self.rows.of(self.covers)[places]
            attack.study(marked.detach()[places].float(), covers, generator(seed, "known", *place))

    def of_each(
        self, attacks: Iterable[SimulatorStage], own: Inputs, marks: Marks, seed: int, start: int
    ) -> list[Inputs]:
        """The inputs of all images for each of some attacks, in a look at val that begins at image ``start``."""
        return [
            own
            if "averaged" not in attack.record.needs or attack.known is None
            else self.inputs(own, attack.known, marks, slice(None), seed, ("val", start))
            for attack in attacks
        ]

    def _others(self, known: Known, residuals: Tensor, some: slice | Tensor) -> Tensor:
        """Mean of as many residuals of other rows, for ``some``: (m,3,h,w)."""
        count = len(residuals)
        places = torch.arange(count)[some]
        after = [1 + step % max(1, count - 1) for step in range(known.pairs)]
        return torch.stack([residuals[(places + one) % count] for one in after]).mean(0)

    def _mean(self, known: Known, marks: Marks, places: Tensor, randomness: Callable[[], torch.Generator]) -> Tensor:
        """Mean of marked − cover over mates of the images at ``places``: (m,3,h,w), each with its image's code."""
        mark = marks(self.code[places])
        if known.flat:
            flat = flat_covers(known.pairs, self.covers.shape[-1], randomness()).to(self.covers.device)
            return mean_residual(mark, flat, len(places))
        total = None
        for step in range(known.pairs):
            # Whoever follows in the batch, and never the image itself, where there is another.
            after = 1 + step % max(1, self._different - 1)
            mates = self.covers[(places % self._different + after) % self._different]
            found = mark(mates) - mates
            total = found if total is None else total + found
        if total is None:
            raise ValueError("a mean needs one picture or more")
        return total / known.pairs
