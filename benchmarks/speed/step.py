"""A training step: the harness's own loop beside the plain one, in turn, and the operations that both count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.clock import Took, Watch, ratios, spread
from benchmarks.speed.lines import Line
from benchmarks.speed.plain import PlainLoop
from benchmarks.speed.setup import Enough, batch, drive, opened
from ftbench.machine.memory import LARGEST_BLOCK, LARGEST_REST, give_back_from

COUNTED = 1
"""The step whose operations are counted: an early one, that no clock looks at."""
PLAIN = "plain loop"
AS_GLIBC_ADAPTS = (2**25, 2**26)
"""Bytes: the largest thresholds that it moves to by itself."""


@dataclass
class Steps:
    """What was measured."""

    batch: int
    precision: str
    ours: list[Took] = field(default_factory=list)
    plain: list[Took] = field(default_factory=list)
    operations: dict[str, int] = field(default_factory=dict)
    """Of one step, a multiplication and an addition counted as two."""


def measure(scale: str, threads: int, repeats: int, warm: int, between: Callable[[], object] | None = None) -> Steps:
    """``repeats`` steps of each in turn after ``warm`` that are not counted; ``between`` in place of the plain loop."""
    with opened(scale, threads) as found:
        steps = Steps(batch(found), found.bench.compute.precision)
        plain = None if between else PlainLoop(found)
        watch, counter = Watch(), FlopCounterMode(display=False)

        def bell(step: int) -> None:
            took = watch.stop()
            if step == COUNTED + 1:
                counter.__exit__(None, None, None)
                steps.operations["ours"] = counter.get_total_flops()
            if step > warm:
                steps.ours.append(took)
            if step == warm + repeats:
                raise Enough
            if plain:
                _plain_step(plain, steps, counted=step == COUNTED, kept=step >= warm)
            elif between and step >= warm:
                between()
            if step == COUNTED:
                counter.__enter__()
            watch.start()

        drive(found, bell)
    return steps


def _plain_step(plain: PlainLoop, steps: Steps, counted: bool, kept: bool) -> None:
    # The plain loop has memory as glibc itself would come to hand it out: what the harness sets is its own gain.
    give_back_from(*AS_GLIBC_ADAPTS)
    watch = Watch()
    if counted:
        with FlopCounterMode(display=False) as counter:
            plain.step()
        steps.operations["plain"] = counter.get_total_flops()
    else:
        plain.step()
    if kept:
        steps.plain.append(watch.stop())
    give_back_from(LARGEST_BLOCK, LARGEST_REST)


def subject(name: str, scale: str) -> Callable[..., Iterator[Line]]:
    """Times a scale's step on each number of threads."""

    def lines(threads: tuple[int, ...], repeats: int, warm: int, **_: Any) -> Iterator[Line]:
        for count in threads:
            steps = measure(scale, count, repeats, max(warm, COUNTED + 1))
            yield Line(
                name,
                f"{count} thread{'s' if count > 1 else ''}",
                "images/s",
                spread([took.by(count) for took in steps.ours]).over(steps.batch),
                PLAIN,
                ratios(steps.plain, steps.ours, count),
                {
                    "precision": steps.precision,
                    "batch": steps.batch,
                    "plain images/s": spread([took.by(count) for took in steps.plain]).over(steps.batch).median,
                    "operations an image, ours": f"{steps.operations['ours'] / steps.batch / 1e9:.3g} G",
                    "plain": f"{steps.operations['plain'] / steps.batch / 1e9:.3g} G",
                },
            )

    return lines
