"""Runs cells here, one after the other: finished ones are kept, a failed one fails alone.

A cell that another run holds is done later, or taken from that run; one that ended its process last time comes last.
"""

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
from ftbench.store import UNFINISHED, CellFolder, Damaged, Held
from ftbench.surroundings import Surroundings, apart
from ftbench.work import Bench
from ftbench.workload import to_do

if TYPE_CHECKING:
    from ftbench.session import Request

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""Between two looks at a cell that another run holds."""
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


def run(
    plan: Plan,
    bench: Bench,
    request: Request | None = None,
    before_risk: Callable[[Outcome], object] = lambda outcome: None,
) -> Outcome:
    """Run what is unfinished. Interruptions and CannotWrite (a full disk) pass through; the rest fails a cell.

    ``request`` is what other processes open the same benchmark by, to share a training; None: nothing is shared.
    ``before_risk`` gets what is done before cells are tried that ended their process last time.
    """
    _load_parts(plan)
    for cell in plan.cells:
        _set_damage_aside(cell, bench)
    _say(bench, to_do(plan.cells, lambda cell: bench.folder(cell).summary))
    titles = {
        cell.identity: f"[{number}/{len(plan.cells)}] {cell.kind} {cell.label.removeprefix('fit ')}"
        for number, cell in enumerate(plan.cells, start=1)
    }
    queue = _Queue(plan, titles, bench, request)
    risky = _risky(plan, bench)
    queue.work([cell for cell in plan.cells if cell.identity not in risky])
    if risky:
        for cell in plan.cells:
            if cell.identity in risky and bench.folder(cell).ended_its_process():
                _say(bench, f"{titles[cell.identity]}: ended its process last time, so it is tried last", loud=True)
        before_risk(queue.outcome)
        queue.work([cell for cell in plan.cells if cell.identity in risky])
    return queue.outcome


def _set_damage_aside(cell: Cell, bench: Bench) -> None:
    """Make a finished cell unfinished whose files are not what was written; every file is read for it."""
    folder = bench.folder(cell)
    if not folder.faults(work.KEEPS[cell.kind]):
        return
    try:
        with folder.locked():
            # Another run may have mended it before this one held it.
            for name, reason in folder.faults(work.KEEPS[cell.kind]).items():
                _say_damage(cell, bench, name, reason, folder.set_aside([name]))
    except Held:
        return


def _say_damage(cell: Cell, bench: Bench, name: str, reason: str, moved: list[str]) -> None:
    kept = f"; kept beside it as {moved[0]}" if moved else ""
    _say(
        bench,
        f"{cell.kind} {cell.label.removeprefix('fit ')} ({bench.folder(cell).path.name}): {name} is damaged ({reason})"
        f"{kept}; the cell is made anew",
        loud=True,
    )


def _risky(plan: Plan, bench: Bench) -> set[str]:
    """Unfinished cells that ended the process that worked on them, and what needs those."""
    risky: set[str] = set()
    for cell in plan.cells:
        folder = bench.folder(cell)
        needs = any(needed.identity in risky for needed in cell.inputs)
        if folder.summary is None and (needs or folder.ended_its_process()):
            risky.add(cell.identity)
    return risky


@dataclass
class _Queue:
    """Cells that are brought to an end in turn, those first that no other run holds."""

    plan: Plan
    titles: Mapping[str, str]
    bench: Bench
    request: Request | None
    outcome: Outcome = field(default_factory=Outcome)
    elsewhere: set[str] = field(default_factory=set)
    """Cells that were held by another run when their turn came."""

    def work(self, cells: list[Cell]) -> None:
        """Bring all of them to an end."""
        waited: list[str] = []
        while cells:
            left = [cell for cell in cells if not self._end(cell)]
            if len(left) == len(cells):
                held = [self.titles[cell.identity] for cell in left if cell.identity in self.elsewhere]
                if held != waited:
                    _say(self.bench, f"waiting for another run, which works on: {', '.join(held)}")
                    waited = held
                time.sleep(LOOK_SECONDS)
            cells = left

    def _end(self, cell: Cell) -> bool:
        """Bring a cell to its end; False where it has to wait for another run."""
        title, outcome = self.titles[cell.identity], self.outcome
        summary = self.bench.folder(cell).summary
        if summary is not None:
            outcome.summaries[cell.identity] = summary
            by = "by another run" if cell.identity in self.elsewhere else "before"
            _say(self.bench, f"{title}: done {by}, kept")
            return True
        if any(needed.identity in outcome.failed for needed in cell.inputs):
            outcome.failed[cell.identity] = "a cell that it needs failed"
            _say(self.bench, f"{title}: left out, a cell that it needs failed")
            return True
        # Of an input outside the plan the work itself finds out whether it is there.
        planned = {one.identity for one in self.plan.cells}
        if any(needed.identity in planned - outcome.summaries.keys() for needed in cell.inputs):
            return False
        try:
            with self.bench.folder(cell).locked():
                # Another run may have finished it since.
                if self.bench.folder(cell).summary is not None:
                    return self._end(cell)
                _attempt(cell, title, self.bench, outcome, self.request)
        except Held:
            if cell.identity not in self.elsewhere:
                self.elsewhere.add(cell.identity)
                _say(self.bench, f"{title}: another run is working on it; later")
            return False
        if len(outcome.summaries) + len(outcome.failed) < len(self.plan.cells):
            _say(self.bench, to_do(self.plan.cells, lambda one: self.bench.folder(one).summary))
        return True


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
        bench.folder(cell).tidy()
        held = bench.folder(cell).running({"label": cell.label, "kind": cell.kind})
        with held, bench.compute.settled(), apart(derive("process", cell.identity)):
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

    def worked() -> dict[str, Any]:
        if request and learned and bench.compute.processes > 1:
            shared = (request, cell.identity, title)
            return parallel.launch(_share, shared, bench.compute.processes, bench.compute.device)
        return _worked(cell, title, bench)

    try:
        summary = worked()
    except Damaged as error:
        if error.file != folder.file(UNFINISHED):
            raise
        # Only a checkpoint is read from a cell's own folder: what was trained up to there is lost.
        moved = folder.set_aside([UNFINISHED])
        kept = f"; kept beside it as {moved[0]}" if moved else ""
        _say(bench, f"{title}: {UNFINISHED} is damaged ({error.reason}){kept}; trained from the beginning", loud=True)
        summary = worked()
    made = {
        "status": "done",
        "label": cell.label,
        **summary,
        # Of the last stretch, where a training was resumed.
        "seconds": round(time.monotonic() - start, 1),
        "made_with": provenance.code(),
    }
    return folder.finish(made)


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
