"""The machine's best at convolutions, and how much of it a step of training uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from benchmarks.speed.clock import spread, timed
from benchmarks.speed.lines import Line
from benchmarks.speed.step import COUNTED, measure

SHAPES = ((128, 256, 32), (256, 256, 32), (256, 512, 16), (512, 512, 16), (512, 1024, 16), (1024, 1024, 8))
"""Channels in, channels out, side: the large 3×3 convolutions of the paper's size, where any library is at its best."""
BATCH = 32
TRIES = 3


def convolution(precision: torch.dtype, before: int, after: int, side: int, threads: int) -> float:
    """Operations a second, forward and backward with both gradients: the best of a few tries on ``threads``."""
    layer = nn.Conv2d(before, after, 3, padding=1, bias=False).to(precision).to(memory_format=torch.channels_last)
    image = torch.randn(BATCH, before, side, side).to(precision).contiguous(memory_format=torch.channels_last)
    image.requires_grad_()
    weight = torch.randn(BATCH, after, side, side).to(precision).contiguous(memory_format=torch.channels_last)

    def once() -> None:
        layer.weight.grad = image.grad = None
        layer(image).backward(weight)

    once()
    operations = 3 * 2 * BATCH * before * after * 9 * side**2
    return operations / min(timed(once).by(threads) for _ in range(TRIES))


def peak(precision: torch.dtype, threads: int) -> tuple[float, str]:
    """The best over shapes, in operations a second, and the shape."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = {shape: convolution(precision, *shape, threads) for shape in SHAPES}
    finally:
        torch.set_num_threads(before)
    best = max(found, key=lambda shape: found[shape])
    return found[best], "{}→{} at {} px".format(*best)


def share(threads: tuple[int, ...], repeats: int, warm: int, **_: Any) -> Iterator[Line]:
    """The paper's step over the measured peak of its own precision; the peak is taken anew beside each step."""
    for count in threads:
        peaks: list[float] = []
        where = [""]
        single = peak(torch.float32, count)[0]

        def look(count: int = count, peaks: list[float] = peaks, where: list[str] = where) -> None:
            rate, shape = peak(torch.bfloat16, count)
            if rate > max(peaks, default=0.0):
                where[0] = shape
            peaks.append(rate)

        steps = measure("paper", count, repeats, max(warm, COUNTED + 1), between=look)
        rates = [steps.operations["ours"] / took.by(count) for took in steps.ours]
        many = f"{count} thread{'s' if count > 1 else ''}"
        yield Line(
            "share",
            f"bfloat16 peak, {many}",
            "GFLOP/s",
            spread([rate / 1e9 for rate in peaks]),
            more={
                "best": where[0],
                "times float32's": max(peaks) / single,
            },
        )
        yield Line(
            "share",
            f"step over the best peak, {many}",
            "%",
            spread([100 * rate / max(peaks) for rate in rates]),
            more={"precision": steps.precision, "step's GFLOP/s": spread(rates).median / 1e9},
        )
