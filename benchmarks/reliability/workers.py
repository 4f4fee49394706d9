"""A Dask scheduler and its workers, each a process of its own, as if they were on machines of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STARTS = 120.0
"""Seconds that a scheduler or a worker has to start, on a busy machine."""
TABLES = ("tables", "rows", "curves")
_ROOT = str(Path(__file__).resolve().parents[2])
_OURS = {
    "COLUMNS": "300",
    "OMP_NUM_THREADS": "1",
    # An installation holds no ``benchmarks``, and each process works in another folder.
    "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
}


@dataclass
class Processes:
    """What was started in a folder; each says what it has to say in a file there."""

    folder: Path
    port: int
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The scheduler's."""
        return f"tcp://127.0.0.1:{self.port}"

    def start(self, name: str, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a Python program under a name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_OURS, **(environment or {})},
            )
        self.started[name] = process
        return process

    def scheduler(self) -> None:
        """Start the scheduler, again too, and wait until it listens."""
        place = ("--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")
        self.start("scheduler", "distributed.cli.dask_scheduler", *place)
        wait_for(self._listens, f"the scheduler at {self.address}")

    def worker(self, name: str, *options: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a worker, again too."""
        own = ("--name", name, "--local-directory", str(self.folder / "workers"))
        self.start(name, "ftbench", "worker", self.address, *own, *options, environment=environment)

    def run(self, out: str, *arguments: str, name: str = "run") -> subprocess.Popen[bytes]:
        """Start a run on the workers."""
        return self.start(name, "ftbench", "run", *arguments, "--out", out, "--scheduler", self.address)

    def said(self, name: str) -> str:
        """All that was said under a name."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def inside(self, name: str) -> psutil.Process:
        """A worker's own process, which another one watches."""
        children = psutil.Process(self.started[name].pid).children()
        [found] = [process for process in children if "spawn_main" in " ".join(process.cmdline())]
        return found

    def processor_seconds(self, name: str) -> float:
        """What a worker's own process has used so far."""
        return float(self.inside(name).cpu_times().user)

    def kill_inside(self, name: str) -> None:
        """End a worker's own process at once, as the system does when memory runs out; what watches it stays."""
        self.inside(name).kill()

    def kill(self, name: str) -> None:
        """End a process and all that it started, at once."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.started[name].pid)
            for one in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
        self.started[name].wait()

    def ask_to_end(self, name: str) -> None:
        """As a batch system asks."""
        self.started[name].send_signal(signal.SIGTERM)

    def _listens(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0


@contextlib.contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    """A folder for processes, all of which end with this."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    them = Processes(folder, port)
    try:
        yield them
    finally:
        for name in reversed(them.started):
            them.kill(name)


def wait_for(what: Callable[[], object], called: str, seconds: float = STARTS) -> None:
    """Return once something holds. Raises TimeoutError that names it."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:g} s for {called}")
        time.sleep(0.1)


def ended(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Exit code of a process that has some time to end; -1 where it does not in that time."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return -1


def tables(out: Path) -> dict[str, bytes]:
    """Content of all tables, rows and curves below a results folder."""
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in sorted(out.glob("*/*/*/*"))
        if file.parent.name in TABLES and ".store" not in file.parts
    }


def trained(said: str) -> list[str]:
    """Titles of cells that a run says were made, as often as they were."""
    lines = said.splitlines()
    return [line.partition(": done in")[0] for line in lines if line.startswith("[") and ": done in" in line]


def lines_with(said: str, words: Sequence[str]) -> list[str]:
    """Lines in which all of some words stand."""
    return [line for line in said.splitlines() if all(word in line for word in words)]
