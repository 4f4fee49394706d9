"""Results on S3: the same numbers as on a disk, through two runs at once, a stop, a kill and a connection that breaks.

``python -m benchmarks.reliability storage [--times N] [--seconds S]``. The store is moto's server, which this starts.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benchmarks.reliability import s3
from ftbench.storage.places import place, sizes
from ftbench.storage.store import UNFINISHED
from ftbench.testing.tiny import TINY
from ftbench.train.weights import WEIGHTS

STEPS = 300
"""Of a training: some seconds, in which it can be met."""
WAITS = 1200.0
"""Seconds for anything that must come."""
NUMBERS = ("tables", "rows", "curves", "figures")
KINDS = ("fit", "train", "evaluate")
CELLS = 3


@dataclass(frozen=True)
class Seen:
    """What one trial showed."""

    must: str
    faults: tuple[str, ...]
    seconds: float
    more: str = ""

    def line(self) -> str:
        """For people."""
        seen = "; ".join(self.faults) if self.faults else "as it must"
        return f"{self.must}: {seen}, {self.seconds:.1f} s{self.more and f' ({self.more})'}"


@dataclass
class World:
    """A benchmark file, a server and a door to it."""

    folder: Path
    server: s3.Server
    door: s3.Door
    local: Mapping[str, str] = field(default_factory=dict)
    """Digest by name of what a run on a disk wrote."""

    @property
    def file(self) -> Path:
        """The benchmark: a fit, a training and an evaluation."""
        file = self.folder / "storage.yaml"
        if not file.exists():
            swap = TINY["matrix"]["simulator"]
            train = {**TINY["train"], "steps": STEPS, "validate_every": 50}
            evaluate = {**TINY["evaluate"], "simulators": ["none", swap]}
            whole = {**TINY, "name": "storage", "train": train, "evaluate": evaluate}
            file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        return file

    def begin(self, out: str, **environment: str) -> subprocess.Popen[str]:
        """Start a run."""
        return subprocess.Popen(
            [sys.executable, "-m", "ftbench", "run", str(self.file), "--out", out, "--jobs", "1"],
            env={**os.environ, **s3.environment(self.door.port), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, out: str, **environment: str) -> tuple[int, str]:
        """A run from its beginning to its end: exit code, and what it said."""
        return ended(self.begin(out, **environment))

    def until_put(self, out: str, name: str, times: int = 1) -> None:
        """Wait until files whose names begin so have been written into cells of trainings below ``out``."""
        until = time.monotonic() + WAITS
        while time.monotonic() < until:
            if sum(f"{out}/.store/train-" in path and f"/{name}" in path for path in self.server.puts()) >= times:
                return
            time.sleep(0.05)
        raise RuntimeError(f"no {name} was written below {out} within {WAITS:.0f} s")

    def differences(self, out: str) -> Iterator[str]:
        """What is not as on a disk."""
        found = written(place(out))
        for name in sorted(self.local.keys() | found.keys()):
            if self.local.get(name) != found.get(name):
                how = "is missing" if name not in found else "is too much" if name not in self.local else "differs"
                yield f"{name} {how}"


def main(arguments: list[str]) -> int:
    """Run the trials; 1 where one of them shows something else than it must."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability storage", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="how often each trial but the first is made")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long the connection is broken")
    asked = parser.parse_args(arguments)
    trials: list[Callable[[World, str], Seen]] = [
        racing,
        stopped,
        killed,
        lambda world, out: broken(world, out, asked.seconds),
        given_up,
    ]
    failed = 0
    with tempfile.TemporaryDirectory() as folder, s3.server(Path(folder)) as server, s3.door(server.port) as door:
        world = World(Path(folder), server, door)
        os.environ.update(server.environment)
        more = (trial(world, f"s3://bucket/{n}-{t}") for n, trial in enumerate(trials) for t in range(asked.times))
        made = 0
        for one in itertools.chain(compared(world, "s3://bucket/first"), more):
            print(one.line(), flush=True)
            made, failed = made + 1, failed + bool(one.faults)
    print(f"{made - failed} of {made} as they must; {CELLS} cells each, {STEPS} steps a training")
    return 1 if failed else 0


def compared(world: World, out: str) -> Iterator[Seen]:
    """A run on a disk and one on S3, and that one again."""
    begun = time.monotonic()
    disk = str(world.folder / "disk")
    code, said = world.run(disk)
    took = time.monotonic() - begun
    world.local = written(Path(disk))
    yield Seen("a run on a disk", faults(code, said, 0), took)
    for must in ("the same numbers on S3", "the same command again, nothing to do"):
        before, begun = world.server.requests(), time.monotonic()
        code, said = world.run(out)
        took, asked = time.monotonic() - begun, world.server.requests() - before
        each = f"{asked.total() / CELLS:.0f} requests a cell: " + ", ".join(f"{n} {k}" for k, n in asked.most_common())
        yield Seen(must, (*faults(code, said, 0), *world.differences(out)), took, each)


