"""Fitting trainable simulators on the train split, and trainable codes on no image at all; frozen afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ftbench.benchfile.schema import FitSection
from ftbench.data.images import Images
from ftbench.machine import processes
from ftbench.machine.compute import Compute
from ftbench.machine.randomness import generator
from ftbench.machine.stopwatch import backward_of, timed
from ftbench.pipeline.guard import Guard, sampled
from ftbench.pipeline.inputs import Inputs
from ftbench.train.batches import VAL_BATCH, draw_covers, inputs_of
from ftbench.train.parts import by_person, by_piece

CODE_VAL = 8192
"""Payloads of a code's val loss."""


@dataclass
class SimulatorTask:
    """A simulator in training; see ``loop.Task``."""

    network: nn.Module
    needs: tuple[str, ...]
    settings: FitSection
    seed: int
    images: Images
    val: Images
    compute: Compute
    per_person: int = 1
    guard: Guard = field(default_factory=lambda: Guard("the simulator"))
    parts: int = 1

    def losses(self, network: nn.Module, step: int) -> Iterator[tuple[Tensor, dict[str, Tensor | float]]]:
        """The simulator's own loss on a batch of augmented covers; each part draws noise of its own."""
        randomness = generator(self.seed, "fit", step)
        covers, identity = draw_covers(
            self.images,
            self.settings.batch_size,
            self.settings.augment,
            randomness,
            self.compute.device,
            self.per_person,
        )
        if processes.count() > 1:
            covers, identity = processes.share(covers, identity)
            randomness = generator(self.seed, "fit", step, processes.rank())
        for rows in by_person(identity, self.parts, self.per_person):
            with sampled(), self.compute.autocast():
                drawn = generator(self.seed, "donor", step, processes.rank())
                inputs = inputs_of(self.images, identity, drawn, self.compute.device, rows.own)
                loss = self._own_loss(network, rows.of(covers), inputs, randomness)
            yield rows.weighed(loss), {}

    def validate(self, network: nn.Module) -> tuple[float | None, dict[str, float]]:
        """The same loss on the val split, with the same draws every time."""
        total = 0.0
        for start in range(0, len(self.val), VAL_BATCH):
            index = torch.arange(start, min(start + VAL_BATCH, len(self.val)))
            covers = self.val.covers(index, self.compute.device)
            randomness = generator(self.seed, "fit-val", start)
            identity = self.val.identity[index].to(covers.device)
            inputs = inputs_of(self.val, identity, generator(self.seed, "donor-val", start), self.compute.device)
            loss = self._own_loss(network, covers, inputs, randomness)
            total += float(loss) * len(index) / len(self.val)
        return total, {"val_loss": total}

    def state(self) -> dict[str, Any]:
        """Nothing is remembered between steps but how a batch is worked on."""
        return {"parts": self.parts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""
        self.parts = max(self.parts, state.get("parts", 1))

    def _own_loss(self, network: nn.Module, covers: Tensor, inputs: Inputs, randomness: torch.Generator) -> Tensor:
        with timed("simulator"):
            given = self.guard.all_resized(inputs.of(self.needs, covers))
            fit_loss: Any = network.fit_loss
            loss = self.guard.scalar(fit_loss, self.guard.resized(covers), given, randomness).float()
            return backward_of(loss, "simulator")


@dataclass
class CodeTask:
    """A channel code in training; see ``loop.Task``."""

    network: nn.Module
    batch_size: int
    seed: int
    parts: int = 1

    def losses(self, network: nn.Module, step: int) -> Iterator[tuple[Tensor, dict[str, Tensor | float]]]:
        """The code's own loss, in float32: its networks are too small to gain from less."""
        randomness = generator(self.seed, "code", step)
        for rows in by_piece(self.batch_size, self.parts, self.parts):
            loss: Tensor = network.fit_loss(len(rows), randomness)  # type: ignore[operator]
            yield rows.weighed(loss), {}

    def validate(self, network: nn.Module) -> tuple[float | None, dict[str, float]]:
        """The same loss on payloads and flips that stay the same."""
        loss = network.fit_loss(CODE_VAL, generator(self.seed, "code-val"))  # type: ignore[operator]
        return float(loss), {"val_loss": float(loss)}

    def state(self) -> dict[str, Any]:
        """Nothing is remembered between steps but how a batch is worked on."""
        return {"parts": self.parts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""
        self.parts = max(self.parts, state.get("parts", 1))
