"""Trains an encoder and a decoder against the simulators and distortions of their cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ftbench.benchfile.schema import TrainSection
from ftbench.machine import processes
from ftbench.machine.randomness import derive
from ftbench.runner.build import build, guard_of, held_code, new_pair, on_device, simulator_stage
from ftbench.train.critic import Critic
from ftbench.train.distortion_pool import Pool, Ranged
from ftbench.train.loop import leave_untrained, train
from ftbench.train.pair import PairTask
from ftbench.train.weights import begin_with

if TYPE_CHECKING:
    from ftbench.plan.cells import TrainCell
    from ftbench.progress import Progress
    from ftbench.runner.bench import Bench
    from ftbench.storage.store import CellFolder

STALLED_BELOW = 0.6
"""Bit accuracy of marked val images under which a pair has learned nothing worth a table row."""


def train_pair(cell: TrainCell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    """Weights go into ``folder``; the summary says when the pair began to read and whether it stalled."""
    settings = cell.section or TrainSection()
    torch.manual_seed(derive(cell.seed, "pair weights"))
    pair = new_pair(cell, bench.data.size)
    if cell.start:
        begin_with(cell.start, pair)
    if cell.loss.adversarial:
        pair.critic = Critic()
    pair.encoder.requires_grad_(cell.encoder.record.trainable)
    pair.decoder.requires_grad_(cell.decoder.record.trainable)
    task = PairTask(
        network=pair,
        codec=held_code(cell, bench),
        attacks=[simulator_stage(simulator, cell, bench) for simulator in cell.simulators],
        pool=Pool([Ranged(chosen.record, ranged, guard_of(chosen)) for chosen, ranged in cell.pool]),
        loss_weights=cell.loss,
        settings=settings,
        bits=cell.bits,
        code_bits=cell.code_bits,
        seed=cell.seed,
        images=bench.data.split("train"),
        val=bench.data.split("val"),
        compute=bench.compute,
        flip=on_device(build(cell.flip_part), bench) if cell.flip_part else None,
        parts=settings.accumulate * (2 if bench.sparing else 1),
    )
    if not any(parameter.requires_grad for parameter in pair.parameters()):
        return {**leave_untrained(task, compute=bench.compute, folder=folder), "read_step": None}
    summary = train(
        task,
        steps=settings.steps,
        optimiser=settings.optimiser,
        ema=settings.ema,
        validate_every=settings.validate_every,
        compute=bench.compute,
        folder=folder,
        progress=progress,
    )
    if processes.rank():
        return {}
    read = summary["at_best"]["val_accuracy_marked"]
    return {**summary, "read_step": task.ramp.read_step, "status": "stalled" if read < STALLED_BELOW else "done"}
