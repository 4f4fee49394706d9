"""Cells on a Dask cluster that is there already, by those of its workers that are as the run is.

A worker gets cells once it has opened the same benchmark, with the same code, libraries and images, and has written
into the same store. That is looked at when the run begins, and of each worker that comes later.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from ftbench import stopping
from ftbench.cluster.executor import Cluster, Work
from ftbench.cluster.guest import Answer, Guest, admit, dismiss, introduce
from ftbench.cluster.passport import Passport
from ftbench.errors import BadInput, CannotWrite, ClusterGone, FtbenchError, told
from ftbench.machine.calltime import SECONDS
from ftbench.plan.cells import Cell
from ftbench.runner.attempt import Ended
from ftbench.runner.opening import Opened, Request
from ftbench.storage.failure import FailureKind
from ftbench.storage.places import is_remote

DEATHS = 3
"""Workers that may die over a cell until it failed: by then it is the cell that ends them."""
EVERY = 1.0
"""Seconds between two looks at which workers there are."""
UNTAKEN = 5.0
"""Seconds after which a cell that no worker took is handed out again."""
ANSWER = 10.0
"""Seconds that a scheduler has to answer, and a worker's note to appear in the store."""
BACK = 300.0
"""Seconds in which a scheduler that is gone may come back."""
GPU, MEMORY = "GPU", "MEMORY"
"""What workers may say they have: ``--resources "GPU=1 MEMORY=16e9"``, memory in bytes."""
CANCELLED = ("cancelled", "lost")
"""How a client calls what it heard of when it loses its scheduler."""
LOGS = ("distributed", "distributed.client")
"""Not heard while a run lasts: what must be known of connections is said in sentences."""
PROCESS = 2**30
"""Bytes that a worker takes beside a cell's networks."""


class _Gone(Exception):
    """The scheduler does not answer."""


@dataclass
class _Worker:
    """One of the cluster's workers."""

    note: str
    answer: Answer | None = None
    admitted: bool = False
    refused: str = ""
    """Why it gets no cells."""


