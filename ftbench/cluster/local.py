"""Cells side by side on this machine: a scheduler here, and a process a job, on Dask's distributed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import dask
from distributed import Client, LocalCluster, Nanny
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker
from distributed.security import Security

from ftbench.cluster.executor import Cluster, Work
from ftbench.cluster.worker import Own
from ftbench.errors import CellFailed
from ftbench.machine import supervision
from ftbench.machine.calltime import SECONDS
from ftbench.machine.scratch import scratch
from ftbench.runner.attempt import Ended
from ftbench.runner.opening import Request
from ftbench.storage.failure import FailureKind

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


TRIES = 10
"""Times that workers are told of the run, a second apart, before it gives up."""


class _Nanny(Nanny):
    """Starts a worker, and again where it ended; remembers how."""

    ends: ClassVar[dict[str, int]] = {}
    """Address of a worker that ended -> exit code of its process."""

    def _on_worker_exit_sync(self, exitcode: int) -> None:
        self.ends[str(self.worker_address)] = exitcode
        super()._on_worker_exit_sync(exitcode)  # type: ignore[no-untyped-call]


class Local(Cluster):
    """An executor on processes of this machine that are the run's own."""

    def __init__(self, client: Client, jobs: int, notes: Path) -> None:
        super().__init__(client, jobs)
        self.notes = notes

    def _result(self, work: Work) -> Ended | None:
        try:
            return super()._result(work)
        except KilledWorker as killed:
            kind, reason = self._why(work.process, killed.last_worker.address)
            return Ended("failed", reason=reason, kind=kind)

    def _why(self, process: int, address: str) -> tuple[FailureKind, str]:
        """Why a worker ended that worked on a cell."""
        notes = self.notes / str(process)
        if slow := supervision.read_notes(notes).get("slow"):
            return "time", f"{slow}; its process was ended ({SECONDS} sets the limit, 0 for none)"
        until = time.monotonic() + 1
        # The connection breaks before the process is gone.
        while address not in _Nanny.ends and time.monotonic() < until:
            time.sleep(0.02)
        code = _Nanny.ends.get(address)
        how = "nobody knows how" if code is None else supervision.how_ended(code)
        return "process", f"its process ended ({how}{supervision.crash_place(Path(f'{notes}.crash'))})"


@contextmanager
def side_by_side(request: Request, jobs: int) -> Iterator[Local]:
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
        executor = Local(client, jobs, folder)
        _tell(client, Own(request, os.getpid(), folder), executor.topic)
        yield executor


def _tell(client: Client, own: Own, name: str) -> None:
    """Give workers what they need. Raises CellFailed where they end as fast as they start."""
    for _ in range(TRIES):
        try:
            client.register_plugin(own, name=name)
        except CommClosedError as error:
            # One ended while it was told. The scheduler keeps what it has to say for whoever comes in its place.
            last = error
            time.sleep(1)
        else:
            return
    raise CellFailed(f"the processes that work on cells end as they start ({last}); --jobs 1 does without them")
