"""Runs cells here, one after the other: finished ones are kept, a failed one fails alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ftbench import parallel, provenance, work
from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite, FtbenchError, told
from ftbench.isolation import exit_raises
from ftbench.plan import Cell, CellKind, Plan, chosen_parts
from ftbench.plugins import Plugins
from ftbench.progress import Progress, begin, duration
from ftbench.randomness import derive
from ftbench.store import CellFolder
from ftbench.surroundings import Surroundings, apart
from ftbench.work import Bench
from ftbench.workload import to_do

if TYPE_CHECKING:
    from ftbench.session import Request

log = logging.getLogger(__name__)
WORK: dict[CellKind, Callable[[Cell, Bench, CellFolder, Progress], dict[str, Any]]] = {
    "fit": work.fit_part,
    "train": work.train_pair,
    "evaluate": work.evaluate_pair,
}


@dataclass
class Outcome:
    """How each cell of a plan ended."""

    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """identity -> reason."""


def run(plan: Plan, bench: Bench, request: Request | None = None) -> Outcome:
    """Run what is unfinished. Interruptions and CannotWrite (a full disk) pass through; the rest fails a cell.

    ``request`` is what other processes open the same benchmark by, to share a training; None: nothing is shared.
    """
    _load_parts(plan)
    outcome = Outcome()
    _say(bench, to_do(plan.cells, lambda cell: bench.folder(cell).summary))
    for number, cell in enumerate(plan.cells, start=1):
        title = f"[{number}/{len(plan.cells)}] {cell.kind} {cell.label.removeprefix('fit ')}"
        summary = bench.folder(cell).summary
        if summary is not None:
            outcome.summaries[cell.identity] = summary
            _say(bench, f"{title}: done before, kept")
        elif any(needed.identity in outcome.failed for needed in cell.inputs):
            outcome.failed[cell.identity] = "a cell that it needs failed"
            _say(bench, f"{title}: left out, a cell that it needs failed")
        else:
            _attempt(cell, title, bench, outcome, request)
            if number < len(plan.cells):
                _say(bench, to_do(plan.cells, lambda cell: bench.folder(cell).summary))
    return outcome


def _load_parts(plan: Plan) -> None:
    # Before hours of training, and while the sources are those that the identities were made of.
    for chosen in chosen_parts(plan.cells):
        before = Surroundings.now()
        try:
            with exit_raises():
                chosen.record.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            record, by = chosen.record, chosen.provided
            raise BadInput(
                f"{record.kind} {record.name!r} of {by.distribution} {by.version} cannot be loaded: "
                f"{told(error)}; mend that distribution or name another part"
            ) from error
        finally:
            before.restored()


def _attempt(cell: Cell, title: str, bench: Bench, outcome: Outcome, request: Request | None) -> None:
    named = {"cell": cell.identity, "label": cell.label, "kind": cell.kind}
    bench.plugins.tell("ftbench_cell_started", **named, columns=cell.columns)
    summary: dict[str, Any] = {"status": "failed"}
    try:
        with bench.folder(cell).locked(), bench.compute.settled(), apart(derive("process", cell.identity)):
            summary = _finish(cell, title, bench, request)
    except CannotWrite:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, FtbenchError) else f"{type(error).__name__}: {error}"
        log.debug("cell %s failed", cell.identity, exc_info=True)
        outcome.failed[cell.identity] = summary["reason"] = reason
        _say(bench, f"{title}: FAILED: {reason}", loud=True)
    else:
        outcome.summaries[cell.identity] = summary
        said = f"{title}: {summary['status']} in {duration(summary['seconds'])}"
        stalled = summary["status"] == "stalled"
        if stalled:
            said += " — bits are hardly read better than by guessing; do not trust this row"
        _say(bench, said, loud=stalled)
    bench.plugins.tell("ftbench_cell_finished", **named, status=summary["status"], summary=summary)


def _finish(cell: Cell, title: str, bench: Bench, request: Request | None) -> dict[str, Any]:
    folder = bench.folder(cell)
    folder.begin(
        {
            "kind": cell.kind,
            "label": cell.label,
            "identity": cell.identity,
            "inputs": [needed.identity for needed in cell.inputs],
            "settings": cell.settings,
        }
    )
    start = time.monotonic()
    learned = cell.kind == "train" or (cell.kind == "fit" and "simulator" in cell.parts)
    if request and learned and bench.compute.processes > 1:
        shared = (request, cell.identity, title)
        summary = parallel.launch(_share, shared, bench.compute.processes, bench.compute.device)
    else:
        summary = _worked(cell, title, bench)
    made = {
        "status": "done",
        "label": cell.label,
        **summary,
        # Of the last stretch, where a training was resumed.
        "seconds": round(time.monotonic() - start, 1),
        "made_with": provenance.code(),
    }
    folder.finish(made)
    return made


def _worked(cell: Cell, title: str, bench: Bench) -> dict[str, Any]:
    progress = _Told(begin(title, bench.console), bench.plugins, cell)
    try:
        return WORK[cell.kind](cell, bench, bench.folder(cell), progress)
    finally:
        progress.stop()


def _share(request: Request, identity: str, title: str) -> dict[str, Any]:
    """One process's part in a training: the benchmark opened anew, quietly, and the cell worked on."""
    from ftbench.session import open_benchmark

    opened = open_benchmark(request, Console(quiet=True), settle_on_disk=False)
    cell = next((cell for cell in opened.plan.cells if cell.identity == identity), None)
    if cell is None:
        raise BadInput("the benchmark, its data or a part's source changed while it ran; run it again")
    compute = opened.bench.compute
    if compute.device == "cpu":
        compute = replace(compute, threads=max(1, compute.threads // compute.processes))
    bench = replace(opened.bench, compute=compute, console=Console(quiet=parallel.rank() > 0))
    with compute.settled():
        return _worked(cell, title, bench)


def _say(bench: Bench, line: str, loud: bool = False) -> None:
    bench.console.print(line, style="bold red" if loud else None, highlight=False, markup=False, soft_wrap=True)


class _Told:
    """Progress that observers hear of too."""

    def __init__(self, inner: Progress, plugins: Plugins, cell: Cell) -> None:
        self.inner, self.plugins = inner, plugins
        self.named = {"cell": cell.identity, "label": cell.label, "kind": cell.kind}

    def start(self, total: int, done: int = 0) -> None:
        self.inner.start(total, done)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        self.inner.advance(done, values)
        if values:
            self.plugins.tell("ftbench_progress", **self.named, step=done, values=values)

    def stop(self) -> None:
        self.inner.stop()
