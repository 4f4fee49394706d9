"""What each kind of cell does: parts are built, given their data, and set to work."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from safetensors.torch import load as load_tensors
from torch import nn

from ftbench import parallel
from ftbench.choice import Chosen, strength_of
from ftbench.compare.reread import read_rows
from ftbench.components import QualityMeasure
from ftbench.compute import Compute
from ftbench.config import Benchmark, Loss, TrainSection
from ftbench.conflicts import marks_by, trained_on
from ftbench.critic import Critic
from ftbench.data import Data
from ftbench.evaluate import Condition, evaluate
from ftbench.fit import CodeTask, SimulatorTask
from ftbench.loop import CURVE, WEIGHTS, Task, curve_of, leave_untrained, load_weights, train
from ftbench.pipeline import Attack, Damage, HeldCode, Pair, build, build_pair
from ftbench.plan import Cell, CellKind
from ftbench.plugins import Plugins
from ftbench.pool import Pool, Ranged
from ftbench.progress import Progress
from ftbench.randomness import derive
from ftbench.store import CellFolder, Store
from ftbench.terms import Terms
from ftbench.train import PairTask
from ftbench.writing import csv_bytes, gzipped, write_bytes

STALLED_BELOW = 0.6
"""Bit accuracy of marked val images under which a pair has learned nothing worth a table row."""
ROWS, QUALITY, SAMPLES = "rows.csv.gz", "quality.csv.gz", "samples.npz"


def rows_of(content: bytes) -> pd.DataFrame:
    """Rows or quality from their file's content."""
    return read_rows(io.BytesIO(gzip.decompress(content)))


def samples_of(content: bytes) -> dict[str, Any]:
    """Sample pictures by name from their file's content; nothing is ever unpickled."""
    with np.load(io.BytesIO(content)) as held:
        return {name: held[name] for name in held.files}


_TRAINED: dict[str, Callable[[bytes], object]] = {WEIGHTS: load_tensors, CURVE: curve_of}
KEEPS: Mapping[CellKind, Mapping[str, Callable[[bytes], object]]] = {
    "fit": _TRAINED,
    "train": _TRAINED,
    "evaluate": {ROWS: rows_of, QUALITY: rows_of, SAMPLES: samples_of},
}
"""The files that a finished cell of each kind must have, and how each is read."""


@dataclass(frozen=True)
class Bench:
    """What every cell works with."""

    benchmark: Benchmark
    data: Data
    compute: Compute
    store: Store
    plugins: Plugins
    console: Console

    def folder(self, cell: Cell) -> CellFolder:
        """Where a cell lives."""
        return self.store.cell(cell.kind, cell.identity)


