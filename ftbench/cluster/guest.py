"""In a worker of somebody's cluster: it is looked at before it gets a cell, and may leave while it works on one."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Worker, get_worker
from distributed.utils import sync

from ftbench.cluster.passport import Passport
from ftbench.cluster.worker import STOPPING, Hand
from ftbench.errors import BadInput, FtbenchError, told
from ftbench.machine import supervision
from ftbench.parts.local_file import LocalFile
from ftbench.storage.files import write_bytes

if TYPE_CHECKING:
    from ftbench.runner.opening import Opened, Request

DATA = "FTBENCH_DATA"
"""Environment variable of a worker: where the images are there, if not where the run has them."""
_LOADED: dict[str, str] = {}
"""File -> digest, of the code of all runs that this process was introduced to."""
LAST_WORD = 1.0
"""Seconds in which what a process says before it ends can reach the run."""


@dataclass(frozen=True)
class Answer:
    """What a worker says of itself."""

    host: str
    resources: Mapping[str, float]
    """What it was started with, such as GPU and MEMORY."""
    passport: Passport | None
    reason: str = ""
    """Why it has no passport."""


class Guest(Hand):
    """In a worker that was there before the run and stays after it."""

    def __init__(self, topic: str, request: Request) -> None:
        super().__init__(request)
        self.topic = topic

    def setup(self, worker: Worker) -> None:
        """Know the worker; signals, streams and warnings are whose the process is."""
        self.worker = worker
        # A call without an end ends the process. The run may be on another machine, where nobody could read a file.
        supervision.notes.file, supervision.notes.tell = Path(os.devnull), self._tell_last

    def _tell_last(self, values: Mapping[str, Any]) -> None:
        if "slow" in values and self.key:
            self.worker.log_event(self.topic, [self.key, "slow", values["slow"]])
            time.sleep(LAST_WORD)

    @cached_property
    def opened(self) -> Opened:
        """The benchmark that the run sent, with the images and the devices of this machine."""
        sent = self.request.sent
        assert sent is not None
        plugins = tuple(map(self._laid_down, sent.plugins))
        data = os.environ.get(DATA) or self.request.data
        self.request = replace(self.request, data=data, sent=replace(sent, plugins=plugins))
        return super().opened

    def _laid_down(self, plugin: LocalFile) -> LocalFile:
        """A plugin's file where this machine can find it: in its place if it is the same there, else in a new one."""
        try:
            if plugin.path.read_bytes() == plugin.text:
                return plugin
        except OSError:
            pass
        place = Path(self.worker.local_directory) / plugin.module / plugin.path.name
        write_bytes(place, plugin.text)
        return replace(plugin, path=place)

    async def teardown(self, worker: Worker) -> None:
        """The worker closes: let a training keep a checkpoint first, and others have its cell."""
        self.stop()
        until = time.monotonic() + STOPPING
        while self.thread is not None and time.monotonic() < until:
            await asyncio.sleep(0.05)


def introduce(topic: str, guest: Guest, note: str) -> Answer:
    """Have a worker open the benchmark, and write its note into the store; it gets no cell yet."""
    worker = get_worker()
    resources = dict(worker.state.total_resources)
    try:
        sync(worker.loop, worker.plugin_add, guest, name=topic)
        passport = Passport.of(guest.opened)
        _check_loaded(passport, guest.opened.sent.plugins)
        write_bytes(guest.opened.bench.store.root / note, worker.address.encode())
    except FtbenchError as error:
        return Answer(socket.gethostname(), resources, None, str(error))
    except Exception as error:
        return Answer(socket.gethostname(), resources, None, told(error))
    return Answer(socket.gethostname(), resources, passport)


def _check_loaded(passport: Passport, plugins: Iterable[LocalFile]) -> None:
    """Raise BadInput where a file is not what it was when this process may have loaded it, for an earlier run."""
    own = {plugin.path.name for plugin in plugins}
    for name, digest in passport.code.items():
        if name not in own and _LOADED.setdefault(name, digest) != digest:
            raise BadInput(f"{name} changed since this process loaded it; start the worker anew")


def admit(topic: str) -> None:
    """Give the worker what cells of this run ask for: room for one at a time, however many threads it has."""
    worker = get_worker()
    sync(worker.loop, worker.set_resources, **{topic: 1})


async def dismiss(topic: str, dask_worker: Worker) -> None:
    """Called in workers of a run that ends, and in those that it has no use for."""
    if topic in dask_worker.plugins:
        await dask_worker.plugin_remove(topic)
    if topic in dask_worker.state.total_resources:
        await dask_worker.set_resources(**{topic: 0})
