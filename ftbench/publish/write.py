"""A finished plan -> the results folder: tables, figures, rows and the manifest."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ftbench.data.images import describe
from ftbench.machine import provenance
from ftbench.parts.catalogue import BUILT_IN
from ftbench.plan.cells import Cell, EvaluateCell, TrainCell, chosen_parts
from ftbench.plan.part import input_paths, metric_record
from ftbench.publish.anew import made_by
from ftbench.publish.failures import in_parts, missing
from ftbench.publish.folder import better_ones, copy_others, folder_for, is_of_others, swapped_in
from ftbench.publish.people import people_tested
from ftbench.publish.seeds import seeds_of
from ftbench.publish.unchanged import remember, standing_tables
from ftbench.report import Caption, CellResult, MetricInfo, Samples, print_made, records, report_tables, write_report
from ftbench.report.page import PAGE, write_page
from ftbench.report.roworder import file_in_order, in_order
from ftbench.runner.executor import Outcome
from ftbench.runner.jobs import curve_of, samples_of
from ftbench.runner.opening import Opened, describe_plugins
from ftbench.storage.cellfile import Unreadable, read_cell
from ftbench.storage.files import write_bytes, write_json
from ftbench.storage.grounds import GROUNDS, stated
from ftbench.storage.manifest import FORMAT, MANIFEST, PROTOCOL, rows_of
from ftbench.storage.readings import READINGS, unpacked
from ftbench.storage.results import (
    CHANGED,
    CURVE,
    FAKE,
    FORGED,
    LEFT,
    MARKED,
    QUALITY,
    ROWS,
    SAMPLES,
    UNMARKED,
)
from ftbench.storage.seal import sealed
from ftbench.train.schedules import LAST_LOOKS

if TYPE_CHECKING:
    from ftbench.report.figures import ByBit


def write(opened: Opened, outcome: Outcome, folder: Path, keep: bool, console: Console) -> list[dict[str, Any]]:
    """Write everything that the finished cells gave, print the main tables, and return the main table's rows.

    Earlier tables in ``folder`` stay until these are whole, and altogether where these are poorer or the same.
    """
    finished = [cell for cell in opened.plan.evaluations if cell.key in outcome.summaries]
    root = opened.bench.store.root
    caption = _caption(opened, outcome)
    metrics = [
        MetricInfo(chosen.called, record.unit, record.digits, record.higher_is_better)
        for chosen in (finished[0].metrics if finished else ())
        for record in [metric_record(chosen)]
    ]
    # Of runs that end together one at a time decides and writes.
    with opened.bench.store.held():
        if not keep and is_of_others(folder, opened):
            folder = folder_for(opened, keep)
        stays = better_ones(folder, {cell.key for cell in finished}, len(opened.plan.evaluations))
        draft = _manifest(opened, outcome, caption, keep) | {"metrics": [vars(metric) for metric in metrics]}
        tables = None if stays else standing_tables(folder, draft, root)
        if tables is None:
            results = [_result(cell, opened, outcome) for cell in finished]
            across = opened.benchmark.report.methods_across
            made = report_tables(results, metrics, methods_across=across)
            tables = {printed.name: printed for printed, _ in made}
            if not stays:
                with swapped_in(folder) as new:
                    samples = {cell.label: _samples(cell, opened) for cell in finished}
                    write_report(new, results, caption, metrics, samples, made=made, bits=_bits(finished, opened))
                    _copy_rows(finished, opened, new)
                    copy_others(folder, new)
                    written = {"written": datetime.now(UTC).isoformat(timespec="seconds")}
                    manifest = sealed({**draft, **written}, new)
                    write_page(new, list(tables.values()), caption, manifest)
                    write_json(new / MANIFEST, manifest)
                remember(folder, root, tables.values())
    if finished:
        print_made(tables, caption, console)
    told = (
        f"The tables in {folder} stay as they were: they hold {stays} finished evaluations, and of this run "
        f"{len(finished)} of {len(opened.plan.evaluations)} were finished."
        if stays
        else f"Results: {folder}\nTo look at: {folder / PAGE}"
    )
    console.print(told, highlight=False, markup=False, soft_wrap=True)
    return records(tables["main"])


def _result(cell: EvaluateCell, opened: Opened, outcome: Outcome) -> CellResult:
    folder = opened.bench.folder(cell)
    trained = cell.trained
    return CellResult(
        cell=cell.key,
        label=cell.label,
        settings=cell.columns,
        status=outcome.summaries[cell.key]["status"],
        bits=trained.bits,
        code_bits=trained.code_bits,
        rows=in_order(folder.load(ROWS, rows_of), _order(cell)),
        quality=in_order(folder.load(QUALITY, rows_of), _order(cell)),
        curve=opened.bench.folder(trained).load(CURVE, curve_of),
    )


def _samples(cell: EvaluateCell, opened: Opened) -> Samples:
    from ftbench.evaluate.evaluate import OF_COVER, OF_MARKED

    pictures = opened.bench.folder(cell).load(SAMPLES, samples_of)
    held = {name: pictures[name] for name in ("cover", "marked")}
    if first := next((name for name in _order(cell)["simulator"] if OF_COVER + name in pictures), None):
        held |= {"swapped_cover": pictures[OF_COVER + first], "swapped_marked": pictures[OF_MARKED + first]}
    return Samples(names=tuple(map(str, pictures["names"])), **held)


def _bits(finished: Sequence[EvaluateCell], opened: Opened) -> dict[str, ByBit]:
    """How each bit of the code was read, of the cells that kept their readings."""
    from ftbench.report.figures import by_bit

    found = {}
    for cell in finished:
        folder = opened.bench.folder(cell)
        if folder.file(READINGS).is_file():
            read = folder.load(READINGS, unpacked)
            faked, damaged = (list(read.of[name]) for name in ("simulator", "distortion"))
            found[cell.label] = by_bit(faked, damaged, (read.logits > 0) != (read.code > 0))
    return found


def _order(cell: EvaluateCell) -> dict[str, list[str]]:
    """What rows of a cell are told apart by, in the benchmark's order, whichever order they were measured in."""
    simulators = cell.simulator_labels
    return {
        "simulator": [MARKED, *simulators, UNMARKED],
        "of": ["marked", *(start + name for name in simulators for start in (FAKE, LEFT, CHANGED, FORGED))],
        "distortion": [chosen.label for chosen in cell.distortions],
    }


