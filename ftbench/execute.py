"""Runs cells here, one after the other: finished ones are kept, a failed one fails alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from torch import nn

from ftbench import provenance
from ftbench.choice import Chosen, strength_of
from ftbench.compute import Compute
from ftbench.config import Benchmark, Loss
from ftbench.data import Data
from ftbench.errors import BadInput, CellFailed
from ftbench.evaluate import Condition, evaluate
from ftbench.fit import SimulatorTask
from ftbench.loop import load_weights, read_curve, train
from ftbench.pipeline import Attack, Damage, Pair, build
from ftbench.plan import Cell, Plan
from ftbench.plugins import Plugins
from ftbench.pool import Pool, Ranged
from ftbench.progress import Progress, begin, duration
from ftbench.randomness import derive
from ftbench.store import CellFolder, Store, write_atomically
from ftbench.train import PairTask

log = logging.getLogger(__name__)
STALLED_BELOW = 0.6
"""Bit accuracy of marked val images under which a pair has learned nothing worth a table row."""
ROWS, QUALITY, SAMPLES = "rows.csv.gz", "quality.csv.gz", "samples.npz"


@dataclass
class Outcome:
    """How each cell of a plan ended."""

    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """identity -> reason."""


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


def run(plan: Plan, bench: Bench) -> Outcome:
    """Run what is unfinished. Interruptions and BadInput (a full disk) pass through; the rest fails a cell."""
    outcome = Outcome()
    for number, cell in enumerate(plan.cells, start=1):
        title = f"[{number}/{len(plan.cells)}] {cell.kind} {cell.label.removeprefix('fit ')}"
        folder = bench.folder(cell)
        summary = folder.summary
        if summary is not None:
            bench.console.print(f"{title}: done before, kept", highlight=False, markup=False)
            outcome.summaries[cell.identity] = summary
            continue
        if any(needed.identity in outcome.failed for needed in cell.inputs):
            outcome.failed[cell.identity] = "a cell that it needs failed"
            bench.console.print(f"{title}: left out, a cell that it needs failed", markup=False)
            continue
        bench.plugins.tell("ftbench_cell_started", cell=cell.identity, label=cell.label, kind=cell.kind)
        try:
            with folder.locked(), bench.compute.threading():
                summary = _run_cell(cell, title, bench, folder)
            outcome.summaries[cell.identity] = summary
            status = summary["status"]
            said = f"{title}: {status} in {duration(summary['seconds'])}"
            if status == "stalled":
                said += " — bits are hardly read better than by guessing; do not trust this row"
            bench.console.print(said, highlight=False, markup=False, style="bold red" if status == "stalled" else None)
        except BadInput:
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, CellFailed) else f"{type(error).__name__}: {error}"
            log.debug("cell %s failed", cell.identity, exc_info=True)
            outcome.failed[cell.identity] = reason
            bench.console.print(f"{title}: FAILED: {reason}", style="bold red", highlight=False, markup=False)
        status = "failed" if cell.identity in outcome.failed else summary["status"] if summary else "failed"
        bench.plugins.tell("ftbench_cell_finished", cell=cell.identity, status=status, summary=summary or {})
    return outcome


def _run_cell(cell: Cell, title: str, bench: Bench, folder: CellFolder) -> dict[str, Any]:
    folder.begin({"kind": cell.kind, "label": cell.label, "identity": cell.identity, "settings": cell.settings})
    work: dict[str, Callable[..., dict[str, Any]]] = {"fit": _fit, "train": _train, "evaluate": _evaluate}
    progress = _Told(begin(title, bench.console), bench.plugins, cell.identity)
    start = time.monotonic()
    try:
        summary = work[cell.kind](cell, bench, folder, progress)
    finally:
        progress.stop()
    made = {
        "status": "done",
        "label": cell.label,
        **summary,
        "seconds": round(time.monotonic() - start, 1),
        "made_with": provenance.code(),
    }
    folder.finish(made)
    return made


def _fit(cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    chosen: Chosen = cell.parts["simulator"]
    settings = bench.benchmark.fit
    torch.manual_seed(derive(settings.seed, "simulator weights"))
    task = SimulatorTask(
        network=build(chosen, size=bench.data.size),
        needs=chosen.record.needs,
        settings=settings,
        images=bench.data.split("train"),
        val=bench.data.split("val"),
        compute=bench.compute,
    )
    return train(
        task,
        steps=settings.steps,
        optimiser=settings.optimiser,
        ema=0.0,
        validate_every=settings.validate_every,
        compute=bench.compute,
        folder=folder,
        progress=progress,
    )


def _train(cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    settings = bench.benchmark.train
    seed = int(cell.settings["seed"])
    torch.manual_seed(derive(seed, "pair weights"))
    simulator: Chosen | None = cell.parts["simulator"]
    task = PairTask(
        network=_pair(cell, bench),
        codec=_codec(cell),
        attacks=[_attack(simulator, cell, bench)] if simulator else [],
        pool=Pool([Ranged(chosen.record, ranged) for chosen, ranged in cell.parts["pool"]]),
        loss_weights=Loss.model_validate(cell.settings["loss"]),
        settings=settings,
        size=bench.data.size,
        bits=int(cell.settings["bits"]),
        code_bits=int(cell.settings["code_bits"]),
        seed=seed,
        images=bench.data.split("train"),
        val=bench.data.split("val"),
        compute=bench.compute,
    )
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
    read = summary["at_best"]["val_accuracy_marked"]
    return {**summary, "read_step": task.read_step, "status": "stalled" if read < STALLED_BELOW else "done"}


def _evaluate(cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
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
        codec=_codec(trained),
        attacks=attacks,
        conditions=[_condition(chosen) for chosen in cell.parts["distortions"]],
        metrics={chosen.record.name: build(chosen) for chosen in cell.parts["metrics"]},
        images=images,
        settings=settings,
        bits=int(trained.settings["bits"]),
        device=bench.compute.device,
        progress=progress,
    )
    write_atomically(folder.file(ROWS), partial(_write_frame, findings.rows))
    write_atomically(folder.file(QUALITY), partial(_write_frame, findings.quality))
    samples: dict[str, Any] = dict(findings.samples)
    write_atomically(folder.file(SAMPLES), lambda path: np.savez(path, **samples))
    status = (bench.folder(trained).summary or {}).get("status", "done")
    return {"status": status, "images": len(images), "rows": len(findings.rows)}


def simulator_label(chosen: Chosen, all_chosen: Sequence[Chosen | None]) -> str:
    """The name, with its parameters only where the name alone would be ambiguous."""
    same = [other for other in all_chosen if other and other.record.name == chosen.record.name]
    return chosen.label if len(same) > 1 else str(chosen.record.name)


def curve_of(cell: Cell, bench: Bench) -> Any:
    """The training curve behind an evaluation."""
    return read_curve(bench.folder(cell.inputs[0]))


def _pair(cell: Cell, bench: Bench) -> Pair:
    arguments = {"size": bench.data.size, "bits": int(cell.settings["code_bits"])}
    return Pair(build(cell.parts["encoder"], **arguments), build(cell.parts["decoder"], **arguments))


def _codec(cell: Cell) -> Any:
    return build(cell.parts["codec"], bits=int(cell.settings["bits"]))


def _attack(chosen: Chosen, cell: Cell, bench: Bench) -> Attack:
    network = build(chosen, size=bench.data.size)
    if chosen.record.trainable:
        fitted = next(
            needed for needed in cell.inputs if needed.kind == "fit" and needed.settings["simulator"] == chosen.identity
        )
        load_weights(bench.folder(fitted), network)
    if isinstance(network, nn.Module):
        network = bench.compute.place(network).eval().requires_grad_(False)
    return Attack(chosen.record, network)


def _condition(chosen: Chosen) -> Condition:
    record = chosen.record
    return Condition(
        label=chosen.label,
        category=record.category,
        strength=strength_of(chosen),
        damage=Damage(record, build(chosen)),
        plain=record.category == "none",
    )


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    # No time stamp inside: the same rows are the same bytes.
    frame.to_csv(path, index=False, compression={"method": "gzip", "mtime": 1})


class _Told:
    """Progress that observers hear of too."""

    def __init__(self, inner: Progress, plugins: Plugins, cell: str) -> None:
        self.inner, self.plugins, self.cell = inner, plugins, cell

    def start(self, total: int, done: int = 0) -> None:
        self.inner.start(total, done)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        self.inner.advance(done, values)
        if values:
            self.plugins.tell("ftbench_progress", cell=self.cell, step=done, values=values)

    def stop(self) -> None:
        self.inner.stop()
