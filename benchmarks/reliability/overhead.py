"""What the harness takes beside the work: a cell of no time, here and through Dask; and what a second worker gains.

``python -m benchmarks.reliability overhead`` counts some hundred cells; ``--cells 10000`` the whole plan of the issue,
whose memory must stay flat.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.reliability import stubbed
from benchmarks.reliability.workers import Processes, processes, wait_for
from ftbench.cluster.jobs import on_cluster
from ftbench.console import Console
from ftbench.errors import CellFailed
from ftbench.plan.cells import Cell
from ftbench.runner import executor, jobs
from ftbench.runner.executor import Executor, Executors
from ftbench.runner.opening import Opened, Request, open_benchmark

MEBI = 2**20
LOCAL, DASK, SECOND = 0.050, 0.150, 0.6
"""What must show: seconds a cell, and the share of the time that two workers take."""
MANY = 2000
"""Cells from which on memory is judged: before, Python's own warm-up decides it."""
GROWTH = 64 * MEBI
"""Bytes that a process may grow by in the second half of the time."""
FEW = ("dataset.images_per_identity=40", "dataset.size=32", "compute.threads=1", "compute.device=cpu")


@dataclass
class Watched:
    """Processes that are looked at while cells are worked on."""

    names: dict[str, psutil.Process]
    seen: dict[str, list[int]] = field(default_factory=dict)
    """Bytes of memory, some looks a second."""
    used: dict[str, float] = field(default_factory=dict)
    """Seconds of a processor."""

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look while this lasts."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.5):
                for name, process in self.names.items():
                    self.seen.setdefault(name, []).append(process.memory_info().rss)

        before = {name: _seconds(process) for name, process in self.names.items()}
        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join()
        self.used = {name: _seconds(process) - before[name] for name, process in self.names.items()}

    def growth(self, name: str) -> float:
        """Bytes between the median of the tenth before the middle and of the last: by then all that is loaded is."""
        seen = self.seen.get(name, [])
        tenth, half = max(1, len(seen) // 10), len(seen) // 2
        early, late = sorted(seen[half - tenth : half] or [0]), sorted(seen[-tenth:] or [0])
        return float(late[len(late) // 2] - early[len(early) // 2])


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def opened_for(out: Path, seeds: list[int], *settings: str) -> tuple[Request, Opened]:
    """``quick.yaml`` without a deepfake: a training and a test for each seed."""
    own = [f"matrix.seed=[{','.join(map(str, seeds))}]", f"most_settings={len(seeds)}", *FEW, *settings]
    request = Request("quick", scale="small", out=out, assignments=own)
    return request, open_benchmark(request, Console(quiet=True))


def timed(opened: Opened, request: Request, chosen: Executors) -> float:
    """Seconds that a run takes from when its workers are there. Raises FtbenchError where a cell fails."""
    began = time.monotonic()

    def entered(left: Sequence[Cell]) -> AbstractContextManager[Executor] | None:
        inner = chosen(left)
        return None if inner is None else noted(inner)

    @contextmanager
    def noted(inner: AbstractContextManager[Executor]) -> Iterator[Executor]:
        nonlocal began
        with inner as found:
            began = time.monotonic()
            yield found

    outcome = executor.run(opened.plan, opened.bench, request, executors=entered)
    took = time.monotonic() - began
    if outcome.failed:
        raise CellFailed(next(iter(outcome.failed.values())))
    return took


def on_workers(them: Processes, out: Path, seeds: list[int], *settings: str) -> tuple[int, float]:
    """Cells, and the seconds that they take on the workers that there are."""
    request, opened = opened_for(out, seeds, *settings)
    return len(opened.plan.cells), timed(opened, request, on_cluster(them.address, opened, request, lambda cell: 0.0))


def start(them: Processes, workers: int, *options: str) -> None:
    """A scheduler and so many workers."""
    them.scheduler()
    for number in range(workers):
        them.worker(f"worker{number}", *options)
    wait_for(lambda: them.said("scheduler").count("Register worker") >= workers, "workers")


def told(holds: bool, what: str) -> bool:
    """Print what was seen; whether it is as it must be."""
    print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
    return holds


def load() -> str:
    """How busy the machine is, without which no time by the clock says anything."""
    return f"load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} processors"


def here(folder: Path, cells: int) -> bool:
    """Cells of no time in this process."""
    request, opened = opened_for(folder / "here", list(range(max(1, cells // 2))))
    work = dict(jobs.WORK)
    stubbed.install()
    used = time.process_time()
    try:
        took = timed(opened, request, lambda left: None)
    finally:
        jobs.WORK.update(work)
    used = time.process_time() - used
    count = len(opened.plan.cells)
    each = f"{took / count * 1e3:.1f} ms each, {used / count * 1e3:.1f} of a processor ({load()})"
    return told(took / count < LOCAL, f"here: {count} cells of no time, {each}")


def through_dask(folder: Path, cells: int, workers: int) -> bool:
    """Cells of no time on workers: milliseconds each, whose they are, and whether memory stays flat."""
    with processes(folder / "dask") as them:
        start(them, workers, "--preload", "benchmarks.reliability.stubbed")
        names = {"run": psutil.Process(), "scheduler": psutil.Process(them.started["scheduler"].pid)}
        names |= {f"worker{number}": them.inside(f"worker{number}") for number in range(workers)}
        watched = Watched(names)
        with watched.looking():
            count, took = on_workers(them, them.folder / "out", list(range(max(1, cells // 2))))
    each = took / count
    shares = ", ".join(f"{name} {used / count * 1e3:.1f}" for name, used in watched.used.items())
    growths = {name: watched.growth(name) / MEBI for name in names}
    flat = cells < MANY or max(growths.values()) < GROWTH / MEBI
    grown = ", ".join(f"{name} {growth:+.0f}" for name, growth in growths.items())
    most = f"scheduler at most {max(watched.seen['scheduler']) / MEBI:.0f} MiB"
    said = told(
        each < DASK, f"through Dask, {workers} workers: {count} cells of no time, {each * 1e3:.1f} ms each ({load()})"
    )
    told(
        True,
        f"milliseconds of a processor each: {shares}; the scheduler's share {watched.used['scheduler'] / took:.0%}",
    )
    return told(flat, f"MiB grown in the second half of the time: {grown}; {most}") and said


def second_worker(folder: Path, steps: int) -> bool:
    """Two trainings on one worker, and on two."""
    settings = ("matrix.simulator=none", "evaluate.simulators=[none]", "evaluate.limit=8", "evaluate.draws=1")
    took = {}
    for workers in (1, 2):
        with processes(folder / f"of{workers}") as them:
            start(them, workers)
            # The first cell of a process loads what all need.
            on_workers(them, them.folder / "warm", [100, 101, 102, 103], "train.steps=2", *settings)
            work = (f"train.steps={steps}", "train.curriculum.ramp=0.5", *settings)
            took[workers] = on_workers(them, them.folder / "out", [0, 1], *work)[1]
    ratio = took[2] / took[1]
    return told(
        ratio <= SECOND,
        f"two trainings of {steps} steps: {took[1]:.1f} s on one worker, {took[2]:.1f} s on two, {ratio:.2f} of it "
        f"({load()})",
    )


def main(arguments: list[str]) -> int:
    """Measure; 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability overhead", description=__doc__)
    parser.add_argument("--cells", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200, help="of each training that is shared out")
    parser.add_argument("--only", choices=["here", "dask", "second"], help="one of the three")
    known = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftbench-overhead-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        measured: dict[str, Callable[[], bool]] = {
            "here": lambda: here(folder, known.cells),
            "dask": lambda: through_dask(folder, known.cells, known.workers),
            "second": lambda: second_worker(folder, known.steps),
        }
        held = [work() for name, work in measured.items() if known.only in (None, name)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
