"""How far a pair's training has come: whether bits are read, and at what quality images are marked meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ftbench.benchfile.schema import Curriculum
from ftbench.contract.protocols import QualityMeasure
from ftbench.machine import processes
from ftbench.pipeline.held import HeldAt
from ftbench.pipeline.stages import Held
from ftbench.train.schedules import LAST_LOOKS, flip_at, image_share, message_share, psnr_at

LOOK_EVERY = 20
"""Steps between looks at the running bit accuracy."""
MEMORY = 0.9
"""Share of yesterday in the running bit accuracy that starts the ramp: some ten steps count."""


@dataclass
class Ramp:
    """Quality from the start's to the target's; it begins once bits are read."""

    steps: int
    curriculum: Curriculum
    psnr: float | None
    """dB that marked images are held at in the end, where they are."""
    flip: float | None
    """The mean FLIP that they are held at instead."""
    device: str
    accuracy: Tensor = field(default_factory=lambda: torch.tensor(0.5))
    """Running bit accuracy of marked images, on the device: only a look at it waits for the device."""
    read_step: int | None = None
    step: int = 0

    def held(self, step: int, measure: QualityMeasure | None) -> Held | None:
        """What marked images are held at in a step; ``measure``: what tells a FLIP, where they are held at one."""
        if self.flip is None:
            return None if self.psnr is None else psnr_at(*self._place(step), self.psnr)
        assert measure is not None
        return HeldAt(flip_at(*self._place(step), self.flip), measure)

    def image_share(self, step: int) -> float:
        """The share of the full image weight in a step."""
        return image_share(*self._place(step))

    def message_share(self, step: int) -> float:
        """The share of the message weight in a step."""
        return message_share(step, self.steps, self.curriculum)

    def hear(self, step: int, accuracy: Tensor) -> None:
        """Note how well marked images were read in a step, and whether the ramp begins with it."""
        self.step = step
        self.accuracy = MEMORY * self.accuracy.to(accuracy.device) + (1 - MEMORY) * accuracy
        if self.read_step is None and step % LOOK_EVERY == 0:
            # Of all rows, so that processes that share a training begin the ramp together.
            known = processes.average(float(self.accuracy), self.device)
            self.read_step = step if known >= self.curriculum.read_at else None

    @property
    def may_be_kept(self) -> bool:
        """Whether a look after the latest step may give the kept weights: near the end, at full quality."""
        if self.step + 1 < (1 - LAST_LOOKS) * self.steps:
            return False
        place = self._place(self.step)
        if self.psnr is not None:
            return psnr_at(*place, self.psnr) >= self.psnr
        return flip_at(*place, self.flip) <= self.flip if self.flip is not None else image_share(*place) >= 1

    def state(self) -> dict[str, Any]:
        """The running accuracy, when the ramp began, and the latest step."""
        return {"accuracy": float(self.accuracy), "read_step": self.read_step, "step": self.step}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""
        self.accuracy = torch.tensor(state["accuracy"])
        self.read_step, self.step = state["read_step"], state["step"]

    def _place(self, step: int) -> tuple[int, int, int | None, Curriculum]:
        return step, self.steps, self.read_step, self.curriculum
