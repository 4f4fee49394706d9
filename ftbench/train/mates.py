"""What an attacker in training knows before and after marking: the other covers of a batch, with the attacked code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

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
    marked: Tensor
    """These rows, (m,3,h,w)."""
    marks: Marks
    twice: bool = False
    """Whether the second half of the covers is the first once more."""
    fresh: bool = False
    """Whether a code gives every picture another word. Then nobody has two pictures with one word, and what an attacker
    can average is the batch as it is marked."""

    def inputs(self, own: Inputs, known: Known, some: slice | Tensor, seed: int, place: Sequence[str | int]) -> Inputs:
        """The inputs of ``some`` of the rows, with the mean residual of their mates."""
        places = self.rows.places_of(some)
        if self.fresh and not known.flat:
            return own.but(averaged=partial(self._mean_as_marked, known, places))
        drawn = partial(generator, seed, "averaged", *place)
        return own.but(averaged=partial(self._mean, known, places, drawn))

    def study(self, attack: SimulatorStage, some: slice | Tensor, seed: int, place: Sequence[str | int]) -> None:
        """Show an attack on ``some`` of the rows all others, as many as it knows.

        Raises ValueError where there is none.
        """
        # By their covers: a complement on the same cover has the same mark with another sign.
        shows = torch.arange(len(self.covers)) % self._different
        others = ~torch.isin(shows, shows[self.rows.places_of(some)])
        places = others.nonzero().flatten()[: attack.known.pairs if attack.known else None]
        if not len(places):
            raise ValueError(
                f"{attack.record.name!r} has no other image of the step to study; raise train.batch_size, or share the "
                "training among fewer processes"
            )
        marked = self._all_marked.detach()[places].float()
        attack.study(marked, self.covers[places], generator(seed, "known", *place))

    def of_each(self, attacks: Iterable[SimulatorStage], own: Inputs, seed: int, start: int) -> list[Inputs]:
        """The inputs of all images for each of some attacks, in a look at val that begins at image ``start``."""
        return [
            own
            if "averaged" not in attack.record.needs or attack.known is None
            else self.inputs(own, attack.known, slice(None), seed, ("val", start))
            for attack in attacks
        ]

    @property
    def _different(self) -> int:
        """How many covers of the batch there are."""
        return -(-len(self.covers) // 2) if self.twice else len(self.covers)

    @cached_property
    def _all_marked(self) -> Tensor:
        """The whole batch, marked: (b,3,h,w). Rows of other parts have no gradient, which is theirs to give."""
        if self.rows.places is None:
            return self.marked
        rest = torch.ones(len(self.covers), dtype=torch.bool)
        rest[self.rows.places] = False
        places = rest.nonzero().flatten()
        with torch.no_grad():
            others = self.marks(self.code[places])(self.covers[places])
        order = torch.cat([self.rows.places, places]).argsort()
        return torch.cat([self.marked, others.to(self.marked.dtype)])[order.to(others.device)]

    def _mean_as_marked(self, known: Known, places: Tensor) -> Tensor:
        """Mean of marked − cover over those that follow in the batch, each with its own code: (m,3,h,w)."""
        count, found = len(self.covers), []
        for step in range(known.pairs):
            chosen = (places + 1 + step % max(1, self._different - 1)) % count
            # The other half of an odd batch is shorter, so that one may come upon its own cover there.
            own = chosen % self._different == places % self._different
            chosen = torch.where(own, (chosen + 1) % count, chosen)
            found.append(self._all_marked[chosen] - self.covers[chosen])
        return torch.stack(found).mean(0)

    def _mean(self, known: Known, places: Tensor, randomness: Callable[[], torch.Generator]) -> Tensor:
        """Mean of marked − cover over mates of the images at ``places``: (m,3,h,w), each with its image's code."""
        mark = self.marks(self.code[places])
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