class There(Cluster):
    """An executor on a cluster that others started."""

    def __init__(self, where: str, opened: Opened, request: Request, memory_of: Callable[[Cell], float]) -> None:
        self.where, self.opened, self.memory_of = where, opened, memory_of
        self.workers: dict[str, _Worker] = {}
        """By address."""
        self.passport = Passport.of(opened)
        self._looked = 0.0
        super().__init__(connected(where))
        self.request = sendable(request, opened)

    @property
    def jobs(self) -> int:
        """A cell for each worker that was let in."""
        return sum(worker.admitted for worker in self.workers.values())

    def wait_for_workers(self) -> None:
        """Return when a worker was let in. Raises BadInput where there are some, and all are refused."""
        waits = False
        while not self.jobs:
            self.ended(EVERY)
            stopping.check()
            reasons = [worker.refused for worker in self.workers.values()]
            if reasons and all(reasons):
                raise BadInput(f"no worker of {self.where} can work on this: {reasons[0]}")
            if not reasons and not waits:
                waits = True
                self._say(f"no worker is at {self.where} yet; ftbench worker {self.where} starts one")

    def ended(self, seconds: float) -> Sequence[tuple[Cell, Ended]]:
        """Look at which workers there are, and pass on what they tell. Raises CannotWrite, and ClusterGone."""
        try:
            with stopping.between_steps():
                self._look_around()
            return super().ended(seconds)
        except _Gone:
            self._find_again()
            return self._handed_over()

    def stop(self) -> Sequence[tuple[Cell, Ended]]:
        """Ask all workers that were let in; without a scheduler nobody can be asked."""
        try:
            return super().stop()
        except _Gone:
            return self._handed_over()

    def leave(self) -> None:
        """Let the workers forget the run."""
        with suppress(Exception):
            if self.client.status == "running":
                self._tell_workers(dismiss, list(self.workers)).join(ANSWER)
            self.client.close(timeout=ANSWER)

    def _say(self, line: str, loud: bool = False) -> None:
        self.opened.bench.say(line, loud)

    def _wants(self, cell: Cell) -> dict[str, Any]:
        wanted: dict[str, float] = {self.topic: 1}
        has = [worker.answer.resources for worker in self.workers.values() if worker.answer and worker.admitted]
        on_device = self.opened.bench.compute.device == "cuda"
        # What only some of them say they have would leave the others without work.
        if on_device and has and all(GPU in resources for resources in has):
            wanted[GPU] = 1
        if has and all(MEMORY in resources for resources in has):
            needed = PROCESS + (0 if on_device else self.memory_of(cell))
            # Where it is more than any of them has, the largest tries it.
            wanted[MEMORY] = min(needed, max(resources[MEMORY] for resources in has))
        return {"resources": wanted}

    def _look_around(self) -> None:
        """Meet new workers, and miss those that are gone."""
        if time.monotonic() - self._looked < EVERY:
            return
        self._looked = time.monotonic()
        try:
            if self.client.status != "running":
                raise _Gone
            there = set(self.client.nthreads())
        except OSError as error:
            raise _Gone from error
        for address in self.workers.keys() - there:
            del self.workers[address]
            self._missed(address)
        for address in sorted(there - self.workers.keys()):
            number = f"{self.topic}-{len(self.workers)}-{time.time_ns()}"
            self.workers[address] = worker = _Worker(f".{number}.note")
            self._ask(address, "introduced", introduce, Guest(self.topic, self.request), worker.note)
        self._hand_out_again()

    def _hand_out_again(self) -> None:
        """Submit what nobody took although there is who could.

        A scheduler does not look again at a task that no worker could take when one is let in.
        """
        idle = self.jobs - sum(bool(work.worker) for work in self._works.values())
        for work in self._works.values():
            if idle > 0 and not work.worker and time.monotonic() - work.since > UNTAKEN:
                if work.future is not None:
                    work.future.cancel()
                self._submit(work)
                idle -= 1

    def _ask(self, address: str, what: str, work: Callable[..., Any], *arguments: Any) -> None:
        future: Future[Any] = self.client.submit(
            work, self.topic, *arguments, pure=False, workers=[address], allow_other_workers=False
        )
        future.add_done_callback(partial(self._tell_news, address, what))

    def _heed(self, key: str, name: str, arguments: list[Any]) -> None:
        if name in ("introduced", "admitted"):
            if worker := self.workers.get(key):
                self._met(key, worker, name, arguments[0])
            return
        work = self._works.get(key)
        if work and name == "slow":
            self._give_up(work, f"{arguments[0]}; its process was ended ({SECONDS} sets the limit)", "time")
            return
        if work and name == "taken" and work.worker not in ("", arguments[1]):
            # Its first worker is gone so short a time that nobody has looked.
            self._missed(work.worker)
        super()._heed(key, name, arguments)

    def _met(self, address: str, worker: _Worker, name: str, future: Future[Any]) -> None:
        """A worker was introduced, or admitted."""
        if future.status in CANCELLED:
            return
        try:
            answer = future.result()
        except Exception as error:
            if "deserialization of the task graph" in str(error):
                raise BadInput(
                    f"the scheduler at {self.where} cannot read what the run sends ({told(error.__cause__ or error)}); "
                    "start it in an environment that has the same ftbench"
                ) from error
            self._refuse(address, worker, f"it cannot open the benchmark ({told(error)}); it needs the same ftbench")
            return
        if name == "admitted":
            worker.admitted = True
            assert worker.answer is not None
            self._say(f"worker {address} on {worker.answer.host} takes part, {self.jobs} now")
            return
        worker.answer = answer
        if answer.passport is None:
            self._refuse(address, worker, f"it cannot open the benchmark: {answer.reason}")
        elif unlike := self.passport.unlike(answer.passport):
            self._refuse(address, worker, "; ".join(unlike))
        elif not self._found_note(address, worker.note):
            store = self.opened.bench.store.root
            self._refuse(
                address, worker, f"what it writes into {store} does not appear here: it is another folder there"
            )
        else:
            self._ask(address, "admitted", admit)

    def _refuse(self, address: str, worker: _Worker, why: str) -> None:
        on = f" on {worker.answer.host}" if worker.answer else ""
        worker.refused = f"worker {address}{on} is left out: {why}"
        self._say(worker.refused, loud=True)
        self._tell_workers(dismiss, [address])

    def _found_note(self, address: str, name: str) -> bool:
        """Whether a worker's note is in the store; a shared file system may take a while to show it."""
        note = self.opened.bench.store.root / name
        until = time.monotonic() + ANSWER
        while not stopping.asked():
            with suppress(OSError):
                if note.read_bytes() == address.encode():
                    note.unlink()
                    return True
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        return False

    def _missed(self, address: str) -> None:
        """A worker is gone: its cell is another's, unless it died of it as others did before."""
        left = self._left_in_order(address)
        for work in [work for work in self._works.values() if work.worker == address]:
            work.worker = ""
            if left:
                work.listener.say(f"worker {address} left; another goes on with it")
                continue
            work.deaths += 1
            work.listener.say(f"worker {address} died over it, {work.deaths} of {DEATHS}", loud=True)
            if work.deaths >= DEATHS:
                self._give_up(work, f"{DEATHS} workers died over it, the last {address}")

    def _give_up(self, work: Work, reason: str, kind: FailureKind = "process") -> None:
        if work.future is not None:
            work.future.cancel()
        self._end(work, Ended("failed", reason=reason, kind=kind))

    def _left_in_order(self, address: str) -> bool:
        """Whether a worker said that it closes, as it does at the end of its time: that is no fault of a cell's."""
        try:
            events: Any = self.client.get_events(address)
        except OSError as error:
            raise _Gone from error
        said = [event for _, event in events if isinstance(event, dict)]
        return any(one.get("action") == "closing-worker" or one.get("expected") is True for one in said)

    def _result(self, work: Work) -> Ended | None:
        assert work.future is not None
        if work.future.status in CANCELLED:
            raise _Gone
        try:
            return super()._result(work)
        except KilledWorker as killed:
            # The scheduler counts as well, and more than deaths over this cell.
            self._missed(killed.last_worker.address)
            if work.cell.key in self._works:
                self._submit(work)
            return None
        except (CannotWrite, BadInput):
            raise
        except FtbenchError as error:
            return Ended("failed", reason=str(error))
        except Exception as error:
            return Ended("failed", reason=told(error), kind="unknown")

    def _find_again(self) -> None:
        """Wait for the scheduler to come back, then hand it all that was begun. Raises ClusterGone."""
        self._say(f"the scheduler at {self.where} is gone; waiting up to {BACK:g} s for it to come back", loud=True)
        with suppress(Exception):
            self.client.close(timeout=1)
        self.workers.clear()
        until = time.monotonic() + BACK
        while True:
            stopping.check()
            try:
                self._listen_to(connected(self.where, seconds=EVERY))
                break
            except BadInput:
                if time.monotonic() > until:
                    raise ClusterGone(
                        f"the scheduler at {self.where} is gone; finished cells are kept, and the same command goes "
                        "on from here"
                    ) from None
                time.sleep(EVERY / 2)
        self._say(f"the scheduler at {self.where} is back")
        for work in self._works.values():
            # Handed out again once there are workers.
            work.worker, work.future, work.since = "", None, 0.0


