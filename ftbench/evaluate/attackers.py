"""Attackers who know an owner's pictures before and after marking: what each is handed, and what is measured of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ftbench.contract.inputs import STUDIES
from ftbench.contract.protocols import ChannelCode
from ftbench.data.images import Images
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.known import Known, mean_residual
from ftbench.pipeline.stages import Held, Pair, SimulatorStage, encoded, randomised
from ftbench.pipeline.studying import show
from ftbench.storage.results import CHANGED, FAKE, FORGED, LEFT

Marks = Callable[[Tensor], Tensor]
"""Marks images with the payloads of a batch."""
OTHERS = 1
"""Tells nonces of known pictures from those of the pictures under test."""


@dataclass(frozen=True)
class Attackers:
    """The simulators of an evaluation, with what they may know of the pair under test."""

    attacks: Mapping[str, SimulatorStage]
    pair: Pair
    codec: ChannelCode
    bits: int
    held: Held | None
    seed: int
    images: Images | None
    """What is known before and after marking; none of them is under test."""
    device: str

    def studied(self) -> Attackers:
        """Themselves, once those who study pictures were shown theirs, each marked with a payload of its own."""
        for name, attack in self.attacks.items():
            if STUDIES not in attack.record.needs:
                continue
            randomness = generator(self.seed, "known", name)
            covers = self._covers(attack.known or Known(0), randomness)
            seed = derive(self.seed, "known", name)
            show(attack, covers, self.pair, self.held, self.codec, self.bits, randomness, seed)
        return self

    def alike(self, payloads: Tensor, code: Tensor, draw: int, number: int, *known: int) -> Marks:
        """What marks other images with ``payloads`` (b,k): by their ``code`` (b,n), or by a fresh one each."""
        randomness = generator(self.seed, "nonce", draw, number, OTHERS, *known)
        if not randomised(self.codec):
            return self.pair.marking(code, self.held)
        return lambda image: self.pair.mark(image, encoded(self.codec, payloads, randomness).to(self.device), self.held)

    def inputs(
        self, own: Inputs, alike: Callable[..., Marks], again: Tensor, place: tuple[int, int]
    ) -> dict[str, Inputs]:
        """The inputs of each for a batch; ``alike`` marks with its payloads, ``again``: the codes of second marks."""
        means = {
            known: partial(self._mean, known, alike, len(again), place)
            for known in dict.fromkeys(attack.known for attack in self.attacks.values())
            if known is not None
        }
        found = {}
        for name, attack in self.attacks.items():
            mine = own if attack.other is None else own.marked_again_by(attack.other.marking(again, self.held))
            found[name] = mine if attack.known is None else mine.but(averaged=means[attack.known])
        return found

    def fakes(self, image: Tensor, inputs: Mapping[str, Inputs], place: tuple[int, int]) -> dict[str, Tensor]:
        """What each makes of an image (b,3,h,w); of another one with the same draw."""
        seeds = {name: derive(self.seed, "simulator", name, *place) for name in self.attacks}
        return {name: attack(image, inputs[name], seeds[name]) for name, attack in self.attacks.items()}

    def compared(self, name: str, reference: Tensor, marked: Tensor, covers: Tensor) -> dict[str, Tensor]:
        """What an attack's outcome is compared with, by what the row is of; ``reference``: the fake of the cover."""
        attack = self.attacks[name]
        if attack.known is None:
            return {FAKE + name: reference}
        return {FORGED + name: covers} if attack.forges else {LEFT + name: covers, CHANGED + name: marked}

    def _mean(self, known: Known, alike: Callable[..., Marks], rows: int, place: tuple[int, int]) -> Tensor:
        covers = self._covers(known, generator(self.seed, "averaged", *place, known.pairs, known.flat))
        return mean_residual(alike(known.pairs, known.flat), covers, rows)

    def _covers(self, known: Known, randomness: torch.Generator) -> Tensor:
        if self.images is None or not known.pairs:
            raise ValueError("attackers who know pictures need some, and have to say how many")
        return known.covers(self.images, randomness, self.device)
