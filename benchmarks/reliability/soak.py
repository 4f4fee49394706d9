"""Hundreds of tiny cells in one process: memory, descriptors, and what the harness takes for each beside its work."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ftbench.console import Console
from ftbench.parts.isolation import not_left
from ftbench.runner import executor
from ftbench.runner.jobs import WORK
from ftbench.runner.opening import Request, open_benchmark

MUST = "under 50 ms a cell beside its work; memory and descriptors flat"
MOST, GROWTH = 0.050, 0.03
"""Seconds a cell, and the share by which memory may grow from the second fifth of the cells to the last."""
TINY = (
    "dataset.images_per_identity=16",
    "dataset.size=32",
    "matrix.encoder={name: compact, channels: 8, blocks: 1, attenuation: 0}",
    "matrix.decoder={name: compact, channels: 8, blocks: 1}",
    "matrix.simulator=none",
    "train.steps=1",
    "train.batch_size=4",
    "evaluate.simulators=[none]",
    "evaluate.distortions=[identity]",
    "evaluate.draws=1",
)


@dataclass
class Worked:
    """A cell's own work, as it went."""

    begun: float
    ended: float
    cpu_begun: float
    cpu_ended: float
    memory: int
    descriptors: int


@dataclass
class Seen:
    """What came of it."""

    cells: list[Worked] = field(default_factory=list)
    seconds: float = 0.0
    failed: int = 0

    def beside(self, begun: str = "begun", ended: str = "ended") -> list[float]:
        """Seconds from the end of each cell's work to the beginning of the next's."""
        pairs = zip(self.cells, self.cells[1:], strict=False)
        return [getattr(later, begun) - getattr(one, ended) for one, later in pairs]

    def memory(self) -> tuple[float, float]:
        """Median bytes of the second fifth of the cells and of the last."""
        fifth = max(1, len(self.cells) // 5)
        parts = self.cells[fifth : 2 * fifth], self.cells[-fifth:]
        return tuple(statistics.median(one.memory for one in part) for part in parts)  # type: ignore[return-value]

    def wrong(self, most: float = MOST) -> list[str]:
        """Where it falls short; ``most``: seconds a cell."""
        found = [f"{self.failed} cells failed"] if self.failed else []
        clock = ("cpu_begun", "cpu_ended") if busy() else ("begun", "ended")
        if (mean := statistics.mean(self.beside(*clock))) > most:
            found.append(f"{1000 * mean:.1f} ms a cell, and {1000 * most:.0f} are allowed")
        early, late = self.memory()
        if late > early * (1 + GROWTH):
            found.append(f"memory grew from {early / 2**20:.0f} to {late / 2**20:.0f} MiB")
        descriptors = [one.descriptors for one in self.cells[len(self.cells) // 5 :]]
        if max(descriptors) > min(descriptors) + 2:
            found.append(f"descriptors went from {min(descriptors)} to {max(descriptors)}")
        return found

    @property
    def said(self) -> str:
        """In one line."""
        wall, cpu = self.beside(), self.beside("cpu_begun", "cpu_ended")
        early, late = self.memory()
        work = statistics.mean(one.ended - one.begun for one in self.cells)
        return (
            f"{len(self.cells)} cells in {self.seconds:.0f} s; beside their work {1000 * statistics.mean(wall):.1f} ms "
            f"a cell (median {1000 * statistics.median(wall):.1f}, of a processor {1000 * statistics.mean(cpu):.1f}), "
            f"their work {1000 * work:.0f} ms; memory {early / 2**20:.1f} -> {late / 2**20:.1f} MiB; "
            f"descriptors {self.cells[0].descriptors} -> {self.cells[-1].descriptors}"
        )


def busy() -> bool:
    """Whether more wants to run on this machine than it has processors: then waiting says nothing of the harness."""
    return bool(psutil.getloadavg()[0] > (psutil.cpu_count() or 1))


def soak(out: Path, cells: int, settings: Sequence[str] = TINY) -> Seen:
    """Work on ``cells`` cells in this process, half of them trainings and half their evaluations."""
    seen, honest = Seen(), dict(WORK)
    process = psutil.Process()

    def watched(work: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def works(*given: Any) -> dict[str, Any]:
            begun, cpu_begun = time.perf_counter(), time.process_time()
            summary = work(*given)
            ended, cpu_ended = time.perf_counter(), time.process_time()
            count = process.num_handles() if hasattr(process, "num_handles") else process.num_fds()
            seen.cells.append(Worked(begun, ended, cpu_begun, cpu_ended, process.memory_info().rss, count))
            return summary

        return works

    seeds = f"matrix.seed=[{','.join(map(str, range(cells // 2)))}]"
    request = Request("quick", "small", out=out, assignments=[*settings, seeds, f"most_settings={cells}"])
    begun = time.perf_counter()
    WORK.update({kind: watched(work) for kind, work in honest.items()})
    try:
        # Without the tables: those of hundreds of methods, each compared with each, are another matter.
        with not_left():
            opened = open_benchmark(request, Console(quiet=True))
            seen.failed = len(executor.run(opened.plan, opened.bench, request).failed)
    finally:
        WORK.update(honest)
    seen.seconds = time.perf_counter() - begun
    return seen


def main(arguments: Sequence[str]) -> int:
    """Print what was seen; 1 where it is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability soak", description=__doc__)
    parser.add_argument("--times", type=int, default=500, help="cells")
    asked = parser.parse_args(arguments)
    print(f"must show: {MUST}")
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        seen = soak(Path(folder), asked.times)
    for line in seen.wrong():
        print(line)
    print(f"seen: {seen.said}" + ("; the machine was busy, so its processor's time counts" if busy() else ""))
    return 1 if seen.wrong() else 0
