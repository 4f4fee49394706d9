"""Whether the harness's step learns what the plain loop learns: losses of both, over seeds, with intervals."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence

from scipy.stats import t
from tabulate import tabulate

from benchmarks.speed.plain import PlainLoop
from benchmarks.speed.setup import drive, opened

WINDOWS = 6


def both(scale: str, seed: int, steps: int) -> tuple[list[float], list[float]]:
    """The loss of each step of ours and of the plain loop, from the same first weights, on the same images."""
    settings = [f"matrix.seed={seed}", f"train.steps={steps}", f"train.validate_every={steps}"]
    with opened(scale, 1, *settings) as found:
        heard: list[float] = []
        drive(found, lambda step: None, lambda step, loss: heard.append(float(loss)))
        plain = PlainLoop(found, seed)
        return heard, [plain.step().loss for _ in range(steps)]


def windows(losses: Sequence[float]) -> list[float]:
    """Means over equal stretches of a curve."""
    length = len(losses) // WINDOWS
    return [statistics.fmean(losses[start * length : (start + 1) * length]) for start in range(WINDOWS)]


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval (Student's) of values from independent seeds, two or more."""
    mean = statistics.fmean(values)
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return mean, mean - half, mean + half


def main(scale: str, seeds: int, steps: int) -> str:
    """Both curves' means in stretches, and whether they differ in the last."""
    runs = []
    for seed in range(max(2, seeds)):
        runs.append(both(scale, seed, steps))
        ends = [windows(side)[-1] for side in runs[-1]]
        print("seed {}: last stretch {:.3f}, plain {:.3f}".format(seed, *ends), file=sys.stderr, flush=True)
    ours, plain = ([windows(run[side]) for run in runs] for side in (0, 1))
    rows = []
    for place in range(WINDOWS):
        sides = [[run[place] for run in side] for side in (ours, plain)]
        apart = [one - other for one, other in zip(*sides, strict=True)]
        reach = steps // WINDOWS
        rows.append([f"{place * reach}–{(place + 1) * reach}", *(_told(interval(one)) for one in (*sides, apart))])
    _, low, high = interval([one[-1] - other[-1] for one, other in zip(ours, plain, strict=True)])
    verdict = "agree within noise" if low <= 0 <= high else "DIFFER"
    heads = ["steps", "ours", "plain", "ours − plain"]
    return (
        f"{tabulate(rows, headers=heads, disable_numparse=True)}\n"
        f"{scale}, {len(runs)} seeds, {steps} steps: mean loss (95 % interval); the last stretch's {verdict}"
    )


def _told(estimate: tuple[float, float, float]) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(*estimate)