def racing(world: World, out: str) -> Seen:
    """Two runs begin together."""
    begun = time.monotonic()
    before = world.server.puts()
    both = [ended(run) for run in [world.begin(out), world.begin(out)]]
    took = time.monotonic() - begun
    wrong = [fault for code, said in both for fault in faults(code, said, 0)]
    made = Counter(path for path in world.server.puts() - before if path.endswith("/done.json"))
    again = [
        f"{path} was written {times} times"
        for path, times in (world.server.puts() - before).items()
        if path in made and times > 1
    ]
    return Seen("two runs at once, each cell made once", (*wrong, *again, *world.differences(out)), took)


def stopped(world: World, out: str) -> Seen:
    """A run that is asked to stop in a training goes on from its checkpoint."""
    begun = time.monotonic()
    run = world.begin(out)
    world.until_put(out.removeprefix("s3:/"), "cell.json")
    time.sleep(1.5)
    run.send_signal(getattr(signal, "SIGUSR1", signal.SIGTERM))
    wrong = list(faults(*ended(run), 75 if hasattr(signal, "SIGUSR1") else 143))
    kept = [cell.name for cell in (place(out) / ".store").glob("train-*") if UNFINISHED in sizes(cell)]
    wrong += [] if kept else ["no checkpoint was kept"]
    wrong += faults(*world.run(out), 0)
    return Seen("stopped in a training, then gone on", (*wrong, *world.differences(out)), time.monotonic() - begun)


def killed(world: World, out: str) -> Seen:
    """A run whose processes are killed in a training is gone on with at once."""
    begun = time.monotonic()
    run = world.begin(out)
    world.until_put(out.removeprefix("s3:/"), ".claim")
    run.kill()
    run.communicate()
    wrong = list(faults(*world.run(out), 0))
    cells = [cell for kind in KINDS for cell in (place(out) / ".store").glob(f"{kind}-*")]
    left = [name for cell in cells for name in sizes(cell) if name.startswith(".")]
    wrong += [f"{', '.join(left)} left"] if left else []
    return Seen("killed in a training, then gone on", (*wrong, *world.differences(out)), time.monotonic() - begun)


def broken(world: World, out: str, seconds: float) -> Seen:
    """The connection breaks in a training, and is there again before patience ends."""
    begun = time.monotonic()
    run = world.begin(out)
    world.until_put(out.removeprefix("s3:/"), ".claim")
    world.door.shut()
    time.sleep(seconds)
    world.door.open()
    code, said = ended(run)
    return Seen(
        f"no connection for {seconds:g} s", (*faults(code, said, 0), *world.differences(out)), time.monotonic() - begun
    )


def given_up(world: World, out: str) -> Seen:
    """The connection breaks for longer than patience: one sentence, and the next run goes on."""
    begun = time.monotonic()
    run = world.begin(out, FTBENCH_STORAGE_SECONDS="2")
    world.until_put(out.removeprefix("s3:/"), ".claim")
    world.door.shut()
    code, said = ended(run)
    world.door.open()
    wrong = list(faults(code, said, 2))
    wrong += [] if "could not be reached for" in said and "Traceback" not in said else [f"it said: {said[-300:]!r}"]
    wrong += faults(*world.run(out), 0)
    return Seen("no connection any more, then gone on", (*wrong, *world.differences(out)), time.monotonic() - begun)


def ended(run: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code of a run and what it said, once it has ended."""
    said, _ = run.communicate(timeout=WAITS)
    return run.returncode, said


def faults(code: int, said: str, wanted: int) -> tuple[str, ...]:
    """What is wrong with how a run ended."""
    return () if code == wanted else (f"exit code {code} instead of {wanted}: {said[-300:]!r}",)


def written(out: Path) -> dict[str, str]:
    """Digest of each file of numbers and weights below a results folder, by name; of a manifest times would differ."""
    weights = [cell / WEIGHTS for kind in ("fit", "train") for cell in (out / ".store").glob(f"{kind}-*")]
    files = [file for name in NUMBERS for file in (out / "storage").glob(f"*/{name}/*")]
    return {"/".join(file.parts[-3:]): hashlib.sha256(file.read_bytes()).hexdigest() for file in [*weights, *files]}
