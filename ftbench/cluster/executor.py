"""Cells as tasks of a Dask cluster, wherever its workers are: begun, heard of, ended, stopped."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from distributed import Client, Future

from ftbench import stopping
from ftbench.cluster.worker import STOPPING, stop_all, work_on
from ftbench.plan.cells import Cell
from ftbench.runner.attempt import Ended, Listener
from ftbench.storage.cellfile import Evidence

LOOK = 0.25
"""Seconds between two looks at what a signal asked for."""


@dataclass
class Work:
    """A cell that was begun."""

    cell: Cell
    title: str
    evidence: Evidence
    listener: Listener
    future: Future[Ended] | None = None
    since: float = 0.0
    """When it was handed to the scheduler."""
    process: int = 0
    worker: str = ""
    """Process number and address of the worker that works on it; empty: none has told that it does."""
    deaths: int = 0
    """Workers that died while they worked on it."""


class Cluster:
    """An executor whose cells are tasks of a Dask cluster."""

    def __init__(self, client: Client, jobs: int = 0) -> None:
        self.topic = f"ftbench-{uuid.uuid4().hex[:12]}"
        """What this run's tasks, events and plugins are called on the cluster, which others may use as well."""
        self._jobs = jobs
        self._works: dict[str, Work] = {}
        self._news: queue.SimpleQueue[Sequence[Any]] = queue.SimpleQueue()
        self._ended: list[tuple[Cell, Ended]] = []
        self._listen_to(client)

    @property
    def jobs(self) -> int:
        """Cells that are worked on at a time."""
        return self._jobs

    def begin(self, cell: Cell, title: str, evidence: Evidence, listener: Listener) -> None:
        """Hand it to a worker that is free."""
        with stopping.between_steps():
            work = self._works[cell.key] = Work(cell, title, evidence, listener)
            self._submit(work)

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
        self._tell_workers(stop_all)
        until = time.monotonic() + STOPPING
        while self._works and time.monotonic() < until:
            self._hear(LOOK)
        return self._handed_over()

    def _listen_to(self, client: Client) -> None:
        self.client = client
        client.subscribe_topic(self.topic, lambda event: self._news.put(event[1]))

    def _submit(self, work: Work) -> None:
        key = work.cell.key
        arguments = (self.topic, key, work.title, work.evidence)
        future: Future[Ended] = self.client.submit(work_on, *arguments, pure=False, retries=0, **self._wants(work.cell))
        work.future, work.since = future, time.monotonic()
        future.add_done_callback(partial(self._tell_news, key, "ended"))

    def _wants(self, cell: Cell) -> dict[str, Any]:
        """How a cell's task is to be placed."""
        return {}

    def _tell_news(self, key: str, what: str, future: Future[Any]) -> None:
        self._news.put([key, what, future])

    def _tell_workers(self, what: Any, workers: list[str] | None = None) -> threading.Thread:
        """Have a function called in workers, in all where none are named, without waiting for them."""
        # A worker that does not answer, because a part keeps Python to itself, keeps the others from nothing.
        called = partial(self.client.run, what, self.topic, workers=workers, on_error="ignore")
        thread = threading.Thread(target=called, name="ftbench tells its workers", daemon=True)
        thread.start()
        return thread

    def _handed_over(self) -> Sequence[tuple[Cell, Ended]]:
        ended, self._ended = self._ended, []
        return ended

    def _hear(self, seconds: float) -> bool:
        """Take all news there are, waiting for the first; whether there are no more for now."""
        try:
            key, name, *arguments = self._news.get(timeout=seconds) if seconds else self._news.get_nowait()
        except queue.Empty:
            return True
        self._heed(key, name, arguments)
        return self._news.empty()

    def _heed(self, key: str, name: str, arguments: list[Any]) -> None:
        work = self._works.get(key)
        if work is None:
            return
        if name == "ended":
            if work.future is arguments[0] and (ended := self._result(work)):
                self._end(work, ended)
        elif name == "taken":
            work.process, work.worker = arguments
        else:
            getattr(work.listener, name)(*arguments)

    def _end(self, work: Work, ended: Ended) -> None:
        del self._works[work.cell.key]
        self._ended.append((work.cell, ended))

    def _result(self, work: Work) -> Ended | None:
        """How a task ended; None where it goes on as another task. Raises CannotWrite and BadInput."""
        assert work.future is not None
        return work.future.result()
