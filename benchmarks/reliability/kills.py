"""SIGKILL at random moments, of a run's workers and of the run itself, until it is done: the same tables every time."""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from benchmarks.reliability.runs import COMMAND, SMALL, Place, litter, numbers, place

THROUGH_A_SERVER = (247, 255)
"""What a command ends with that stands for one in another process, when either was killed."""
OFTEN = 3
"""Kills in the time that a run takes, on average; now and then it is left alone for longer, and so it comes on."""
MUST = "the same tables every time, no orphan, no stale claim, no temporary file left"


@dataclass
class Seen:
    """What came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    """By what the killed process was."""
    starts: int = 0
    whole: int = 0
    """Runs that came to their end."""
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def said(self) -> str:
        """In one line."""
        of = ", ".join(f"{count} of {what}" for what, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({of}), {self.starts} starts, {self.whole} runs brought to their end, "
            f"{len(self.wrong)} of them or of their ends not as they must be, {self.seconds:.0f} s"
        )


def kill(
    where: Place,
    times: int,
    jobs: Sequence[int] = (1, 2),
    settings: Sequence[str] = SMALL,
    seed: int = 0,
) -> Seen:
    """Kill ``times`` processes; see what comes of it."""
    begun, chance, seen = time.monotonic(), random.Random(seed), Seen()
    options = [word for setting in settings for word in ("--set", setting)]
    took, expected = _undisturbed(where, options, min(jobs))
    number, out, patience = 0, "killed-0", 1.0
    while seen.kills.total() < times or out:
        if not out:
            number += 1
            out = f"killed-{number}"
        before = _done(where, out)
        word = str(chance.choice(jobs))
        code = _started(where, out, [*options, "--jobs", word], seen, times, took * patience, chance)
        # A machine that is busier than at the beginning would never come to the end of a cell.
        patience = patience * 1.3 if _done(where, out) == before else 1.0
        for one in where.orphans():
            seen.wrong.append(f"an orphan: {one}")
        if code == 0:
            _judge(where, out, expected, seen)
            seen.seconds = time.monotonic() - begun
            print(f"so far: {seen.said}", flush=True)
            out = ""
        elif code not in (1, -9, 143, *THROUGH_A_SERVER):
            # 1: cells failed whose worker was killed, or the run was; both say so and are tried again.
            seen.wrong.append(f"exit code {code}: {where.said(out)[-300:]}")
    seen.seconds = time.monotonic() - begun
    return seen


def _done(where: Place, out: str) -> int:
    """Finished cells."""
    return len(list((where.folder / out).glob(".store/*/done.json")))


def _undisturbed(where: Place, options: Sequence[str], jobs: int) -> tuple[float, dict[str, bytes]]:
    begun = time.monotonic()
    code = where.start("whole", *options, "--jobs", str(jobs)).wait()
    if code:
        raise RuntimeError(f"the run that nobody killed ended with {code}: {where.said('whole')[-500:]}")
    return time.monotonic() - begun, numbers(where.folder / "whole")


def _started(
    where: Place, out: str, options: Sequence[str], seen: Seen, times: int, took: float, chance: random.Random
) -> int:
    """Start a run, and kill what belongs to it now and then, while it goes on and kills are left; its exit code."""
    run = where.start(out, *options)
    seen.starts += 1
    while seen.kills.total() < times:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return run.wait(chance.expovariate(OFTEN / took))
        victims = [one for one in where.processes() if _is_of_the_run(one)]
        if victims:
            victim = chance.choice(victims)
            with contextlib.suppress(psutil.Error):
                kind = _kind(victim, run.pid)
                victim.kill()
                seen.kills[kind] += 1
    return run.wait()


def _is_of_the_run(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _kind(process: psutil.Process, parent: int) -> str:
    if process.pid == parent:
        return "the command itself"
    words = " ".join(process.cmdline())
    if "resource_tracker" in words:
        return "its processes' resource tracker"
    return "workers" if "multiprocessing" in words else "the run that it watches"


def _judge(where: Place, out: str, expected: dict[str, bytes], seen: Seen) -> None:
    seen.whole += 1
    found = numbers(where.folder / out)
    other = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if other:
        seen.wrong.append(f"{out}: other numbers in {', '.join(other)}")
    if left := litter(where, out):
        seen.wrong.append(f"{out}: left behind: {', '.join(left)}")
    if not other and not left:
        shutil.rmtree(where.folder / out)


def main(arguments: Sequence[str]) -> int:
    """Print what was seen; 1 where it is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability kills", description=__doc__)
    parser.add_argument("--times", type=int, default=200, help="kills")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="one of these is drawn for each start")
    parser.add_argument("--seed", type=int, default=0, help="of what is killed, and when")
    parser.add_argument("--ready", action="store_true", help="fork runs off a process that has torch (Linux)")
    parser.add_argument("--set", action="append", dest="settings", help="of quick.yaml; default: few steps")
    asked = parser.parse_args(arguments)
    print(f"must show: {MUST}")
    with contextlib.ExitStack() as stack:
        command: Sequence[str] = COMMAND
        if asked.ready:
            from tests import ready

            command = stack.enter_context(ready.commands())
        where = stack.enter_context(place(command))
        seen = kill(where, asked.times, asked.jobs, asked.settings or SMALL, asked.seed)
    for line in seen.wrong:
        print(line)
    print(f"seen: {seen.said}")
    return 1 if seen.wrong else 0
