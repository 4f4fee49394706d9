"""How fast this machine convolves: in which precision, memory layout and number of threads. Measured, in seconds."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

LAYERS = 3
FEWEST, SECONDS = 3, 0.25
"""Calls of one measurement at least, and about how long it lasts."""
WINS = 1.1
"""What is faster by less than a tenth may be chance."""
ENOUGH = 0.75
"""Of what so many single threads would do side by side: where more threads for one cell are as good."""


@dataclass(frozen=True)
class Kind:
    """Networks of a kind, as a few alike convolutions of 3×3."""

    name: str
    channels: int
    side: int
    """Of the maps, pixels."""
    batch: int

    @property
    def operations(self) -> int:
        """Of one forward and backward pass; a multiplication and an addition count as two."""
        return 3 * LAYERS * 2 * 9 * self.channels**2 * self.side**2 * self.batch


@dataclass(frozen=True)
class Way:
    """A way to compute."""

    precision: Literal["float32", "bfloat16"]
    channels_last: bool
    threads: int


SMALL = Kind("small networks (32 channels, maps of 32 px)", 32, 32, 16)
WIDE = Kind("wide networks (128 channels, maps of 32 px)", 128, 32, 8)


def rate(kind: Kind, way: Way, device: str) -> float:
    """Operations a second in a forward and backward pass, as the median over some calls."""
    import torch
    from torch import nn

    layers = [m for _ in range(LAYERS) for m in (nn.Conv2d(kind.channels, kind.channels, 3, padding=1), nn.ReLU())]
    network = nn.Sequential(*layers).to(device)
    image = torch.rand(kind.batch, kind.channels, kind.side, kind.side, device=device, requires_grad=True)
    if way.channels_last:
        network = network.to(memory_format=torch.channels_last)
        image = image.detach().contiguous(memory_format=torch.channels_last).requires_grad_()

    def work() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=way.precision == "bfloat16"):
            out = network(image)
        out.float().sum().backward()
        if device == "cuda":
            torch.cuda.synchronize()

    with _threads(way.threads), torch.enable_grad():
        return kind.operations / _seconds(work)


def ways(kind: Kind, device: str, processors: int, told: Callable[[str], object]) -> dict[Way, float]:
    """Rates of precision and layout with one thread, and of the best of them with more; ``told`` hears of each."""
    found: dict[Way, float] = {}

    def measured(way: Way) -> None:
        told(f"{kind.name}: {way.precision}, channels {'last' if way.channels_last else 'first'}, {way.threads} thread")
        found[way] = rate(kind, way, device)

    for precision in ("float32", "bfloat16"):
        for last in (False, True):
            measured(Way(precision, last, 1))
    best = max(found, key=found.__getitem__)
    threads = 2
    while device == "cpu" and threads <= processors:
        measured(replace(best, threads=threads))
        threads = processors if threads < processors < 2 * threads else 2 * threads
    return found


def sentence(kind: Kind, found: dict[Way, float]) -> str:
    """What the rates of a kind of network mean, in words."""
    alone = {way: one for way, one in found.items() if way.threads == 1}

    def fastest(**fixed: object) -> float:
        return max(one for way, one in alone.items() if all(getattr(way, key) == value for key, value in fixed.items()))

    said = [
        _compared("bfloat16", fastest(precision="bfloat16") / fastest(precision="float32"), "float32"),
        _compared("channels_last", fastest(channels_last=True) / fastest(channels_last=False), "channels first"),
    ]
    more = {way.threads: one for way, one in found.items() if way.threads > 1}
    if more:
        threads = max(more, key=more.__getitem__)
        gain = more[threads] / max(alone.values())
        beside = f", so that {threads} cells side by side with a thread each do more" if gain < ENOUGH * threads else ""
        said.append(f"{threads} threads do {gain:.2f} times the work of one{beside}")
    most = max(found.values()) / 1e9
    return f"{kind.name}: {'; '.join(said)}; at best {most:,.0f} billion operations a second"


def _compared(name: str, gain: float, other: str) -> str:
    if gain > WINS:
        return f"{name} is {gain:.2f} times as fast as {other}"
    if gain < 1 / WINS:
        return f"{name} is {1 / gain:.2f} times slower than {other}"
    return f"{name} is as fast as {other}"


def _seconds(work: Callable[[], object]) -> float:
    work()
    took: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(took) < FEWEST or time.perf_counter() < until:
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