def _caption(opened: Opened, outcome: Outcome) -> Caption:
    benchmark, data = opened.benchmark, opened.bench.data
    evaluated = [
        outcome.summaries[cell.key]["images"] for cell in opened.plan.evaluations if cell.key in outcome.summaries
    ]
    return Caption(
        benchmark=benchmark.name,
        data=data.name,
        data_digest=data.digest,
        scale=opened.scale,
        size=data.size,
        images=max(evaluated, default=0),
        split=benchmark.evaluate.split,
        draws=benchmark.evaluate.draws,
        seeds=tuple(_seeds(opened)),
        steps=training_steps(opened.plan.trainings),
        made_by=made_by(provenance.code()),
        notes=_notes(opened, outcome),
    )


def _seeds(opened: Opened) -> list[int]:
    """Those that anything is trained with, in the file's order."""
    used = {cell.seed for cell in opened.plan.trainings}
    return [seed for seed in dict.fromkeys(opened.benchmark.matrix.seed) if seed in used]


def _notes(opened: Opened, outcome: Outcome) -> tuple[str, ...]:
    benchmark, size = opened.benchmark, opened.bench.data.size
    lengths = ", ".join(map(str, benchmark.message.bits))
    notes = [f"Payload {lengths} bits, drawn afresh for each image and draw"]
    if any(loss.target_psnr for loss in benchmark.matrix.loss) or benchmark.evaluate.psnr != ["own"]:
        notes.append("A setting in dB: every residual is scaled so that the marked image has that PSNR")
    if any(loss.target_flip for loss in benchmark.matrix.loss) or benchmark.evaluate.flip:
        notes.append("A setting at FLIP: every residual is scaled so that the marked image has that mean FLIP")
    weighted = [loss for loss in benchmark.matrix.loss if not loss.held]
    scaled = {loss.stated_at for loss in weighted if loss.reduction == "sum"} - {size}
    notes += [
        f"α is stated for {side} px; at {size} px it is multiplied by {side**2 / size**2:g}, so that it means "
        "the same per pixel"
        for side in sorted(scaled)
    ]
    fitted = sorted({cell.part.called for cell in opened.plan.fits if cell.bits is None})
    if fitted:
        steps = f"{benchmark.fit.steps} steps of {benchmark.fit.batch_size} images"
        notes.append(f"Fitted on the train split for {steps}, seed {benchmark.fit.seed}: {', '.join(fitted)}")
    notes += [
        f"{cell.part.label}: {outcome.summaries[cell.key]['at_best']['val_loss']:.3g} {tells}"
        for cell in opened.plan.fits
        if (tells := getattr(cell.part.record, "loss_tells", "")) and cell.key in outcome.summaries
    ]
    for kind, rule in (("fit", "the best look at val"), ("train", f"the best look in the last {LAST_LOOKS:.0%}")):
        steps_kept = _kept_early([cell for cell in opened.plan.cells if cell.kind == kind], outcome)
        if steps_kept:
            notes.append(f"Weights kept are those of {rule}: {', '.join(steps_kept)}")
    encoders = [cell.encoder.parameters for cell in opened.plan.trainings]
    begun = sorted({cell.start.digest[:12] for cell in opened.plan.trainings if cell.start})
    if begun:
        notes.append(f"Trainings begin with the weights of a file, SHA-256 {', '.join(begun)}")
    elif all(getattr(parameters, "weights", None) == "" for parameters in encoders):
        notes.append("Networks start from random initialisation")
    straight = {
        chosen.called
        for cell in opened.plan.trainings
        for chosen in [*cell.simulators, *(chosen for chosen, _ in cell.pool)]
        if not chosen.record.differentiable
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
    return (*notes, *in_parts(opened, outcome), *missing(opened, outcome))


def training_steps(trained: Sequence[TrainCell]) -> str:
    """Steps of training and images a step, in the settings' order; pairs of which nothing learns are named."""
    settings = [cell.section for cell in trained if cell.section]
    if not settings:
        return "none, no part of these pairs learns"
    steps = "/".join(map(str, dict.fromkeys(one.steps for one in settings)))
    without = dict.fromkeys(cell.columns["encoder"] for cell in trained if not cell.section)
    return f"{steps} of {settings[0].batch_size} images" + (f", none for {', '.join(without)}" if without else "")


def _kept_early(cells: list[Cell], outcome: Outcome) -> list[str]:
    """Which cells kept the weights of a step before their last, in words."""
    summaries = [(cell, outcome.summaries.get(cell.key, {})) for cell in cells]
    return [
        f"{cell.label.removeprefix('fit ')} step {summary['best_step']:,} of {summary['steps']:,}"
        for cell, summary in summaries
        if summary.get("best_step", 0) < summary.get("steps", 0)
    ]


def _copy_rows(finished: list[EvaluateCell], opened: Opened, folder: Path) -> None:
    """Per-image rows and curves beside the tables, under names that a reader understands."""
    for cell in finished:
        kept = _kept_files(cell, opened)
        cell_folder, trained = opened.bench.folder(cell), opened.bench.folder(cell.trained)
        write_bytes(folder / kept["rows"], file_in_order(cell_folder.read(ROWS), _order(cell)))
        write_bytes(folder / kept["quality"], file_in_order(cell_folder.read(QUALITY), _order(cell)))
        write_bytes(folder / kept["curve"], trained.read(CURVE))
        if "readings" in kept:
            write_bytes(folder / kept["readings"], cell_folder.read(READINGS))


def _kept_files(cell: EvaluateCell, opened: Opened) -> dict[str, str]:
    # Cells of earlier releases have no readings.
    more = READINGS in ((opened.bench.folder(cell).summary or {}).get("files") or ())
    name = re.sub(r"[^A-Za-z0-9=.-]+", "_", _spelt(cell.label)) + "-" + cell.key[:8]
    return {
        "rows": f"rows/{name}.csv.gz",
        "quality": f"rows/{name}-quality.csv.gz",
        "curve": f"curves/{name}.csv",
        **({"readings": f"rows/{name}-{READINGS}"} if more else {}),
    }


def _spelt(label: str) -> str:
    # File names in ASCII go through every archive and file system.
    return label.replace("λ", "lambda").replace("α", "alpha")


def _manifest(opened: Opened, outcome: Outcome, caption: Caption, keep: bool) -> dict[str, Any]:
    plan, bench = opened.plan, opened.bench
    manifest = {
        "format": FORMAT,
        "protocol": PROTOCOL,
        "kept": keep,
        "benchmark": opened.benchmark.name,
        "scale": opened.scale,
        "caption": caption.line(),
        "code": provenance.code(),
        "machine": provenance.machine(),
        "compute": {**vars(bench.compute)},
        # Named only where it is val: manifests of before it came are what they were.
        **({"split": "val"} if opened.benchmark.evaluate.split == "val" else {}),
        "data": {**describe(bench.data), "test_people": people_tested(bench.data)},
        "seeds": {
            "train": _seeds(opened),
            "fit": opened.benchmark.fit.seed,
            "evaluate": opened.benchmark.evaluate.seed,
        },
        "distributions": describe_plugins(bench.plugins),
        "parts": _parts(plan.cells),
        "configuration": configuration(opened),
        "report": {"rows": "attack" if opened.benchmark.report.methods_across else "method"},
        "behind": _behind(plan.cells, opened, outcome),
        "cells": [
            {
                "kind": cell.kind,
                "label": cell.label,
                "identity": cell.key,
                "inputs": [needed.key for needed in cell.inputs],
                "seeds": seeds_of(cell),
                # A finished cell may have been called otherwise by the benchmark that made it.
                **(outcome.summaries.get(cell.key) or {"status": "failed"}) | {"label": cell.label},
                **({"reason": outcome.failed[cell.key]} if cell.key in outcome.failed else {}),
                **({"failure": outcome.kinds[cell.key]} if cell.key in outcome.kinds else {}),
                **({"remark": outcome.remarks[cell.key]} if cell.key in outcome.remarks else {}),
                **({"row": _table_row(cell, opened)} if isinstance(cell, EvaluateCell) else {}),
            }
            for cell in plan.cells
        ],
    }
    return manifest | {GROUNDS: stated(manifest)}


def _behind(cells: tuple[Cell, ...], opened: Opened, outcome: Outcome) -> dict[str, str]:
    """Every file of code that a finished cell's numbers may hang on, with its digest when that cell was made."""
    files: dict[str, str] = {}
    for cell in cells:
        if cell.key in outcome.summaries:
            with contextlib.suppress(Unreadable):
                kept = read_cell(opened.bench.folder(cell).path)
                files |= kept.evidence.code if kept else {}
    return dict(sorted(files.items()))


def _table_row(cell: EvaluateCell, opened: Opened) -> dict[str, Any]:
    """What it takes to read the tables back without the benchmark file."""
    trained = cell.trained
    return {
        "columns": dict(cell.columns),
        "payload_bits": trained.bits,
        "code_bits": trained.code_bits,
        "kept": _kept_files(cell, opened),
    }


def _parts(cells: tuple[Cell, ...]) -> list[dict[str, Any]]:
    """Every part that a cell was made of, once."""
    found: dict[str, dict[str, Any]] = {}
    for chosen in chosen_parts(cells):
        by = chosen.provided
        commit = {"commit": by.commit} if by.commit else {}
        version = {"numbers": chosen.record.version} if getattr(chosen.record, "version", None) else {}
        about = {"version": by.version, "source": by.source_digest(), **version, **commit}
        part = {"kind": chosen.record.kind, **chosen.key, "distribution": by.distribution, **about}
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
