"""One training shared by several processes, one GPU each: every process works on its rows of the same batches.

Built on torch.distributed (NCCL between GPUs, Gloo between processors). Gradients are averaged before each step, so
all processes hold the same weights; the first alone looks at the val split, writes and reports.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

from ftbench import stopping
from ftbench.console import prepare_streams
from ftbench.errors import CellFailed, FtbenchError, told
from ftbench.machine import supervision, watchdog
from ftbench.machine.memory import ran_out

HERE = "127.0.0.1"
STOPPING, GRACE = 30.0, 2.0
"""Seconds that the first has to keep a checkpoint, and all to end by themselves where one failed."""


def count() -> int:
    """How many processes share this training."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this one; 0 is the one that writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(*rows: Tensor) -> tuple[Tensor, ...]:
    """This process's rows of tensors (b, …): every ``count()``-th, from its own number on."""
    return rows if count() == 1 else tuple(part[rank() :: count()] for part in rows)


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over the processes: the whole batch's, where they hold equally many rows."""
    if count() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    # One message for all: hundreds of small ones would wait for each other.
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= count()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def average(value: float, device: str) -> float:
    """The mean of a number over the processes."""
    if count() == 1:
        return value
    held = torch.tensor(value, dtype=torch.float64, device=device if device == "cuda" else "cpu")
    distributed.all_reduce(held)
    return float(held) / count()


def launch(
    work: Callable[..., dict[str, Any]], arguments: tuple[Any, ...], processes: int, device: str
) -> dict[str, Any]:
    """Call ``work(*arguments)`` in ``processes`` new processes that hear each other; what the first one returns.

    ``work`` and its arguments are pickled. What the first one to fail raised is raised here, as CellFailed if it
    was no error of ours; then, and when this process is interrupted, the others are ended.
    """
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    with socket.socket() as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    members = spawn(
        _member, (work, arguments, processes, device, port, os.getpid(), answers), nprocs=processes, join=False
    )
    try:
        while not members.join(grace_period=GRACE):
            pass
    except (ProcessExitedException, ProcessRaisedException) as error:
        if not answers.empty():
            raise answers.get() from error
        raise CellFailed(f"a process that shared the training ended: {str(error).splitlines()[0]}") from error
    finally:
        _end(members.processes)
    answer: dict[str, Any] = answers.get()
    return answer


def _end(members: Sequence[BaseProcess]) -> None:
    """Ask the first to stop, which keeps a checkpoint while the others still work with it; then end the others."""
    first, *others = members
    if first.is_alive():
        first.terminate()
        first.join(STOPPING)
    for member in (first, *others):
        if member.is_alive():
            member.kill()
        member.join()


def _member(
    number: int,
    work: Callable[..., dict[str, Any]],
    arguments: tuple[Any, ...],
    processes: int,
    device: str,
    port: int,
    parent: int,
    answers: Any,
) -> None:
    prepare_streams()
    # What a terminal tells all of them is the parent's to heed, which then asks the first.
    for heard in stopping.SIGNALS:
        signal.signal(heard, signal.SIG_DFL if heard == signal.SIGTERM else signal.SIG_IGN)
    if number == 0:
        stopping.listen()
    watchdog.end_with(parent, stopping.ask if number == 0 else None, STOPPING)
    # A call without an end ends this process, and its cell with it.
    supervision.notes.file = Path(os.devnull)
    if device == "cuda":
        torch.cuda.set_device(number)
    distributed.init_process_group(
        "nccl" if device == "cuda" else "gloo", init_method=f"tcp://{HERE}:{port}", rank=number, world_size=processes
    )
    try:
        summary = work(*arguments)
    except Exception as error:
        # Between processes an error loses what it came from.
        ours = error if isinstance(error, FtbenchError) else CellFailed(f"{type(error).__name__}: {error}")
        answers.put(MemoryError(told(error)) if ran_out(error) else ours)
        # The others may wait for this one for ever; a code that is not 0 ends them.
        raise SystemExit(1) from error
    if number == 0:
        answers.put(summary)
    distributed.destroy_process_group()
