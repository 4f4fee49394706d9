"""Device, precision, threads and compile mode: settled once, then part of every cell's identity."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ftbench.benchfile.schema import ComputeSection
from ftbench.errors import BadInput, told
from ftbench.machine.gpu import gpu_count, gpu_present
from ftbench.machine.memory import keep_freed
from ftbench.machine.provenance import processors

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""Processors with either train convolutions faster in bfloat16 than in float32."""
SMALL = 64
"""Side in pixels up to which a processor works on a cell with one thread: several wait for one another longer than
they work, and cells side by side fill the machine better."""


@dataclass(frozen=True)
class Compute:
    """Settled settings, no ``auto`` left."""

    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bfloat16"]
    threads: int
    compile: Literal["none", "default"]
    processes: int = 1
    """That share one training, each with a GPU of its own, or with an equal part of the threads."""
    deterministic: bool = True
    """On a GPU: convolutions that repeat themselves."""

    def place(self, network: nn.Module) -> nn.Module:
        """Move a network to the device, in the memory layout that convolutions are fastest in."""
        import torch

        placed = network.to(self.device).to(memory_format=torch.channels_last)
        if self.device == "cpu":
            from ftbench.machine.layouts import normalise_plainly

            normalise_plainly(placed)
        return placed

    def compile_parts(self, network: nn.Module) -> None:
        """Compile the forward pass of each part in place; names and parameters stay as they are.

        A part that cannot be compiled is said once and works as it is.
        """
        if self.compile == "default":
            for part in network.children():
                part.compile()
                part._compiled_call_impl = _or_as_it_is(part, part._compiled_call_impl)

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """Run the forward pass of training in the settled precision."""
        import torch

        with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16"):
            yield

    @contextlib.contextmanager
    def settled(self) -> Iterator[None]:
        """Use the settled number of threads, and on a GPU true float32 and convolutions as settled."""
        import torch

        if self.device == "cpu":
            keep_freed()
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            repeat = self.deterministic
            with torch.backends.cudnn.flags(enabled=True, benchmark=not repeat, deterministic=repeat, allow_tf32=False):
                yield
        finally:
            torch.set_num_threads(before)


def _or_as_it_is(part: nn.Module, compiled: Any) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        try:
            return compiled(*given, **named)
        except Exception as error:
            # Whatever a compiler fails with, the part itself may raise as well: then it does so again.
            answer = part._call_impl(*given, **named)
            log.warning("%s cannot be compiled here (%s); it works without", type(part).__name__, told(error)[:200])
            part._compiled_call_impl = None
            return answer

    return call


def settle(
    section: ComputeSection, earlier: Mapping[str, Any] | None = None, size: int | None = None, here: bool = True
) -> Compute:
    """Replace every ``auto``: by what an earlier run of the same results folder settled, else by a look.

    ``size``: side of the images, pixels; None: larger than SMALL. ``here``: False where other machines compute, of
    which this one cannot know whether they have the GPU that is asked for.

    An explicit setting wins over the earlier one; an earlier GPU that is gone is not used. Raises BadInput when a
    GPU is asked for and there is none.
    """
    known = dict(earlier or {})
    if known.get("device") == "cuda" and here and not gpu_present():
        known = {}
    if section.device == "cuda" and here and not gpu_present():
        raise BadInput("compute.device is cuda, and no GPU can be used here; write auto or cpu, or see ftbench doctor")
    device = section.device if section.device != "auto" else known.get("device")
    device = device or ("cuda" if gpu_present() else "cpu")
    if known.get("device") not in (None, device):
        known = {}
    threads = section.threads if section.threads != "auto" else _threads(device, known, size)
    precision = section.precision if section.precision != "auto" else known.get("precision")
    if not precision and not here and device == "cuda" and not gpu_present():
        raise BadInput(
            "compute.precision is auto, which nobody can settle where there is no GPU; write bfloat16 or float32, as "
            "in --set compute.precision=bfloat16"
        )
    precision = precision or _faster_precision(device)
    processes = section.processes if section.processes != "auto" else known.get("processes")
    gpus = gpu_count() if device == "cuda" else 0
    processes = processes or (max(1, gpus) if here else 1)
    if device == "cuda" and here and processes > gpus:
        raise BadInput(f"compute.processes is {processes}, and there are {gpus} GPUs; write auto or fewer")
    return Compute(device, precision, threads, section.compile, processes, section.deterministic)


def _threads(device: str, known: Mapping[str, Any], size: int | None) -> int:
    # By the size, and never timed: a busy machine must not decide what a cell is.
    small = device == "cpu" and size is not None and size <= SMALL
    settled = known.get("threads_small" if small else "threads") or known.get("threads")
    return int(settled or (1 if small else processors()))


def _faster_precision(device: str) -> Literal["float32", "bfloat16"]:
    # Asked of the hardware rather than timed: a busy machine must not decide what a cell is.
    if device == "cuda":
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return "float32"
    return "bfloat16" if BFLOAT16_FLAGS.intersection(flags) else "float32"
