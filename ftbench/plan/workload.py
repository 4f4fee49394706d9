"""How much a benchmark asks for: counted before parts are looked at, and told before anything runs."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ftbench.benchfile.document import Document
from ftbench.benchfile.schema import Benchmark
from ftbench.errors import BadInput
from ftbench.plan.cells import Cell, CellKind
from ftbench.progress import duration

ASSUMED = 0.1
"""Seconds a step, for a benchmark of which nothing has been timed: small images on a few processor cores."""
NAMES: dict[CellKind, str] = {"fit": "fit", "train": "training", "evaluate": "evaluation"}


def check_count(benchmark: Benchmark, document: Document) -> None:
    """Raise BadInput where the matrix multiplies to more settings than ``most_settings``; costs nothing."""
    axes = _axes(benchmark)
    settings = math.prod(axes.values())
    if settings <= benchmark.most_settings:
        return
    losses = benchmark.matrix.loss
    steps = settings // len(losses) * sum(benchmark.train.under(loss).steps for loss in losses)
    product = " × ".join(f"{count:,} of {name}" for name, count in axes.items() if count > 1)
    raise BadInput(
        f"{document.place(('matrix',))}: matrix asks for {settings:,} trainings ({product}) and "
        f"{settings * len(benchmark.evaluate.held()):,} evaluations; at {ASSUMED:g} s a step the {steps:,} steps alone "
        f"would take {duration(steps * ASSUMED)}; leave values out, or raise most_settings above its "
        f"{benchmark.most_settings:,}"
    )


def _axes(benchmark: Benchmark) -> dict[str, int]:
    matrix = benchmark.matrix
    couples: dict[str, int] = (
        {"pairs": len(matrix.pairs)}
        if matrix.pairs is not None
        else {"encoder": len(matrix.encoder or []), "decoder": len(matrix.decoder or [])}
    )
    rest = {name: len(getattr(matrix, name)) for name in ("codec", "simulator", "pool", "loss", "seed")}
    return {**couples, **rest, "message.bits": len(benchmark.message.bits)}


def to_do(cells: Sequence[Cell], summary_of: Callable[[Cell], Mapping[str, Any] | None], jobs: int = 1) -> str:
    """``to do: 2 trainings (3,000 steps), 4 evaluations; about 12 min, going by the finished ones``.

    ``jobs``: cells that are worked on side by side.
    """
    summaries = {cell.key: summary_of(cell) for cell in cells}
    left = [cell for cell in cells if summaries[cell.key] is None]
    if not left:
        return "to do: nothing, all cells are done"
    untrained = sum(cell.kind == "train" and not cell.steps for cell in left)
    counts, steps = Counter(cell.kind for cell in left if cell.steps), Counter[str]()
    for cell in left:
        steps[cell.kind] += cell.steps
    parts = []
    for kind, name in NAMES.items():
        if counts[kind]:
            trained = f" ({steps[kind]:,} steps)" if kind != "evaluate" else ""
            parts.append(f"{counts[kind]:,} {name}{'s' if counts[kind] > 1 else ''}{trained}")
        if kind == "train" and untrained:
            parts.append(
                f"{untrained:,} pair{'s' if untrained > 1 else ''} that need{'' if untrained > 1 else 's'} no training"
            )
    return f"to do: {', '.join(parts)}{_time(left, cells, summaries, jobs)}"


def _time(
    left: Sequence[Cell], cells: Sequence[Cell], summaries: Mapping[str, Mapping[str, Any] | None], jobs: int
) -> str:
    """What is left at the pace of the finished cells of the same kind, or nothing where none is finished."""
    paces: defaultdict[str, list[float]] = defaultdict(list)
    for cell in cells:
        summary = summaries[cell.key]
        if summary is not None and "seconds" in summary and cell.steps:
            paces[cell.kind].append(float(summary["seconds"]) / cell.steps)
    left = [cell for cell in left if cell.steps]
    known = [cell for cell in left if paces[cell.kind]]
    if not known:
        return ""
    times = [statistics.median(paces[cell.kind]) * cell.steps for cell in known]
    seconds = max(sum(times) / jobs, *times)
    about = "about" if len(known) == len(left) else "at least"
    return f"; {about} {duration(seconds)}, going by the finished ones"
