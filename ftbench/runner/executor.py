"""Runs cells here, one after the other: finished ones are kept, a failed one fails alone.

A cell that another run holds is done later, or taken from that run; one that ended its process last time comes last.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite, FtbenchError, told
from ftbench.machine import provenance
from ftbench.machine.randomness import derive
from ftbench.parts.catalogue import Plugins
from ftbench.parts.isolation import exit_raises
from ftbench.parts.surroundings import Surroundings, apart
from ftbench.plan.cells import Cell, FitCell, Plan, chosen_parts
from ftbench.plan.workload import to_do
from ftbench.progress import Progress, begin, duration
from ftbench.runner import jobs
from ftbench.runner.bench import Bench
from ftbench.runner.jobs import WORK
from ftbench.storage.cellfile import Evidence, Migrated, Unreadable, cell_json, read_cell
from ftbench.storage.earlier import keep_newest, move_aside
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged, Held
from ftbench.vouching.standing import Standings
from ftbench.vouching.strays import other_packages, strays

if TYPE_CHECKING:
    from ftbench.runner.opening import Request

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""Between two looks at a cell that another run holds."""


@dataclass
class Outcome:
    """How each cell of a plan ended."""

    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """key -> reason."""
    remarks: dict[str, str] = field(default_factory=dict)
    """key -> what a reader should know of a cell that was kept."""


def run(
    plan: Plan,
    bench: Bench,
    request: Request | None = None,
    before_risk: Callable[[Outcome], object] = lambda outcome: None,
) -> Outcome:
    """Run what is unfinished, or does not stand. Interruptions and CannotWrite pass through; the rest fails a cell.

    ``request`` is what other processes open the same benchmark by, to share a training; None: nothing is shared.
    ``before_risk`` gets what is done before cells are tried that ended their process last time.
    """
    for cell in plan.cells:
        _set_damage_aside(cell, bench)
    rerun = request.rerun if request else "code"
    standings = Standings(bench.store, bench.plugins, rerun)
    if any(standings.expected(cell).summary is None for cell in plan.cells):
        _load_parts(plan)
        # What was read of their sources before may be older than what was loaded.
        standings = Standings(bench.store, bench.plugins, rerun)
    lost = strays(plan, standings)
    if lost:
        raise BadInput("\n".join(lost))
    _say(bench, to_do(plan.cells, lambda cell: standings.expected(cell).summary))
    titles = {
        cell.key: f"[{number}/{len(plan.cells)}] {cell.kind} {cell.label.removeprefix('fit ')}"
        for number, cell in enumerate(plan.cells, start=1)
    }
    for key, why in other_packages(plan, standings).items():
        _say(bench, f"{titles[key]}: {why}")
    queue = _Queue(plan, titles, bench, request, standings)
    risky = _risky(plan, bench, standings)
    queue.work([cell for cell in plan.cells if cell.key not in risky])
    if risky:
        for cell in plan.cells:
            if cell.key in risky and bench.folder(cell).ended_its_process():
                _say(bench, f"{titles[cell.key]}: ended its process last time, so it is tried last", loud=True)
        before_risk(queue.outcome)
        queue.work([cell for cell in plan.cells if cell.key in risky])
    return queue.outcome


def _set_damage_aside(cell: Cell, bench: Bench) -> None:
    """Make a finished cell unfinished whose files are not what was written; every file is read for it."""
    folder = bench.folder(cell)
    if not folder.faults(jobs.KEEPS[cell.kind]):
        return
    try:
        with folder.locked():
            # Another run may have mended it before this one held it.
            for name, reason in folder.faults(jobs.KEEPS[cell.kind]).items():
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


def _risky(plan: Plan, bench: Bench, standings: Standings) -> set[str]:
    """Unfinished cells that ended the process that worked on them, and what needs those."""
    risky: set[str] = set()
    for cell in plan.cells:
        needs = any(needed.key in risky for needed in cell.inputs)
        if standings.of(cell).summary is None and (needs or bench.folder(cell).ended_its_process()):
            risky.add(cell.key)
    return risky


@dataclass
class _Queue:
    """Cells that are brought to an end in turn, those first that no other run holds."""

    plan: Plan
    titles: Mapping[str, str]
    bench: Bench
    request: Request | None
    standings: Standings
    outcome: Outcome = field(default_factory=Outcome)
    elsewhere: set[str] = field(default_factory=set)
    """Cells that were held by another run when their turn came."""

    @cached_property
    def plan_keys(self) -> frozenset[str]:
        """Of an input outside the plan the work itself finds out whether it is there."""
        return frozenset(cell.key for cell in self.plan.cells)

    def work(self, cells: list[Cell]) -> None:
        """Bring all of them to an end."""
        waited: list[str] = []
        while cells:
            left = [cell for cell in cells if not self._end(cell)]
            if len(left) == len(cells):
                held = [self.titles[cell.key] for cell in left if cell.key in self.elsewhere]
                if held != waited:
                    _say(self.bench, f"waiting for another run, which works on: {', '.join(held)}")
                    waited = held
                time.sleep(LOOK_SECONDS)
            cells = left

    def _end(self, cell: Cell) -> bool:
        """Bring a cell to its end; False where it has to wait for another run."""
        title, outcome = self.titles[cell.key], self.outcome
        if any(
            needed.key in self.plan_keys - outcome.summaries.keys() - outcome.failed.keys() for needed in cell.inputs
        ):
            # Whether it stands hangs on what they come out as.
            return False
        found = self.standings.anew(cell)
        if found.summary is not None:
            outcome.summaries[cell.key] = dict(found.summary)
            by = "by another run" if cell.key in self.elsewhere else "before"
            _say(self.bench, f"{title}: done {by}, {found.remark or 'kept'}")
            if found.remark:
                outcome.remarks[cell.key] = found.remark
            return True
        if any(needed.key in outcome.failed for needed in cell.inputs):
            outcome.failed[cell.key] = "a cell that it needs failed"
            _say(self.bench, f"{title}: left out, a cell that it needs failed")
            return True
        try:
            with self.bench.folder(cell).locked():
                # Another run may have finished it since.
                found = self.standings.anew(cell)
                if found.summary is not None:
                    return self._end(cell)
                if found.again:
                    kept = move_aside(self.bench.folder(cell)).name
                    _say(self.bench, f"{title}: {found.again}; made again, and kept as {kept} until then")
                _attempt(cell, title, self.bench, outcome, self.request, self.standings.evidence(cell))
                self.standings.anew(cell)
                keep_newest(self.bench.folder(cell))
        except Held:
            if cell.key not in self.elsewhere:
                self.elsewhere.add(cell.key)
                _say(self.bench, f"{title}: another run is working on it; later")
            return False
        if len(outcome.summaries) + len(outcome.failed) < len(self.plan.cells):
            _say(self.bench, to_do(self.plan.cells, lambda one: self.standings.expected(one).summary))
        return True


