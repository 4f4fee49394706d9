"""A finished plan -> the results folder: tables, figures, rows and the manifest.

``results/<benchmark>/<data>-<scale>/``. A folder whose manifest is marked as kept by the repository is never
written by a run: the run goes to ``<data>-<scale>.local`` beside it, unless it was told to keep.
"""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ftbench import provenance
from ftbench.choice import input_paths, metric_record
from ftbench.compare.reread import MANIFEST, read_rows
from ftbench.compare.seal import sealed
from ftbench.config import Benchmark
from ftbench.data import describe
from ftbench.errors import BadInput
from ftbench.execute import Outcome
from ftbench.loop import CURVE
from ftbench.plan import Cell, chosen_parts
from ftbench.plugins import BUILT_IN
from ftbench.report import Caption, CellResult, MetricInfo, Samples, main_rows, print_tables, write_report
from ftbench.session import Opened, describe_plugins
from ftbench.store import write_atomically, write_json
from ftbench.train import LAST_LOOKS
from ftbench.work import QUALITY, ROWS, SAMPLES, curve_of

FORMAT = 2


def folder_for(opened: Opened, keep: bool) -> Path:
    """Where this run's tables go."""
    wanted = opened.out / opened.benchmark.name / f"{opened.bench.data.name}-{opened.scale}"
    if not wanted.resolve().is_relative_to(opened.out.resolve()):
        raise BadInput(f"{wanted.name!r} would leave the results folder; rename the data set or the scale")
    if keep or not _is_kept(wanted):
        return wanted
    return wanted.with_name(wanted.name + ".local")


def write(opened: Opened, outcome: Outcome, folder: Path, keep: bool, console: Console) -> list[dict[str, Any]]:
    """Write everything that the finished cells gave, print the main tables, and return the main table's rows."""
    finished = [cell for cell in opened.plan.evaluations if cell.identity in outcome.summaries]
    results = [_result(cell, opened, outcome) for cell in finished]
    caption = _caption(opened, outcome)
    metrics = [
        MetricInfo(record.name, record.unit, record.digits, record.higher_is_better)
        for record in map(metric_record, finished[0].parts["metrics"] if finished else ())
    ]
    samples = {cell.label: _samples(cell, opened) for cell in finished}
    write_report(folder, results, caption, metrics, samples)
    _copy_rows(finished, opened, folder)
    manifest = _manifest(opened, outcome, caption, keep) | {"metrics": [vars(metric) for metric in metrics]}
    write_json(folder / MANIFEST, sealed(manifest, folder))
    if results:
        print_tables(results, caption, console, metrics)
    console.print(f"Results: {folder}", highlight=False, markup=False, soft_wrap=True)
    return main_rows(results, metrics)


def _is_kept(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("kept"))
    except (OSError, ValueError, AttributeError):
        return False


def _result(cell: Cell, opened: Opened, outcome: Outcome) -> CellResult:
    folder = opened.bench.folder(cell)
    trained = cell.inputs[0]
    return CellResult(
        cell=cell.identity,
        label=cell.label,
        settings=cell.columns,
        status=outcome.summaries[cell.identity]["status"],
        bits=int(trained.settings["bits"]),
        code_bits=int(trained.settings["code_bits"]),
        rows=read_rows(folder.file(ROWS)),
        quality=read_rows(folder.file(QUALITY)),
        curve=curve_of(cell, opened.bench),
    )


def _samples(cell: Cell, opened: Opened) -> Samples:
    with np.load(opened.bench.folder(cell).file(SAMPLES)) as held:
        names = tuple(str(name) for name in held["names"])
        pictures: dict[str, Any] = {name: held[name] for name in held.files if name != "names"}
    return Samples(names=names, **pictures)


