"""A look at the val split in a pair's training: undistorted, with payloads and draws fixed for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from ftbench.contract.inputs import STUDIES
from ftbench.contract.protocols import ChannelCode, QualityMeasure
from ftbench.data.images import Images
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.stages import Held, Pair, SimulatorStage, encoded, randomised
from ftbench.pipeline.studying import show
from ftbench.train.batches import VAL_BATCH, fixed_payloads, inputs_of
from ftbench.train.mates import Mates
from ftbench.train.parts import Rows


@dataclass(frozen=True)
class Look:
    """Calling it gives means over the val split; see ``__call__``."""

    codec: ChannelCode
    attacks: Sequence[SimulatorStage]
    images: Images
    """The train split, of which those who study pictures are shown some."""
    val: Images
    bits: int
    seed: int
    device: str
    flip: QualityMeasure | None

    def __call__(self, network: Pair, held: Held | None) -> dict[str, float]:
        """Squared error ``image``, entropies ``message``, bit accuracies ``marked`` and ``swapped``, and ``flip``."""
        self._study(network, held)
        sums: dict[str, float] = dict.fromkeys(("image", "message", "marked", "swapped", "flip"), 0.0)
        for start in range(0, len(self.val), VAL_BATCH):
            index = torch.arange(start, min(start + VAL_BATCH, len(self.val)))
            covers = self.val.covers(index, self.device)
            fresh = generator(self.seed, "nonce", start)
            code, again = (self._code(index, draw, fresh) for draw in (0, 1))
            marked = network.mark(covers, code, held)
            # Before any simulator seeds torch's generator, from which a decoder might draw.
            readings = [network.read(marked)]
            fakes = self._fakes(network, held, index, (covers, code, again, marked))
            readings += [network.read(fake) for fake in fakes]
            weight = len(index) / len(self.val)
            sums["image"] += weight * functional.mse_loss(marked, covers).item()
            if self.flip is not None:
                sums["flip"] += weight * self.flip(covers, marked).mean().item()
            for place, reading in enumerate(readings):
                entropy = functional.binary_cross_entropy_with_logits(reading, code).item()
                # As in a step: the marked image once, and one of the simulators.
                among = len(self.attacks) if place else 1
                sums["message"] += weight * entropy / among
                sums["swapped" if place else "marked"] += weight * float(bit_accuracy(reading, code)) / among
        return sums

    def _code(self, index: Tensor, draw: int, fresh: torch.Generator) -> Tensor:
        payloads = fixed_payloads([self.val.keys[i] for i in index.tolist()], draw, 0, self.bits)
        return encoded(self.codec, payloads, fresh).to(self.device)

    def _fakes(
        self, network: Pair, held: Held | None, index: Tensor, batch: tuple[Tensor, Tensor, Tensor, Tensor]
    ) -> list[Tensor]:
        """What each simulator makes of a batch: covers, codes, those of second marks, and marked images."""
        (covers, code, again, marked), start = batch, int(index[0])
        identity = self.val.identity[index].to(covers.device)
        randomness = generator(self.seed, "donor-val", start)
        inputs = inputs_of(self.val, identity, randomness, self.device, remarked=network.marking(again, held))
        marks = partial(network.marking, psnr=held)
        mates = Mates(covers, code, Rows(len(covers)), marked, marks, fresh=randomised(self.codec))
        own = mates.of_each(self.attacks, inputs, self.seed, start)
        # Simulators that draw do so alike at every look, so that two looks can be compared.
        seeds = [derive(self.seed, "simulator-val", place, start) for place in range(len(self.attacks))]
        return [attack(marked, extra, seed) for attack, extra, seed in zip(self.attacks, own, seeds, strict=True)]

    def _study(self, network: Pair, held: Held | None) -> None:
        for attack in self.attacks:
            if STUDIES in attack.record.needs and attack.known is not None:
                randomness = generator(self.seed, "known")
                covers = attack.known.covers(self.images, randomness, self.device)
                show(attack, covers, network, held, self.codec, self.bits, randomness, derive(self.seed, "known"))


def bit_accuracy(logits: Tensor, bits: Tensor) -> Tensor:
    """Share of equal bits, logits and bits both (b, n); a scalar on their device."""
    return ((logits.detach() > 0) == (bits > 0.5)).float().mean()
