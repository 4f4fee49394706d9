"""Cells side by side on this machine: a scheduler here, and a process a job, on Dask's distributed."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import dask
from distributed import Client, Future, LocalCluster, Nanny
from distributed.scheduler import KilledWorker
from distributed.security import Security

from ftbench import stopping
from ftbench.cluster.worker import STOPPING, TOPIC, Hand, stop_all, work_on
from ftbench.machine import supervision
from ftbench.machine.calltime import SECONDS
from ftbench.machine.scratch import scratch
from ftbench.plan.cells import Cell
from ftbench.runner.attempt import Ended, Listener
from ftbench.runner.opening import Request
from ftbench.storage.cellfile import Evidence

LOOK = 0.25
"""Seconds between two looks at what a signal asked for."""
SETTINGS: dict[str, Any] = {
    # A cell that ended its process is not tried again: the next would end as well.
    "distributed.scheduler.allowed-failures": 0,
    # A part that keeps Python to itself for minutes is slow, not gone.
    "distributed.scheduler.worker-ttl": None,
    # Parts may start processes of their own, which daemons must not.
    "distributed.worker.daemon": False,
    # Threads and allocator are those of a run without jobs: they decide numbers and time.
    "distributed.nanny.pre-spawn-environ": {},
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class _Nanny(Nanny):
    """Starts a worker, and again where it ended; remembers how."""

    ends: ClassVar[dict[str, int]] = {}
    """Address of a worker that ended -> exit code of its process."""

    def _on_worker_exit_sync(self, exitcode: int) -> None:
        self.ends[str(self.worker_address)] = exitcode
        super()._on_worker_exit_sync(exitcode)  # type: ignore[no-untyped-call]


@dataclass
class _Work:
    cell: Cell
    listener: Listener
    future: Future[Ended]
    process: int = 0


class Cluster:
    """An executor whose cells are tasks of a Dask cluster."""

    def __init__(self, client: Client, jobs: int, notes: Path) -> None:
        self.client, self.jobs, self.notes = client, jobs, notes
        self._works: dict[str, _Work] = {}
        self._news: queue.SimpleQueue[Sequence[Any]] = queue.SimpleQueue()
        self._ended: list[tuple[Cell, Ended]] = []
        client.subscribe_topic(TOPIC, lambda event: self._news.put(event[1]))

    def begin(self, cell: Cell, title: str, evidence: Evidence, listener: Listener) -> None:
        """Hand it to a worker that is free."""
        with stopping.between_steps():
            future = self.client.submit(work_on, cell.key, title, evidence, pure=False, retries=0)
            self._works[cell.key] = _Work(cell, listener, future)
            future.add_done_callback(lambda _: self._news.put([cell.key, "ended"]))

    def ended(self, seconds: float) -> Sequence[tuple[Cell, Ended]]:
        """Pass on what workers tell until one has brought a cell to its end. Raises CannotWrite."""
        with stopping.between_steps():
            until = time.monotonic() + seconds
            while not (self._hear(LOOK if seconds else 0) and self._ended) and not stopping.asked():
                if time.monotonic() >= until:
                    break
        return self._handed_over()

    def stop(self) -> Sequence[tuple[Cell, Ended]]:
        """Ask all workers, and wait for them as long as a checkpoint may take."""
        # A worker that does not answer, because a part keeps Python to itself, keeps the others from nothing.
        threading.Thread(
            target=partial(self.client.run, stop_all, on_error="ignore"), name="ftbench stops its jobs", daemon=True
        ).start()
        until = time.monotonic() + STOPPING
        while self._works and time.monotonic() < until:
            self._hear(LOOK)
        return self._handed_over()

    def _handed_over(self) -> Sequence[tuple[Cell, Ended]]:
        ended, self._ended = self._ended, []
        return ended

    def _hear(self, seconds: float) -> bool:
        """Take all news there are, waiting for the first; whether there are no more for now."""
        try:
            key, name, *arguments = self._news.get(timeout=seconds) if seconds else self._news.get_nowait()
        except queue.Empty:
            return True
        work = self._works.get(key)
        if work is None:
            return self._news.empty()
        if name == "ended":
            self._ended.append((work.cell, self._result(self._works.pop(key))))
        elif name == "began":
            work.process = arguments[0]
            work.listener.began()
        else:
            getattr(work.listener, name)(*arguments)
        return self._news.empty()

    def _result(self, work: _Work) -> Ended:
        try:
            return work.future.result()
        except KilledWorker as killed:
            return Ended("failed", reason=self._why(work.process, killed.last_worker.address))

    def _why(self, process: int, address: str) -> str:
        """Why a worker ended that worked on a cell."""
        notes = self.notes / str(process)
        if slow := supervision.read_notes(notes).get("slow"):
            return f"{slow}; its process was ended ({SECONDS} sets the limit, 0 for none)"
        until = time.monotonic() + 1
        # The connection breaks before the process is gone.
        while address not in _Nanny.ends and time.monotonic() < until:
            time.sleep(0.02)
        code = _Nanny.ends.get(address)
        how = "nobody knows how" if code is None else supervision.how_ended(code)
        return f"its process ended ({how}{supervision.crash_place(Path(f'{notes}.crash'))})"


@contextmanager
def side_by_side(request: Request, jobs: int) -> Iterator[Cluster]:
    """An executor with ``jobs`` processes, which end with this.

    They talk over encrypted connections that ask for a certificate of this run's own: whoever else could reach the
    scheduler, on this machine or over a network, could run code as this user.
    """
    with (
        scratch() as folder,
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            worker_class=_Nanny,
            security=Security.temporary(),
            # It has no pages, and a fixed port could be another cluster's.
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            memory_limit=0,
            local_directory=str(folder),
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        client.register_plugin(Hand(request, os.getpid(), folder))
        yield Cluster(client, jobs, folder)
