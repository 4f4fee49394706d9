"""One cell brought to its end in this process, while nobody else works on it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite
from ftbench.machine import provenance
from ftbench.machine.memory import give_back, ran_out
from ftbench.machine.randomness import derive
from ftbench.machine.stopwatch import watching
from ftbench.parts.surroundings import apart
from ftbench.plan.cells import Cell, FitCell
from ftbench.progress import Progress, begin, duration
from ftbench.runner.bench import Bench
from ftbench.runner.jobs import WORK
from ftbench.storage.cellfile import Evidence, Migrated, Unreadable, cell_json, read_cell
from ftbench.storage.earlier import keep_newest, move_aside
from ftbench.storage.failure import FailureKind
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged, Held, Lost
from ftbench.vouching.failing import failure_of
from ftbench.vouching.standing import Standings

if TYPE_CHECKING:
    from ftbench.runner.opening import Request

log = logging.getLogger(__name__)
SPENT = "spent"
"""Key of a summary, where --profile asked for it: seconds by kind of work."""


@dataclass(frozen=True)
class Ended:
    """How an attempt at a cell ended."""

    how: Literal["made", "failed", "found", "held", "stopped"]
    """``found``: another run finished it meanwhile; ``held``: another run works on it."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """Of a cell that was made."""
    reason: str = ""
    """Why it failed."""
    kind: FailureKind = "process"
    """In what way."""


class Listener(Progress, Protocol):
    """Who hears how a cell comes along."""

    def began(self) -> None:
        """The cell is worked on from now on."""
        ...

    def say(self, line: str, loud: bool = False) -> None:
        """Something that a person should know."""
        ...


class Aloud:
    """Tells people on a console, and observers."""

    def __init__(self, cell: Cell, title: str, bench: Bench) -> None:
        self.title, self.bench, self.columns = title, bench, cell.columns
        self.inner = begin(title, bench.console)
        self.named = {"cell": cell.key, "label": cell.label, "kind": cell.kind}

    def began(self) -> None:
        """Tell observers."""
        self.bench.plugins.tell("ftbench_cell_started", **self.named, columns=self.columns)

    def say(self, line: str, loud: bool = False) -> None:
        """Print a line under the cell's title."""
        self.bench.say(f"{self.title}: {line}", loud)

    def start(self, total: int, done: int = 0) -> None:
        """Show how much there is to do."""
        self.inner.start(total, done)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """Show it; observers hear of values."""
        self.inner.advance(done, values)
        if values:
            self.bench.plugins.tell("ftbench_progress", **self.named, step=done, values=values)

    def stop(self) -> None:
        """Show no more."""
        self.inner.stop()

    def ended(self, ended: Ended) -> None:
        """Say how; observers hear of what was made or failed."""
        self.inner.stop()
        if ended.how not in ("made", "failed"):
            return
        summary = dict(ended.summary) if ended.how == "made" else {"status": "failed", "reason": ended.reason}
        stalled = summary["status"] == "stalled"
        if ended.how == "failed":
            self.say(f"FAILED: {ended.reason}", loud=True)
        else:
            doubt = " — bits are hardly read better than by guessing; do not trust this row" if stalled else ""
            self.say(f"{summary['status']} in {duration(ended.summary['seconds'])}{doubt}", loud=stalled)
        self.bench.plugins.tell("ftbench_cell_finished", **self.named, status=summary["status"], summary=summary)


def attempt(
    cell: Cell,
    title: str,
    *,
    bench: Bench,
    request: Request | None,
    standings: Standings,
    evidence: Evidence,
    listener: Listener,
) -> Ended:
    """Make a cell, unless another run has done or does it. Interruptions and CannotWrite pass; the rest fails it."""
    folder = bench.folder(cell)
    try:
        with folder.locked({"label": cell.label, "kind": cell.kind}):
            # Another run may have finished it since.
            found = standings.anew(cell)
            if found.summary is not None:
                return Ended("found")
            if found.again:
                kept = move_aside(folder).name
                listener.say(f"{found.again}; made again, and kept as {kept} until then")
            ended = _tried(cell, title, bench, request, evidence, listener)
            keep_newest(folder)
            return ended
    except Held as error:
        if isinstance(error, Lost):
            listener.say(str(error), loud=True)
        return Ended("held")


