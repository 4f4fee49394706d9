"""The same two loops in processes of their own, in turn: neither hands the other memory, caches or threads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.clock import Took, ratios, spread, timed
from benchmarks.speed.lines import Line
from benchmarks.speed.plain import PlainLoop
from benchmarks.speed.setup import batch, opened
from benchmarks.speed.step import COUNTED, PLAIN, measure
from ftbench.errors import FtbenchError

STEPS = 3
"""Steps that one process times, the median of which is one measurement."""
SIDES = ("ours", "plain")


def alone(side: str, scale: str, threads: int, repeats: int, warm: int) -> dict[str, Any]:
    """One side's seconds a step in this process, and what a step of it counts."""
    warm = max(warm, COUNTED + 1)
    if side == "ours":
        steps = measure(scale, threads, repeats, warm, between=lambda: None)
        return _told(steps.ours, threads, steps.operations["ours"], steps.batch, steps.precision)
    with opened(scale, threads) as found:
        plain = PlainLoop(found)
        with FlopCounterMode(display=False) as counter:
            plain.step()
        for _ in range(warm - 1):
            plain.step()
        took = [timed(plain.step) for _ in range(repeats)]
        return _told(took, threads, counter.get_total_flops(), batch(found), "float32")


def subject(name: str, scale: str) -> Callable[..., Iterator[Line]]:
    """Times a scale's step on each number of threads, both sides in processes of their own, ``repeats`` of each."""

    def lines(threads: tuple[int, ...], repeats: int, warm: int, **_: Any) -> Iterator[Line]:
        for count in threads:
            pairs = [{side: _asked(side, scale, count, warm) for side in SIDES} for _ in range(repeats)]
            ours, plain = ([Took(*pair[side]["took"]) for pair in pairs] for side in SIDES)
            last = pairs[-1]["ours"]
            size = last["batch"]
            yield Line(
                name,
                f"{count} thread{'s' if count > 1 else ''}, processes of their own",
                "images/s",
                spread([took.by(count) for took in ours]).over(size),
                PLAIN,
                ratios(plain, ours, count),
                {
                    "precision": last["precision"],
                    "batch": size,
                    "plain images/s": spread([took.by(count) for took in plain]).over(size).median,
                    "operations an image, ours": f"{last['operations'] / size / 1e9:.3g} G",
                    "plain": f"{pairs[-1]['plain']['operations'] / size / 1e9:.3g} G",
                },
            )

    return lines


def _told(took: list[Took], threads: int, operations: int, size: int, precision: str) -> dict[str, Any]:
    middle = sorted(took, key=lambda one: one.by(threads))[len(took) // 2]
    return {"took": [middle.wall, middle.cpu], "operations": operations, "batch": size, "precision": precision}


def _asked(side: str, scale: str, threads: int, warm: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.speed", "alone", side, scale]
    options = ["--threads", str(threads), "--repeats", str(STEPS), "--warm", str(warm)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise FtbenchError(f"{side} alone: {done.stderr.strip()[-600:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
