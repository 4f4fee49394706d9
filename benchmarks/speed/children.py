"""Whole commands in processes of their own: start-up, planning, a rerun with nothing to do, a report, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed.clock import Took, spread
from benchmarks.speed.lines import Line
from ftbench.errors import FtbenchError

MEBI = 2**20
PLANNED = 10_000
SEEDS = PLANNED // 2
"""A pair of cells each: a training and its evaluation."""


@dataclass(frozen=True)
class Ran:
    """How a command went."""

    took: Took
    peak: float
    """Bytes of memory at most; not a number where the system does not tell."""


def ran(arguments: Sequence[str], threads: int = 1) -> Ran:
    """Run ``ftbench`` with these arguments; raises FtbenchError with its last words where it fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "ftbench", *arguments], stdout=said, stderr=said, env=environment
        )
        cpu, peak = _waited(child)
        wall = time.perf_counter() - begun
        if child.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace")[-500:]
            raise FtbenchError(f"ftbench {' '.join(arguments)} ended with {child.returncode}: {words}")
    return Ran(Took(wall, wall if cpu is None else cpu), peak)


def _waited(child: subprocess.Popen[bytes]) -> tuple[float | None, float]:
    if sys.platform == "win32":
        child.wait()
        return None, float("nan")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    # Kilobytes on Linux, bytes on macOS.
    return usage.ru_utime + usage.ru_stime, float(usage.ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def _line(subject: str, what: str, arguments: Sequence[str], repeats: int, **more: Any) -> Line:
    ran(arguments)
    took = [ran(arguments).took for _ in range(repeats)]
    wall = spread([one.wall for one in took]).median
    return Line(subject, what, "s of a processor", spread([one.cpu for one in took]), more={**more, "wall s": wall})


def start_up(threads: tuple[int, ...], repeats: int, warm: int, **_: Any) -> Iterator[Line]:
    """How long ``ftbench --help`` takes, beside a Python that does nothing."""
    yield _line("start-up", "ftbench --help", ["--help"], repeats)


def planning(threads: tuple[int, ...], repeats: int, warm: int, **_: Any) -> Iterator[Line]:
    """``ftbench plan`` of ten thousand cells, the whole command."""
    with tempfile.TemporaryDirectory() as out:
        seeds = f"matrix.seed=[{','.join(map(str, range(SEEDS)))}]"
        settings = ["--set", seeds, "--set", f"most_settings={SEEDS}", "--set", "dataset.images_per_identity=40"]
        command = ["plan", "quick", "--scale", "small", "--out", out, *settings]
        yield _line("planning", f"ftbench plan, {2 * SEEDS + 1:,} cells", command, max(1, repeats // 2))


def rerun(threads: tuple[int, ...], repeats: int, warm: int, kept: Path | None = None, **_: Any) -> Iterator[Line]:
    """``quick.yaml`` once in full, unless ``kept`` holds it already; then again with nothing to do, and its report."""
    with tempfile.TemporaryDirectory() as temporary:
        out = kept or Path(temporary)
        command = ["run", "quick", "--scale", "small", "--out", str(out)]
        first = ran(command)
        yield Line(
            "rerun",
            "quick.yaml, first run here",
            "s of a processor",
            spread([first.took.cpu]),
            more={
                "wall s": first.took.wall,
                "peak MiB": first.peak / MEBI,
            },
        )
        yield _line("rerun", "quick.yaml, nothing to do", command, repeats)
        [folder] = (path.parent for path in out.glob("quick/*/tables"))
        yield _line("report", "ftbench report of quick.yaml", ["report", str(folder)], repeats)


def memory(threads: tuple[int, ...], repeats: int, warm: int, whole: bool = False, **_: Any) -> Iterator[Line]:
    """Most memory of ``paper.yaml`` at ``small``: steps cut short, which hold no memory of their own, unless whole."""
    loss = "matrix.loss=[{target_psnr: 30}, {message: 1, image: 0.1, steps: 40}]"
    less = [] if whole else ["--set", "fit.steps=40", "--set", "train.steps=40", "--set", loss]
    with tempfile.TemporaryDirectory() as out:
        once = ran(["run", "paper", "--scale", "small", "--out", out, *less], threads=max(threads))
    yield Line(
        "memory",
        "paper.yaml at small",
        "MiB at most",
        spread([once.peak / MEBI]),
        more={
            "steps": "all" if whole else "cut to 40",
            "processor s": once.took.cpu,
        },
    )
