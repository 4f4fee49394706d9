"""Training an encoder and a decoder together, against a simulator and a pool of distortions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from kornia.losses import ssim_loss
from torch import Tensor, nn
from torch.nn import functional

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import TrainSection
from ftbench.contract.inputs import MARKS_MORE, STUDIES
from ftbench.contract.protocols import ChannelCode, QualityMeasure
from ftbench.data.images import Images
from ftbench.machine import processes
from ftbench.machine.compute import Compute
from ftbench.machine.randomness import generator
from ftbench.pipeline.guard import sampled
from ftbench.pipeline.stages import Pair, SimulatorStage, encoded, randomised
from ftbench.train.again import CoverStatistics, by_itself, marks_again
from ftbench.train.batches import draw_covers, inputs_of
from ftbench.train.colour import colour_excess
from ftbench.train.critic import adversarial_losses
from ftbench.train.distortion_pool import Pieces, Pool, dealt
from ftbench.train.look import Look, bit_accuracy
from ftbench.train.mates import Mates
from ftbench.train.parts import Rows, by_piece, joined
from ftbench.train.ramp import Ramp
from ftbench.train.specific import likeness, shared

MOST_EXACT = 1e-10
"""Mean squared error below which an image counts as unchanged: 100 dB."""
READ = ("accuracy_marked", "accuracy_swapped")
"""Values of the curve, one a reading."""


@dataclass(frozen=True)
class _Batch:
    """What a step works on."""

    step: int
    covers: Tensor
    identity: Tensor
    code: Tensor
    again: Tensor
    """The code of a second mark, (b,n)."""
    damage: Pieces
    randomness: torch.Generator
    """Of the damage."""


@dataclass
class PairTask:
    """A pair in training; see ``loop.Task``."""

    network: Pair
    codec: ChannelCode
    attacks: Sequence[SimulatorStage]
    pool: Pool
    loss_weights: Loss
    settings: TrainSection
    bits: int
    code_bits: int
    seed: int
    images: Images
    val: Images
    compute: Compute
    flip: QualityMeasure | None = None
    """What tells the FLIP that marked images are held at, where they are."""
    parts: int = 1
    ramp: Ramp = field(init=False)

    def __post_init__(self) -> None:
        loss, settings = self.loss_weights, self.settings
        self.ramp = Ramp(
            steps=settings.steps,
            curriculum=settings.curriculum,
            psnr=loss.target_psnr,
            flip=loss.target_flip,
            device=self.compute.device,
        )

    def losses(self, network: nn.Module, step: int) -> Iterator[tuple[Tensor, dict[str, Tensor | float]]]:
        """The loss of a mean image: α times its squared error, plus λ times the entropy of each reading.

        All draws are those of the whole batch, however many parts it is worked on in.
        """
        assert isinstance(network, Pair)
        batch = self._batch(step)
        known: dict[str, Tensor] = {}
        parts = by_piece(len(batch.covers), self.parts, self.settings.pieces)
        for number, rows in enumerate(parts, start=1):
            with sampled():
                loss = self._loss(network, batch, rows, known, last=number == len(parts))
            yield loss, self._values(known) if number == len(parts) else {}

    def _batch(self, step: int) -> _Batch:
        randomness = generator(self.seed, "train", step)
        covers, identity, code = self._draw(randomness)
        damage = self.pool.draw(randomness, self.settings.pieces)
        if processes.count() > 1:
            covers, identity, code = processes.share(covers, identity, code)
            # Each process damages its own rows with noise of its own.
            randomness = generator(self.seed, "train", step, processes.rank())
        with self.compute.autocast():
            again = self._drawn(len(covers), generator(self.seed, "again", step, processes.rank())).to(covers.device)
        return _Batch(step, covers, identity, code, again, damage, randomness)

    def _loss(self, network: Pair, batch: _Batch, rows: Rows, known: dict[str, Tensor], last: bool) -> Tensor:
        """Some rows' share of the loss; what else is measured of them is added to ``known``."""
        step, covers, code = batch.step, rows.of(batch.covers), rows.of(batch.code)
        with self.compute.autocast():
            encoder, held = network.encoder, self.ramp.held(step, self.flip)
            # In turn: the one trains better, the other is what evaluation does (docs/decisions.md).
            as_tested = bool(step % 2) and self._marks_again
            statistics = CoverStatistics(encoder)
            with statistics.gathered() if as_tested else nullcontext():
                marked = network.mark(covers, code, held, exact=False)
            normalised = statistics.used if as_tested else partial(by_itself, encoder)
            marks = partial(marks_again, network, normalised, held=held)
            how = {"twice": self.settings.complement, "fresh": randomised(self.codec)}
            mates = Mates(batch.covers, batch.code, rows, marked, marks, **how)
            seen = [marked, *self._fakes(marked, batch.again, batch.identity, step, mates)]
            damaged = batch.damage(torch.cat(seen), batch.randomness, rows.repeated(len(seen)))
            logits = network.read(damaged).float()
        image_loss = functional.mse_loss(marked.float(), covers)
        readings = logits.split(len(covers))
        message_losses = [functional.binary_cross_entropy_with_logits(reading, code) for reading in readings]
        message_loss = torch.stack(message_losses).sum()
        terms = list(self._quality_terms(network, covers, marked, code, step))
        measured = {"message_loss": message_loss, "image_loss": image_loss, **dict(terms)}
        measured |= {name: bit_accuracy(reading, code) for name, reading in zip(READ, readings, strict=False)}
        for name, value in measured.items():
            mean = rows.weighed(value.detach())
            known[name] = known[name] + mean if name in known else mean
        if last:
            self.ramp.hear(step, known[READ[0]])
        # Whether the ramp began is only known of all rows, but changes nothing in the step that it begins with.
        share = self.ramp.image_share(step)
        total = self._total(image_loss * share, message_loss * self.ramp.message_share(step))
        for _, term in terms:
            total = total + term * share
        return rows.weighed(total)

    def _values(self, known: Mapping[str, Tensor]) -> dict[str, Tensor | float]:
        """A step's row of the curve."""
        accuracies = {name: known[name] for name in READ if name in known}
        return {
            **{name: value for name, value in known.items() if name not in READ},
            "image_weight": self.ramp.image_share(self.ramp.step),
            **accuracies,
            "psnr": -10 * known["image_loss"].clamp_min(MOST_EXACT).log10(),
        }

    @property
    def _marks_again(self) -> bool:
        """Whether a step may mark more than its covers."""
        return any(MARKS_MORE & set(attack.record.needs) for attack in self.attacks)

    def _fakes(self, marked: Tensor, again: Tensor, identity: Tensor, step: int, mates: Mates) -> list[Tensor]:
        """The fakes (b,3,h,w) of a step, none without simulators; ``again``: the code of a second mark, (b,n).

        ``marked`` holds some rows of the batch, ``again``, ``identity`` and ``mates`` all.
        """
        met, rows = self._met(step), mates.rows
        fakes, chosen = [], []
        for at, (attack, own) in enumerate(zip(met, rows.dealt(len(met)), strict=True)):
            if isinstance(own, Tensor) and not len(own):
                continue
            place = (step, processes.rank(), *([at] if at else []))
            all_of_it = slice(at, None, len(met))
            inputs = inputs_of(
                self.images,
                identity[all_of_it],
                generator(self.seed, "donor", *place),
                self.compute.device,
                slice(None) if rows.places is None else rows.places[own] // len(met),
                remarked=mates.marks(rows.of(again)[own]),
            )
            if STUDIES in attack.record.needs:
                mates.study(attack, own, self.seed, place)
            elif attack.known is not None:
                inputs = mates.inputs(inputs, attack.known, own, self.seed, place)
            fakes.append(attack(marked[own], inputs))
            chosen.append(own)
        return fakes if len(met) < 2 else [joined(fakes, chosen)]

    def _met(self, step: int) -> list[SimulatorStage]:
        """The simulators of a step, one a piece, all processes' the same."""
        if len(self.attacks) < 2:
            return list(self.attacks)
        count = min(self.settings.pieces, len(self.attacks), self.settings.batch_size // processes.count())
        chosen = dealt(len(self.attacks), count, generator(self.seed, "simulator", step))
        return [self.attacks[one] for one in chosen]

    def _draw(self, randomness: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """A batch: covers (b,3,s,s), who they show (b,), codes (b,n)."""
        settings, twice = self.settings, self.settings.complement
        drawn = -(-settings.batch_size // 2) if twice else settings.batch_size
        covers, identity = draw_covers(self.images, drawn, settings.augment, randomness, self.compute.device)
        code = self._drawn(drawn, randomness).to(covers.device)
        if settings.same_code and float(torch.rand((), generator=randomness)) < settings.same_code:
            code = shared(code)
        if not twice:
            return covers, identity, code
        both = [torch.cat([covers, covers]), torch.cat([identity, identity]), torch.cat([code, 1 - code])]
        covers, identity, code = (part[: settings.batch_size] for part in both)
        return covers.contiguous(memory_format=torch.channels_last), identity, code

    def _drawn(self, count: int, randomness: torch.Generator) -> Tensor:
        """Codes (count, n) of payloads drawn uniformly."""
        payloads = torch.randint(0, 2, (count, self.bits), generator=randomness).float()
        return encoded(self.codec, payloads, randomness)

    def _quality_terms(
        self, network: Pair, covers: Tensor, marked: Tensor, code: Tensor, step: int
    ) -> Iterator[tuple[str, Tensor]]:
        weights = self.loss_weights
        if weights.structure:
            # kornia halves it.
            yield "structure_loss", 2 * weights.structure * ssim_loss(marked.float(), covers, window_size=11)
        if weights.specific:
            yield "specific_loss", weights.specific * likeness(marked - covers, code)
        if weights.most_colour is not None:
            yield "colour_loss", colour_excess(covers, marked, weights.most_colour, step)
        if network.critic is not None:
            with self.compute.autocast():
                fooled, own = adversarial_losses(network.critic, covers, marked)
            yield "adversarial_loss", weights.adversarial * fooled
            yield "critic_loss", own

    def validate(self, network: nn.Module) -> tuple[float | None, dict[str, float]]:
        """The loss at full image weight on the val split, undistorted, with payloads fixed for ever."""
        assert isinstance(network, Pair)
        look = Look(
            codec=self.codec,
            attacks=self.attacks,
            images=self.images,
            val=self.val,
            bits=self.bits,
            seed=self.seed,
            device=self.compute.device,
            flip=self.flip,
        )
        sums = look(network, self.ramp.held(self.ramp.step, self.flip))
        values = {"val_accuracy_marked": sums["marked"], "val_psnr": decibels(sums["image"])}
        if self.flip is not None:
            values["val_flip"] = sums["flip"]
        if self.attacks:
            values["val_accuracy_swapped"] = sums["swapped"]
        score = self._total(sums["image"], sums["message"])
        return (score if self.ramp.may_be_kept else None), values

    def state(self) -> dict[str, Any]:
        """How far the ramp is, and how a batch is worked on."""
        return {**self.ramp.state(), "parts": self.parts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""
        self.ramp.restore(state)
        self.parts = max(self.parts, state.get("parts", 1))

    def _total(self, image_loss: Any, message_loss: Any) -> Any:
        weights = self.loss_weights
        image, message = weights.image_weight(), weights.message_weight(self.code_bits)
        # In units of one reading's entropy, so that clipping and Adam's epsilon mean the same in every setting.
        return (image * image_loss + message * message_loss) / (message or image or 1.0)


def decibels(squared_error: float) -> float:
    """PSNR in dB of a mean squared error of values in [0, 1]; 100 stands for anything better."""
    return -10 * math.log10(max(squared_error, MOST_EXACT))