def connected(where: str, seconds: float = ANSWER) -> Client:
    """A client of the scheduler at an address, or of the one that a scheduler file tells of. Raises BadInput."""
    file = Path(where).is_file() or where.endswith(".json")
    to = {"scheduler_file": where} if file else {"address": where}
    try:
        if file and not Path(where).is_file():
            raise FileNotFoundError(f"there is no file {where}")
        return Client(**to, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(
            f"--scheduler {where}: no scheduler answers there ({told(error)}); start one with dask scheduler, and name "
            "its address or its --scheduler-file"
        ) from error


def sendable(request: Request, opened: Opened) -> Request:
    """The request as workers are handed it: with the files that were read, whole paths, and compute as settled."""
    compute = "compute=" + json.dumps(asdict(opened.bench.compute))
    data = request.data
    if data and Path(data).expanduser().exists():
        data = str(Path(data).expanduser().absolute())
    return replace(
        request,
        scale=None if opened.scale == "plain" else opened.scale,
        data=data,
        out=opened.out if is_remote(opened.out) else opened.out.absolute(),
        assignments=[*request.assignments, compute],
        allowed=(),
        here=True,
        sent=replace(opened.sent, file=opened.sent.file.absolute()),
    )


@contextmanager
def on_scheduler(where: str, opened: Opened, request: Request, memory_of: Callable[[Cell], float]) -> Iterator[There]:
    """An executor on the cluster of a scheduler, with at least one worker. Raises BadInput, and ClusterGone."""
    logs = {name: logging.getLogger(name).level for name in LOGS}
    for name in logs:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    there = There(where, opened, request, memory_of)
    try:
        there.wait_for_workers()
        yield there
    finally:
        there.leave()
        for name, level in logs.items():
            logging.getLogger(name).setLevel(level)
