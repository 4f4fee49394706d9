"""Runs that race on one folder, whose locks work, are refused or granted to everyone: each cell is made once."""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.reliability.runs import SMALL, Place, litter, numbers, place

MUST = "each cell made once, by one of the runs; every run ends well, with the numbers of one that ran alone"
LOCKS = {
    "working": "",
    "refused": "import filelock\ndef acquire(self, *given, **named):\n    raise NotImplementedError('no locks here')\n"
    "filelock.BaseFileLock.acquire = acquire\n",
    "granted to everyone": "import filelock\nfilelock.BaseFileLock.acquire = lambda self, *given, **named: None\n",
}
"""What Python imports first in every process of a run."""
MADE = re.compile(r"^(\[\d+/\d+\] [^:]+): (?:done|stalled) in ", re.MULTILINE)


@dataclass
class Seen:
    """What came of one race."""

    runs: int
    locks: str
    made: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    waited: int = 0
    """How often a run came to a cell that another held."""
    seconds: float = 0.0

    @property
    def said(self) -> str:
        """In one line."""
        twice = sum(count - 1 for count in self.made.values())
        return (
            f"{self.runs} runs, locks {self.locks}: {len(self.made)} cells made, {twice} of them again, "
            f"{self.waited} times later, {self.seconds:.0f} s"
        )


def race(where: Place, runs: int, locks: str, alone: dict[str, bytes], settings: Sequence[str] = SMALL) -> Seen:
    """Start ``runs`` runs on one folder at once."""
    seen, begun = Seen(runs, locks), time.monotonic()
    out = f"{runs} {locks}"
    named = where.folder / f"site {out}"
    named.mkdir()
    (named / "sitecustomize.py").write_text(LOCKS[locks], encoding="utf-8")
    options = [word for setting in settings for word in ("--set", setting)]
    started = [where.start(out, *options, number=number, before=str(named)) for number in range(runs)]
    for number, run in enumerate(started):
        if code := run.wait():
            seen.wrong.append(f"{out}: run {number} ended with {code}: {where.said(out, number)[-300:]}")
        said = where.said(out, number)
        seen.made.update(MADE.findall(said))
        seen.waited += said.count("another run is working on it; later")
        if "FAILED" in said:
            seen.wrong.append(f"{out}: a cell of run {number} failed")
    seen.wrong += [f"{out}: {cell} was made {count} times" for cell, count in seen.made.items() if count > 1]
    if numbers(where.folder / out) != alone:
        seen.wrong.append(f"{out}: other numbers than those of a run alone")
    seen.wrong += [f"{out}: left behind: {name}" for name in litter(where, out)]
    seen.seconds = time.monotonic() - begun
    return seen


def main(arguments: Sequence[str]) -> int:
    """Print what was seen; 1 where it is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability race", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="races of each kind")
    parser.add_argument("--runs", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--locks", nargs="+", choices=[*LOCKS], default=[*LOCKS])
    asked = parser.parse_args(arguments)
    print(f"must show: {MUST}")
    fell_short = False
    for number in range(asked.times):
        with place() as where:
            options = [word for setting in SMALL for word in ("--set", setting)]
            if where.start("alone", *options).wait():
                raise RuntimeError(f"a run alone failed: {where.said('alone')[-500:]}")
            alone = numbers(where.folder / "alone")
            for runs in asked.runs:
                for locks in asked.locks:
                    seen = race(where, runs, locks, alone)
                    print(f"seen, {number + 1}: {seen.said}", *seen.wrong, sep="\n", flush=True)
                    fell_short |= bool(seen.wrong)
    return 1 if fell_short else 0