def fit_part(cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    """Fit a trainable simulator or code; its weights go into ``folder``, what is worth a manifest is returned."""
    chosen: Chosen
    [(role, chosen)] = cell.parts.items()
    section = bench.benchmark.code if role == "codec" else bench.benchmark.fit
    # The parameters too: the same network with another ``seed`` parameter is another training.
    seed = derive(section.seed, chosen.record.name, chosen.parameters.model_dump_json())
    torch.manual_seed(derive(seed, "weights"))
    task: Task
    if role == "codec":
        code = build(chosen, bits=int(cell.settings["bits"]))
        task = CodeTask(network=code, batch_size=section.batch_size, seed=seed)
    else:
        task = SimulatorTask(
            network=build(chosen, size=bench.data.size),
            terms=Terms.of(chosen),
            needs=chosen.record.needs,
            per_person=chosen.record.per_person,
            settings=bench.benchmark.fit,
            seed=seed,
            images=bench.data.split(trained_on(chosen)),
            val=bench.data.split("val"),
            compute=bench.compute,
        )
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


def train_pair(cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    """Train an encoder and a decoder; the summary says when it began to read and whether it stalled."""
    # As the cell says: a setting may have steps and a ramp of its own.
    settings = TrainSection.model_validate(cell.settings["train"] or {})
    loss = Loss.model_validate(cell.settings["loss"])
    seed = int(cell.settings["seed"])
    torch.manual_seed(derive(seed, "pair weights"))
    pair = _pair(cell, bench)
    if loss.adversarial:
        pair.critic = Critic()
    pair.encoder.requires_grad_(cell.parts["encoder"].record.trainable)
    pair.decoder.requires_grad_(cell.parts["decoder"].record.trainable)
    task = PairTask(
        network=pair,
        codec=_codec(cell, bench),
        attacks=[_attack(simulator, cell, bench) for simulator in cell.parts["simulators"]],
        pool=Pool([Ranged(chosen.record, ranged, Terms.of(chosen)) for chosen, ranged in cell.parts["pool"]]),
        loss_weights=loss,
        settings=settings,
        size=bench.data.size,
        bits=int(cell.settings["bits"]),
        code_bits=int(cell.settings["code_bits"]),
        seed=seed,
        images=bench.data.split("train"),
        val=bench.data.split("val"),
        compute=bench.compute,
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
    if parallel.rank():
        return {}
    read = summary["at_best"]["val_accuracy_marked"]
    return {**summary, "read_step": task.read_step, "status": "stalled" if read < STALLED_BELOW else "done"}


def evaluate_pair(cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    """Test a trained pair; rows, quality and samples go into ``folder``."""
    trained = cell.inputs[0]
    settings = bench.benchmark.evaluate
    pair = bench.compute.place(_pair(trained, bench))
    load_weights(bench.folder(trained), pair)
    assert isinstance(pair, Pair)
    attacks = {
        simulator_label(chosen, cell.parts["simulators"]): _attack(chosen, cell, bench)
        for chosen in cell.parts["simulators"]
        if chosen
    }
    # The last cell of a benchmark, and the only one that opens the test split.
    images = bench.data.split("test", settings.limit)
    findings = evaluate(
        pair=pair,
        codec=_codec(trained, bench),
        attacks=attacks,
        conditions=[_condition(chosen, bench) for chosen in cell.parts["distortions"]],
        metrics={chosen.called: _metric(chosen, bench) for chosen in cell.parts["metrics"]},
        images=images,
        settings=settings,
        bits=int(trained.settings["bits"]),
        psnr=trained.settings["loss"]["target_psnr"] if cell.settings["psnr"] == "own" else cell.settings["psnr"],
        device=bench.compute.device,
        progress=progress,
    )
    # Made in memory: the same rows are the same bytes, and a full disk is known as such.
    write_bytes(folder.file(ROWS), gzipped(csv_bytes(findings.rows)))
    write_bytes(folder.file(QUALITY), gzipped(csv_bytes(findings.quality)))
    samples: dict[str, Any] = dict(findings.samples)
    content = io.BytesIO()
    np.savez(content, **samples)
    write_bytes(folder.file(SAMPLES), content.getvalue())
    status = (bench.folder(trained).summary or {}).get("status", "done")
    return {"status": status, "images": len(images), "rows": len(findings.rows)}


def simulator_label(chosen: Chosen, all_chosen: Sequence[Chosen | None]) -> str:
    """The name, with its parameters only where the name alone would be ambiguous."""
    same = [other for other in all_chosen if other and other.called == chosen.called]
    return chosen.label if len(same) > 1 else chosen.title


def _pair(cell: Cell, bench: Bench) -> Pair:
    return build_pair(cell.parts["encoder"], cell.parts["decoder"], bench.data.size, int(cell.settings["code_bits"]))


def _codec(cell: Cell, bench: Bench) -> HeldCode:
    chosen: Chosen = cell.parts["codec"]
    code = build(chosen, bits=int(cell.settings["bits"]))
    if chosen.record.trainable:
        load_weights(bench.folder(_fitted(cell, "codec", chosen)), code)
    # Codes are short and work on the processor: their payloads are drawn there.
    ready: Any = code.eval().requires_grad_(False) if isinstance(code, nn.Module) else code
    return HeldCode(ready, int(cell.settings["bits"]), int(cell.settings["code_bits"]), Terms.of(chosen))


def _fitted(cell: Cell, role: str, chosen: Chosen) -> Cell:
    return next(
        needed for needed in cell.inputs if needed.kind == "fit" and needed.settings.get(role) == chosen.identity
    )


def _attack(chosen: Chosen, cell: Cell, bench: Bench) -> Attack:
    network = build(chosen, size=bench.data.size)
    if chosen.record.trainable:
        load_weights(bench.folder(_fitted(cell, "simulator", chosen)), network)
    return Attack(chosen.record, _ready(network, bench), Terms.of(chosen), _other_pair(chosen, cell, bench))


def _other_pair(chosen: Chosen, cell: Cell, bench: Bench) -> Pair | None:
    """The trained pair that marks once more for a simulator, where it names one."""
    by = marks_by(chosen)
    if by is None:
        return None
    trained = next(one for one in cell.inputs if one.kind == "train" and one.parts["encoder"].answers_to(by))
    pair = bench.compute.place(_pair(trained, bench))
    load_weights(bench.folder(trained), pair)
    assert isinstance(pair, Pair)
    return pair.eval()


def _ready(part: Any, bench: Bench) -> Any:
    """A part that is only used: on the device and frozen, if it is a network at all."""
    return bench.compute.place(part).eval().requires_grad_(False) if isinstance(part, nn.Module) else part


def _condition(chosen: Chosen, bench: Bench) -> Condition:
    record = chosen.record
    return Condition(
        label=chosen.label,
        category=record.category,
        strength=strength_of(chosen),
        damage=Damage(record, _ready(build(chosen), bench), Terms.of(chosen)),
        plain=record.category == "none",
    )


def _metric(chosen: Chosen, bench: Bench) -> QualityMeasure:
    measure, terms = _ready(build(chosen), bench), Terms.of(chosen)
    return lambda reference, image: terms.tensor(measure, reference, image, shape=(len(image),))
