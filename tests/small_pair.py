"""A pair small enough to train in a test: one linear layer writes, two read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import ftbench
from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Optimiser, TrainSection
from ftbench.data.images import Images
from ftbench.machine.compute import Compute
from ftbench.pipeline.stages import Pair, SimulatorStage
from ftbench.progress import Silent
from ftbench.storage.store import CellFolder
from ftbench.train import loop
from ftbench.train.distortion_pool import Pool, Ranged
from ftbench.train.pair import PairTask

COMPUTE = Compute("cpu", "float32", 1, "none")


def images(first: int = 12, second: int = 30, size: int = 16) -> Images:
    count = first + second
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(0))
    return Images(
        keys=tuple(f"{i:04d}" for i in range(count)),
        names=tuple(f"{i}.png" for i in range(count)),
        people=("a", "b"),
        identity=torch.tensor([0] * first + [1] * second),
        pixels=pixels.to(torch.uint8),
    )


class Writes(nn.Module):
    def __init__(self, bits: int) -> None:
        super().__init__()
        self.planes = nn.Linear(bits, 3)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover + 0.1 * torch.tanh(self.planes(2 * code - 1))[:, :, None, None]


class Reads(nn.Module):
    def __init__(self, bits: int) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.1), nn.Linear(16, bits))

    def forward(self, image: Tensor) -> Tensor:
        return self.read(image.mean(dim=(2, 3)))  # type: ignore[no-any-return]


class Bare:
    def encode(self, payload: Tensor) -> Tensor:
        return payload

    def decode(self, logits: Tensor) -> Tensor:
        return (logits > 0).float()


def darker(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return image * 0.5


SIMULATOR = ftbench.Simulator(name="darker", factory="x:x", summary="x", differentiable=True, trainable=False)
IDENTITY = ftbench.Distortion(
    name="identity",
    factory="ftbench_distortions.compression:Identity",
    summary="x",
    differentiable=True,
    category="none",
)


def task(loss: Loss | None = None, **settings: Any) -> PairTask:
    torch.manual_seed(0)
    return PairTask(
        network=Pair(Writes(4), Reads(4)),
        codec=Bare(),
        attacks=[SimulatorStage(SIMULATOR, darker)],
        pool=Pool([Ranged(IDENTITY, {})]),
        loss_weights=loss or Loss(),
        settings=TrainSection(steps=60, batch_size=8, **settings),
        bits=4,
        code_bits=4,
        seed=0,
        images=images(),
        val=images(4, 4),
        compute=COMPUTE,
    )


def run(folder: Path, progress: Silent | None = None, made: PairTask | None = None, steps: int = 60) -> dict[str, Any]:
    return loop.train(
        made or task(),
        steps=steps,
        optimiser=Optimiser(learning_rate=1e-2),
        ema=0.9,
        validate_every=15,
        compute=COMPUTE,
        folder=CellFolder(folder),
        progress=progress or Silent(),
    )