def _caption(opened: Opened, outcome: Outcome) -> Caption:
    benchmark, data = opened.benchmark, opened.bench.data
    evaluated = [
        outcome.summaries[cell.identity]["images"]
        for cell in opened.plan.evaluations
        if cell.identity in outcome.summaries
    ]
    return Caption(
        benchmark=benchmark.name,
        data=data.name,
        data_digest=data.digest,
        scale=opened.scale,
        size=data.size,
        images=max(evaluated, default=0),
        draws=benchmark.evaluate.draws,
        seeds=tuple(benchmark.matrix.seed),
        steps=f"{_steps(benchmark)} of {benchmark.train.batch_size} images",
        notes=_notes(opened, outcome),
    )


def _notes(opened: Opened, outcome: Outcome) -> tuple[str, ...]:
    benchmark, size = opened.benchmark, opened.bench.data.size
    lengths = ", ".join(map(str, benchmark.message.bits))
    notes = [f"Payload {lengths} bits, drawn afresh for each image and draw"]
    if any(loss.target_psnr for loss in benchmark.matrix.loss) or benchmark.evaluate.psnr != ["own"]:
        notes.append("A setting in dB: every residual is scaled so that the marked image has that PSNR")
    weighted = [loss for loss in benchmark.matrix.loss if loss.target_psnr is None]
    scaled = {loss.stated_at for loss in weighted if loss.reduction == "sum"} - {size}
    notes += [
        f"α is stated for {side} px; at {size} px it is multiplied by {side**2 / size**2:g}, so that it means "
        "the same per pixel"
        for side in sorted(scaled)
    ]
    fits = [cell for cell in opened.plan.cells if cell.kind == "fit"]
    fitted = sorted({cell.parts["simulator"].record.name for cell in fits if "simulator" in cell.parts})
    if fitted:
        steps = f"{benchmark.fit.steps} steps of {benchmark.fit.batch_size} images"
        notes.append(f"Fitted on the train split for {steps}, seed {benchmark.fit.seed}: {', '.join(fitted)}")
    for kind, rule in (("fit", "the best look at val"), ("train", f"the best look in the last {LAST_LOOKS:.0%}")):
        steps_kept = _kept_early([cell for cell in opened.plan.cells if cell.kind == kind], outcome)
        if steps_kept:
            notes.append(f"Weights kept are those of {rule}: {', '.join(steps_kept)}")
    encoders = [cell.parts["encoder"].parameters for cell in opened.plan.cells if cell.kind == "train"]
    if all(getattr(parameters, "weights", None) == "" for parameters in encoders):
        notes.append("Networks start from random initialisation")
    straight = {
        chosen.record.name
        for cell in opened.plan.cells
        if cell.kind == "train"
        for chosen in [*cell.parts["simulators"], *(chosen for chosen, _ in cell.parts["pool"])]
        if chosen and not chosen.record.differentiable
    }
    if straight:
        notes.append(f"Trained straight through, having no gradient: {', '.join(sorted(straight))}")
    guests = {
        f"{chosen.record.name} ({chosen.provided.distribution} {chosen.provided.version})"
        for chosen in chosen_parts(opened.plan.cells)
        if chosen.provided.distribution != BUILT_IN
    }
    if guests:
        notes.append(f"Parts of other distributions: {', '.join(sorted(guests))}")
    return tuple(notes)


def _steps(benchmark: Benchmark) -> str:
    """Steps of training; where settings differ in them, in the settings' order."""
    steps = [benchmark.train.under(loss).steps for loss in benchmark.matrix.loss]
    return "/".join(map(str, steps if len(set(steps)) > 1 else steps[:1]))


def _kept_early(cells: list[Cell], outcome: Outcome) -> list[str]:
    """Which cells kept the weights of a step before their last, in words."""
    summaries = [(cell, outcome.summaries.get(cell.identity, {})) for cell in cells]
    return [
        f"{cell.label.removeprefix('fit ')} step {summary['best_step']:,} of {summary['steps']:,}"
        for cell, summary in summaries
        if summary.get("best_step", 0) < summary.get("steps", 0)
    ]


