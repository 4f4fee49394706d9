"""Fits a trainable simulator or code; its weights go into its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ftbench.benchfile.schema import FitSection
from ftbench.machine.randomness import derive
from ftbench.runner.build import build, guard_of
from ftbench.train.fit import CodeTask, SimulatorTask
from ftbench.train.loop import Task, train

if TYPE_CHECKING:
    from ftbench.plan.cells import FitCell
    from ftbench.progress import Progress
    from ftbench.runner.bench import Bench
    from ftbench.storage.store import CellFolder


def fit_part(cell: FitCell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    """What is worth a manifest is returned."""
    chosen, section = cell.part, cell.section
    torch.manual_seed(derive(cell.seed, "weights"))
    parts = 2 if bench.sparing else 1
    task: Task
    if isinstance(section, FitSection):
        task = SimulatorTask(
            network=build(chosen, size=bench.data.size),
            guard=guard_of(chosen),
            needs=chosen.record.needs,
            per_person=chosen.record.per_person,
            settings=section,
            seed=cell.seed,
            images=bench.data.split(chosen.trained_on),
            val=bench.data.split("val"),
            compute=bench.compute,
            parts=section.accumulate * parts,
        )
    else:
        network = build(chosen, bits=cell.bits)
        task = CodeTask(network=network, batch_size=section.batch_size, seed=cell.seed, parts=parts)
    return train(
        task,
        steps=section.steps,
        optimiser=section.optimiser,
        ema=0.0,
        validate_every=section.validate_every,
        compute=bench.compute,
        folder=folder,
        progress=progress,
    )
