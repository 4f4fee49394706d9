"""Tests a trained pair: rows, qualities and samples go into its folder."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ftbench.contract.protocols import QualityMeasure
from ftbench.evaluate.evaluate import BATCH, evaluate
from ftbench.evaluate.readings import GridDistortion
from ftbench.pipeline.guard import rows_at_most
from ftbench.pipeline.held import HeldAt
from ftbench.pipeline.stages import DistortionStage, Held
from ftbench.plan.part import strength_of
from ftbench.runner.build import as_trained, build, guard_of, held_code, on_device, simulator_stage, trained_pair
from ftbench.storage.files import csv_bytes, gzipped
from ftbench.storage.readings import READINGS, packed
from ftbench.storage.results import QUALITY, ROWS, SAMPLES

if TYPE_CHECKING:
    from ftbench.plan.cells import EvaluateCell
    from ftbench.plan.part import ResolvedPart
    from ftbench.progress import Progress
    from ftbench.runner.bench import Bench
    from ftbench.storage.store import CellFolder


def evaluate_pair(cell: EvaluateCell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
    """What is worth a manifest is returned."""
    trained = cell.trained
    pair = trained_pair(trained, bench)
    labelled = zip(cell.simulator_labels, cell.simulators, strict=True)
    attacks = {label: simulator_stage(chosen, cell, bench) for label, chosen in labelled}
    # The last cell of a benchmark, and the only one that may open the test split.
    images = bench.data.split(cell.section.split, cell.section.limit)
    with rows_at_most(BATCH // 2 if bench.sparing else None):
        findings = evaluate(
            pair=pair,
            codec=held_code(trained, bench),
            attacks=attacks,
            conditions=[_condition(chosen, bench) for chosen in cell.distortions],
            metrics={chosen.called: _metric(chosen, bench) for chosen in cell.metrics},
            images=images,
            settings=cell.section,
            bits=trained.bits,
            held=_held(cell, bench),
            device=bench.compute.device,
            progress=progress,
            known=bench.data.split("train") if any(attack.known for attack in attacks.values()) else None,
        )
    # Made in memory: the same rows are the same bytes, and a full disk is known as such.
    folder.write(ROWS, gzipped(csv_bytes(findings.rows)))
    folder.write(QUALITY, gzipped(csv_bytes(findings.quality)))
    folder.write(READINGS, packed(findings.rows, **findings.readings))
    samples: dict[str, Any] = dict(findings.samples)
    content = io.BytesIO()
    np.savez(content, **samples)
    folder.write(SAMPLES, content.getvalue())
    status = (bench.folder(trained).summary or {}).get("status", "done")
    in_parts = {"parts": 2} if bench.sparing else {}
    return {"status": status, "images": len(images), "rows": len(findings.rows), **in_parts}


def _condition(chosen: ResolvedPart, bench: Bench) -> GridDistortion:
    record = chosen.record
    return GridDistortion(
        label=chosen.label,
        category=record.category,
        strength=strength_of(chosen),
        damage=DistortionStage(record, on_device(build(chosen), bench), guard_of(chosen)),
        plain=record.category == "none",
    )


def _held(cell: EvaluateCell, bench: Bench) -> Held | None:
    if cell.flip is not None:
        return HeldAt(cell.flip, on_device(build(cell.flip_part), bench))
    return as_trained(cell.trained, bench) if cell.psnr == "own" else cell.psnr


def _metric(chosen: ResolvedPart, bench: Bench) -> QualityMeasure:
    measure, guard = on_device(build(chosen), bench), guard_of(chosen)
    return lambda reference, image: guard.tensor(measure, reference, image, shape=(len(image),))