def _copy_rows(finished: list[Cell], opened: Opened, folder: Path) -> None:
    """Per-image rows and curves beside the tables, under names that a reader understands; older ones go."""
    for old in (*(folder / "rows").glob("*.csv.gz"), *(folder / "curves").glob("*.csv")):
        old.unlink()
    for cell in finished:
        kept = _kept_files(cell)
        cell_folder, trained = opened.bench.folder(cell), opened.bench.folder(cell.inputs[0])
        for source, target in (
            (cell_folder.file(ROWS), folder / kept["rows"]),
            (cell_folder.file(QUALITY), folder / kept["quality"]),
            (trained.file(CURVE), folder / kept["curve"]),
        ):
            write_atomically(target, partial(shutil.copyfile, source))


def _kept_files(cell: Cell) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9=.-]+", "_", _spelt(cell.label)) + "-" + cell.identity[:8]
    return {
        "rows": f"rows/{name}.csv.gz",
        "quality": f"rows/{name}-quality.csv.gz",
        "curve": f"curves/{name}.csv",
    }


def _spelt(label: str) -> str:
    # File names in ASCII go through every archive and file system.
    return label.replace("λ", "lambda").replace("α", "alpha")


def _manifest(opened: Opened, outcome: Outcome, caption: Caption, keep: bool) -> dict[str, Any]:
    plan, bench = opened.plan, opened.bench
    return {
        "format": FORMAT,
        "kept": keep,
        "benchmark": opened.benchmark.name,
        "scale": opened.scale,
        "caption": caption.line(),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": provenance.code(),
        "machine": provenance.machine(),
        "compute": {**vars(bench.compute)},
        "data": describe(bench.data),
        "seeds": {
            "train": opened.benchmark.matrix.seed,
            "fit": opened.benchmark.fit.seed,
            "evaluate": opened.benchmark.evaluate.seed,
        },
        "distributions": describe_plugins(bench.plugins),
        "parts": _parts(plan.cells),
        "configuration": configuration(opened),
        "cells": [
            {
                "kind": cell.kind,
                "label": cell.label,
                "identity": cell.identity,
                "inputs": [needed.identity for needed in cell.inputs],
                **(outcome.summaries.get(cell.identity) or {"status": "failed"}),
                **({"reason": outcome.failed[cell.identity]} if cell.identity in outcome.failed else {}),
                **({"row": _table_row(cell)} if cell.kind == "evaluate" else {}),
            }
            for cell in plan.cells
        ],
    }


def _table_row(cell: Cell) -> dict[str, Any]:
    """What it takes to read the tables back without the benchmark file."""
    trained = cell.inputs[0]
    return {
        "columns": dict(cell.columns),
        "payload_bits": int(trained.settings["bits"]),
        "code_bits": int(trained.settings["code_bits"]),
        "kept": _kept_files(cell),
    }


def _parts(cells: tuple[Cell, ...]) -> list[dict[str, Any]]:
    """Every part that a cell was made of, once."""
    found: dict[str, dict[str, Any]] = {}
    for chosen in chosen_parts(cells):
        commit = {"commit": chosen.provided.commit} if chosen.provided.commit else {}
        part = {"kind": chosen.record.kind, **chosen.identity, **commit}
        found.setdefault(json.dumps(part, sort_keys=True), part)
    return list(found.values())


def configuration(opened: Opened) -> dict[str, Any]:
    """The resolved configuration; a file is known by its digest among the parts, a folder by the data's."""
    configuration: dict[str, Any] = opened.benchmark.model_dump(mode="json")
    plugins = opened.bench.plugins

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(item) for item in value]
        if not isinstance(value, dict):
            return value
        hidden: set[str] = set()
        for provided in plugins.parts:
            if provided.record.name == str(value.get("name", "")).partition("@")[0]:
                hidden |= set(input_paths(provided.record.parameters))
        return {key: clean(item) for key, item in value.items() if key not in hidden}

    cleaned: dict[str, Any] = clean(configuration)
    return cleaned
