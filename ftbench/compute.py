"""Device, precision, threads and compile mode: settled once, then part of every cell's identity."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import nn

from ftbench.config import ComputeSection

CLEARLY_FASTER = 1.3


@dataclass(frozen=True)
class Compute:
    """Settled settings, no ``auto`` left."""

    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bfloat16"]
    threads: int
    compile: Literal["none", "default"]

    def place(self, network: nn.Module) -> nn.Module:
        """Move a network to the device, in the memory layout that convolutions are fastest in."""
        return cast(nn.Module, network.to(self.device, memory_format=torch.channels_last))

    def compiled(self, network: nn.Module) -> nn.Module:
        """The network as training calls it; its parameters stay those of ``network``."""
        return network if self.compile == "none" else cast(nn.Module, torch.compile(network))

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """Run the forward pass of training in the settled precision."""
        with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16"):
            yield

    @contextlib.contextmanager
    def threading(self) -> Iterator[None]:
        """Use the settled number of threads, and put back the old one."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def gpu_present() -> bool:
    """Whether CUDA can be used."""
    return torch.cuda.is_available()


def settle(section: ComputeSection, earlier: Mapping[str, Any] | None = None) -> Compute:
    """Replace every ``auto``: by what an earlier run of the same results folder settled, else by a look.

    An explicit setting wins over the earlier one; an earlier GPU that is gone is not used.
    """
    known = dict(earlier or {})
    if known.get("device") == "cuda" and not gpu_present():
        known = {}
    device = section.device if section.device != "auto" else known.get("device")
    device = device or ("cuda" if gpu_present() else "cpu")
    if known.get("device") not in (None, device):
        known = {}
    threads = section.threads if section.threads != "auto" else known.get("threads")
    threads = threads or len(os.sched_getaffinity(0))
    precision = section.precision if section.precision != "auto" else known.get("precision")
    precision = precision or _faster_precision(device, threads)
    return Compute(device=device, precision=precision, threads=threads, compile=section.compile)


def _faster_precision(device: str, threads: int) -> str:
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        plain, short = (_seconds(dtype) for dtype in (torch.float32, torch.bfloat16))
    finally:
        torch.set_num_threads(before)
    return "bfloat16" if plain / short > CLEARLY_FASTER else "float32"


def _seconds(dtype: torch.dtype) -> float:
    layer = nn.Conv2d(64, 64, 3, padding=1).to(dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.zeros(16, 64, 32, 32, dtype=dtype).to(memory_format=torch.channels_last)
    times = []
    with torch.no_grad():
        for _ in range(7):
            start = time.perf_counter()
            layer(image)
            times.append(time.perf_counter() - start)
    return statistics.median(times[2:])
