"""In a worker: the benchmark is opened once, cells are worked on in turn, and the run is told of each."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Worker, WorkerPlugin, get_worker

from ftbench import stopping
from ftbench.console import Console, prepare_streams
from ftbench.errors import BadInput, CellFailed
from ftbench.machine import calltime, supervision, watchdog
from ftbench.parts.isolation import not_left
from ftbench.plan.cells import Cell
from ftbench.runner.attempt import Ended, attempt
from ftbench.storage.cellfile import Evidence
from ftbench.vouching.standing import Standings

if TYPE_CHECKING:
    from ftbench.runner.opening import Opened, Request

STOPPING = 30.0
"""Seconds that trainings have to keep a checkpoint."""
QUIET = 0.5
"""Seconds between two reports of steps of which nothing was measured: a scheduler hears of all workers."""


class Hand(WorkerPlugin):
    """What makes a Dask worker one that can work on a benchmark's cells."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.thread: int | None = None
        self.key = ""
        """Of the cell that is worked on."""

    @cached_property
    def opened(self) -> Opened:
        """The benchmark, quietly: the run has said all that there is to say."""
        from ftbench.runner.opening import open_benchmark

        return open_benchmark(self.request, Console(quiet=True), settle_on_disk=False)

    @cached_property
    def standings(self) -> Standings:
        """What this process finds of the plan's cells."""
        return Standings(self.opened.bench.store, self.opened.bench.plugins, self.request.rerun)

    @cached_property
    def cells(self) -> Mapping[str, Cell]:
        """The plan's cells by key."""
        return {cell.key: cell for cell in self.opened.plan.cells}

    def cell(self, key: str, evidence: Evidence) -> Cell:
        """The cell as this process would make it, which must be as the run would."""
        cell = self.cells.get(key)
        own = self.standings.evidence(cell) if cell else None
        if cell is None or own is None or (own.code, own.records) != (evidence.code, evidence.records):
            raise BadInput("the benchmark, its data or a part's source changed while it ran; run it again")
        return cell

    def stop(self) -> None:
        """Let a training keep a checkpoint and end, and end anything else where it is."""
        if self.thread is not None:
            stopping.ask_thread(self.thread)


class Own(Hand):
    """In a process that is the run's own and ends with it."""

    def __init__(self, request: Request, parent: int, notes: Path) -> None:
        super().__init__(request)
        self.parent, self.notes = parent, notes

    def setup(self, worker: Worker) -> None:
        """Prepare the process; called in its main thread."""
        prepare_streams()
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        # What a terminal or a batch system tells all processes is the run's to heed, which then asks this one.
        for number in stopping.SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        watchdog.end_with(self.parent, self.stop, STOPPING)
        supervision.notes.file = self.notes / str(os.getpid())
        supervision.notes.crash = Path(f"{supervision.notes.file}.crash").open("w", encoding="utf-8")  # noqa: SIM115  (open as long as the process)
        faulthandler.enable(file=supervision.notes.crash, all_threads=False)


def work_on(topic: str, key: str, title: str, evidence: Evidence) -> Ended:
    """Bring the cell of this key to its end. Raises CannotWrite, and BadInput where it is another benchmark now.

    ``topic``: what the run is called on the cluster: its Hand in a worker, and the events by which it hears of cells.
    """
    hand: Any = get_worker().plugins[topic]
    reports = Reports(get_worker(), topic, key)
    reports.taken()
    hand.thread, hand.key = threading.get_ident(), key
    calltime.serve(hand.thread)
    try:
        # Another run may have asked this process to stop before.
        with stopping.heeded(), not_left():
            return attempt(
                hand.cell(key, evidence),
                title,
                bench=hand.opened.bench,
                request=hand.request,
                standings=hand.standings,
                evidence=evidence,
                listener=reports,
            )
    except stopping.Stopped:
        return Ended("stopped")
    except CellFailed as error:
        return Ended("failed", reason=str(error))
    finally:
        hand.thread = None


def stop_all(topic: str, dask_worker: Worker) -> None:
    """Called in every worker when the run is to end."""
    hand: Any = dask_worker.plugins[topic]
    hand.stop()


class Reports:
    """Tells the run, which tells people and observers: a cell's key, what of its listener to call, and with what."""

    def __init__(self, worker: Worker, topic: str, key: str) -> None:
        self.worker, self.topic, self.key = worker, topic, key
        self.last = 0.0

    def taken(self) -> None:
        """Which process of which worker it is that has the cell."""
        self._tell("taken", os.getpid(), self.worker.address)

    def began(self) -> None:
        """It is worked on from now on."""
        self._tell("began")

    def say(self, line: str, loud: bool = False) -> None:
        """A line for people."""
        self._tell("say", line, loud)

    def start(self, total: int, done: int = 0) -> None:
        """How much there is to do."""
        self._tell("start", total, done)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """How much is done."""
        now = time.monotonic()
        if values or now - self.last >= QUIET:
            self.last = now
            self._tell("advance", done, {name: float(value) for name, value in values.items()})

    def stop(self) -> None:
        """It counts no further."""
        self._tell("stop")

    def _tell(self, name: str, *arguments: Any) -> None:
        self.worker.log_event(self.topic, [self.key, name, *arguments])
