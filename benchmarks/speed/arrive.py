"""What it takes to reach the source's own quality: our recipe, and the re-implementation's, on the same images.

``python -m benchmarks.speed arrive --scale small --data FOLDER``: ``paper`` at one held PSNR is trained, then
``faithful`` with the source's first setting, for as many steps as ``--times`` our operations buy. Arrived is a look at
the val split that reads ``--reads`` of the bits after the swap at ``--psnr`` dB or more. Both are runs like any other,
kept in ``--out``: the same command again goes on where it stopped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from ftbench.plan.cells import TrainCell
from ftbench.publish.costs import each
from ftbench.runner.opening import Opened, Request, open_benchmark

ROUNDED = 0.05
"""dB by which 8-bit images may miss the PSNR that they are held at."""
LOOKS = 100
"""At the val split, by the longer of the two trainings."""


@dataclass(frozen=True)
class Arrived:
    """Where a training was good enough for the first time."""

    steps: int
    """Until then; all of them where it never was."""
    of: int
    there: bool
    operations: float
    seconds: float
    best: float
    """Most bits that a look read after the swap, at the PSNR or above it."""


def main(scale: str, data: str, out: Path, reads: float, psnr: float, times: float) -> str:
    """Both, and how many times as much the other takes."""
    own = [f"matrix.loss=[{{target_psnr: {psnr:g}}}]", "matrix.seed=0", "compute.threads=1"]
    ours = _trained("paper", scale, data, out, own, reads, psnr)
    theirs = ["matrix.loss=[{message: 1, image: 0.1}]", "matrix.seed=0", "compute.threads=1"]
    each_step = _operations(_planned("faithful", scale, data, out, [*theirs, "train.steps=1000"])) / 1000
    steps = round(times * ours.operations / each_step)
    long = [*theirs, f"train.steps={steps}", f"train.validate_every={max(1, steps // LOOKS)}"]
    other = _trained("faithful", scale, data, out, long, reads, psnr)
    ratio = other.operations / ours.operations
    said = f"{ratio:.1f} times" if other.there else f"more than {ratio:.1f} times, for it never arrived"
    if not ours.there:
        said = "nothing, since ours did not arrive"
    return "\n".join(
        [
            f"{reads:.0%} of bits after the swap at {psnr:g} dB, val images, scale {scale}, seed 0, one thread",
            _told("ours", ours),
            _told("the re-implementation's recipe", other),
            f"operations: {said}",
        ]
    )


def _told(name: str, one: Arrived) -> str:
    when = f"arrived after {one.steps:,} of {one.of:,} steps" if one.there else f"did not arrive in {one.of:,} steps"
    return (
        f"{name}: {when}, {one.operations / 1e12:,.0f} T operations, {one.seconds:,.0f} s; "
        f"best look at that PSNR {one.best:.1%}"
    )


def _trained(
    name: str, scale: str, data: str, out: Path, settings: Sequence[str], reads: float, psnr: float
) -> Arrived:
    options = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, "-m", "ftbench", "run", name, "--scale", scale, "--data", data, "--out", str(out)]
    subprocess.run([*command, "--keep", "--jobs", "1", *options], check=True)
    opened = _planned(name, scale, data, out, settings)
    [cell] = opened.plan.trainings
    folder = opened.bench.folder(cell)
    summary = json.loads(folder.file("done.json").read_text(encoding="utf-8"))
    first, best = first_look(pd.read_csv(folder.file("curve.csv")), reads, psnr)
    steps = first or cell.steps
    share = steps / cell.steps
    seconds = float(summary["seconds"]) * share
    return Arrived(steps, cell.steps, first is not None, _operations(opened) * share, seconds, best)


def first_look(curve: pd.DataFrame, reads: float, psnr: float) -> tuple[int | None, float]:
    """The first step whose look reads enough at this PSNR, if there is one, and the most that was read there."""
    looks = curve.dropna(subset=["val_accuracy_swapped"])
    good = looks[looks.val_psnr >= psnr - ROUNDED]
    arrived = good[good.val_accuracy_swapped >= reads]
    return (int(arrived.step.iloc[0]) if len(arrived) else None), float(good.val_accuracy_swapped.max())


def _planned(name: str, scale: str, data: str, out: Path, settings: Sequence[str]) -> Opened:
    request = Request(name, scale, data=data, out=out, assignments=list(settings))
    return open_benchmark(request, Console(quiet=True), settle_on_disk=False)


def _operations(opened: Opened) -> float:
    [cell] = opened.plan.trainings
    assert isinstance(cell, TrainCell)
    return each(opened)(cell).operations