def _tried(
    cell: Cell, title: str, bench: Bench, request: Request | None, evidence: Evidence, listener: Listener
) -> Ended:
    listener.began()
    try:
        bench.folder(cell).tidy()
        with bench.compute.settled(), apart(derive("process", cell.key)):
            return Ended("made", _made(cell, title, bench, request, evidence, listener))
    except (CannotWrite, Lost):
        raise
    except Exception as error:
        if isinstance(error, Damaged) and any(_held_elsewhere(error.file, bench.folder(one)) for one in cell.inputs):
            # What this cell needs is being made again: that is no failure of this one.
            return Ended("held")
        log.debug("cell %s failed", cell.key, exc_info=True)
        kind, reason = failure_of(error)
        return Ended("failed", reason=reason, kind=kind)


def _held_elsewhere(file: Path, needed: CellFolder) -> bool:
    return file.parent == needed.path and not needed.is_free()


def _made(
    cell: Cell, title: str, bench: Bench, request: Request | None, evidence: Evidence, listener: Listener
) -> dict[str, Any]:
    folder = bench.folder(cell)
    evidence = evidence.model_copy(update={"migrated": _begun_before(folder)})
    inputs = [needed.key for needed in cell.inputs]
    folder.begin(cell_json(cell.kind, cell.label, cell.key, inputs, cell.settings, evidence))
    start = time.monotonic()
    learned = cell.kind == "train" or (isinstance(cell, FitCell) and cell.bits is None)

    def worked(sparing: bool) -> dict[str, Any]:
        if request and learned and bench.compute.processes > 1:
            from ftbench.machine import processes

            shared = (request, cell.key, title, sparing)
            return processes.launch(_share, shared, bench.compute.processes, bench.compute.device)
        own = replace(bench, sparing=sparing)
        return _worked(cell, own, listener, profile=bool(request and request.profile))

    try:
        summary = _in_halves(worked, listener)
    except Damaged as error:
        if error.file != folder.file(UNFINISHED):
            raise
        # Only a checkpoint is read from a cell's own folder: what was trained up to there is lost.
        moved = folder.set_aside([UNFINISHED])
        kept = f"; kept beside it as {moved[0]}" if moved else ""
        listener.say(f"{UNFINISHED} is damaged ({error.reason}){kept}; trained from the beginning", loud=True)
        summary = _in_halves(worked, listener)
    made = {
        "status": "done",
        "label": cell.label,
        **summary,
        # Of the last stretch, where a training was resumed.
        "seconds": round(time.monotonic() - start, 1),
        "made_with": provenance.code(),
        "made_on": {**provenance.machine(), "threads": bench.compute.threads},
    }
    return folder.finish(made)


def _begun_before(folder: CellFolder) -> Migrated | None:
    """Of a training that goes on from a checkpoint of an earlier store, where it came from."""
    try:
        held = read_cell(folder.path) if folder.file(UNFINISHED).exists() else None
    except Unreadable:
        return None
    return held.evidence.migrated if held else None


def _worked(cell: Cell, bench: Bench, progress: Progress, profile: bool = False) -> dict[str, Any]:
    with watching() if profile else contextlib.nullcontext() as watch:
        try:
            summary = WORK[cell.kind](cell, bench, bench.folder(cell), progress)
        finally:
            progress.stop()
    return summary if watch is None else {**summary, SPENT: {k: round(s, 3) for k, s in watch.seconds.items()}}


def _in_halves(work: Callable[[bool], dict[str, Any]], listener: Listener) -> dict[str, Any]:
    """What ``work`` gives; called again, with True, for half a batch at a time where the memory does not hold one."""
    try:
        return work(False)
    except Exception as error:
        if not ran_out(error):
            raise
        log.debug("out of memory", exc_info=True)
    # Not where the error is still at hand: it holds all that there was.
    give_back()
    listener.say("the memory does not hold a batch; tried once more with half of it at a time", loud=True)
    return work(True)


def _share(request: Request, key: str, title: str, sparing: bool) -> dict[str, Any]:
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
    bench = replace(opened.bench, compute=compute, console=Console(quiet=processes.rank() > 0), sparing=sparing)
    with compute.settled():
        return _worked(cell, bench, Aloud(cell, title, bench))