def _load_parts(plan: Plan) -> None:
    # Before hours of training, and while the sources are those that the evidence was made of.
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


def _attempt(
    cell: Cell, title: str, bench: Bench, outcome: Outcome, request: Request | None, evidence: Evidence
) -> None:
    named = {"cell": cell.key, "label": cell.label, "kind": cell.kind}
    bench.plugins.tell("ftbench_cell_started", **named, columns=cell.columns)
    summary: dict[str, Any] = {"status": "failed"}
    try:
        bench.folder(cell).tidy()
        held = bench.folder(cell).running({"label": cell.label, "kind": cell.kind})
        with held, bench.compute.settled(), apart(derive("process", cell.key)):
            summary = _finish(cell, title, bench, request, evidence)
    except CannotWrite:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, FtbenchError) else f"{type(error).__name__}: {error}"
        log.debug("cell %s failed", cell.key, exc_info=True)
        outcome.failed[cell.key] = summary["reason"] = reason
        _say(bench, f"{title}: FAILED: {reason}", loud=True)
    else:
        outcome.summaries[cell.key] = summary
        said = f"{title}: {summary['status']} in {duration(summary['seconds'])}"
        stalled = summary["status"] == "stalled"
        if stalled:
            said += " — bits are hardly read better than by guessing; do not trust this row"
        _say(bench, said, loud=stalled)
    bench.plugins.tell("ftbench_cell_finished", **named, status=summary["status"], summary=summary)


def _finish(cell: Cell, title: str, bench: Bench, request: Request | None, evidence: Evidence) -> dict[str, Any]:
    folder = bench.folder(cell)
    evidence = evidence.model_copy(update={"migrated": _begun_before(folder)})
    inputs = [needed.key for needed in cell.inputs]
    folder.begin(cell_json(cell.kind, cell.label, cell.key, inputs, cell.settings, evidence))
    start = time.monotonic()
    learned = cell.kind == "train" or (isinstance(cell, FitCell) and cell.bits is None)

    def worked() -> dict[str, Any]:
        if request and learned and bench.compute.processes > 1:
            from ftbench.machine import processes

            shared = (request, cell.key, title)
            return processes.launch(_share, shared, bench.compute.processes, bench.compute.device)
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


def _begun_before(folder: CellFolder) -> Migrated | None:
    """Of a training that goes on from a checkpoint of an earlier store, where it came from."""
    try:
        held = read_cell(folder.path) if folder.file(UNFINISHED).exists() else None
    except Unreadable:
        return None
    return held.evidence.migrated if held else None


def _worked(cell: Cell, title: str, bench: Bench) -> dict[str, Any]:
    progress = _Told(begin(title, bench.console), bench.plugins, cell)
    try:
        return WORK[cell.kind](cell, bench, bench.folder(cell), progress)
    finally:
        progress.stop()


def _share(request: Request, key: str, title: str) -> dict[str, Any]:
    """One process's part in a training: the benchmark opened anew, quietly, and the cell worked on."""
    from ftbench.machine import processes
    from ftbench.runner.opening import open_benchmark

    opened = open_benchmark(request, Console(quiet=True), settle_on_disk=False)
    cell = next((cell for cell in opened.plan.cells if cell.key == key), None)
    if cell is None:
        raise BadInput("the benchmark, its data or a part's source changed while it ran; run it again")
    compute = opened.bench.compute
    if compute.device == "cpu":
        compute = replace(compute, threads=max(1, compute.threads // compute.processes))
    bench = replace(opened.bench, compute=compute, console=Console(quiet=processes.rank() > 0))
    with compute.settled():
        return _worked(cell, title, bench)


def _say(bench: Bench, line: str, loud: bool = False) -> None:
    bench.console.print(line, style="bold red" if loud else None, highlight=False, markup=False, soft_wrap=True)


class _Told:
    """Progress that observers hear of too."""

    def __init__(self, inner: Progress, plugins: Plugins, cell: Cell) -> None:
        self.inner, self.plugins = inner, plugins
        self.named = {"cell": cell.key, "label": cell.label, "kind": cell.kind}

    def start(self, total: int, done: int = 0) -> None:
        self.inner.start(total, done)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        self.inner.advance(done, values)
        if values:
            self.plugins.tell("ftbench_progress", **self.named, step=done, values=values)

    def stop(self) -> None:
        self.inner.stop()
