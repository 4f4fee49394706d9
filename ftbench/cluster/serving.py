"""A worker for somebody's runs: Dask's own, set up as cells need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask
from dask.utils import parse_bytes

from ftbench.errors import BadInput
from ftbench.machine.gpu import gpu_count
from ftbench.progress import seconds_in

SETTINGS: dict[str, Any] = {
    # Parts may start processes of their own, which daemons must not.
    "distributed.worker.daemon": False,
    # Threads and allocator are those of a run on this machine alone: they decide numbers and time.
    "distributed.nanny.pre-spawn-environ": {},
    # A part that keeps Python to itself for minutes is slow, not gone.
    "distributed.comm.timeouts.tcp": "600s",
}


def options(address: str, time: str | None, memory: str | None, more: Sequence[str], file: bool) -> list[str]:
    """The command line of ``dask worker``. Raises BadInput."""
    has = {"GPU": gpu_count(), "MEMORY": 0 if memory is None else _bytes(memory)}
    resources = " ".join(f"{name}={amount}" for name, amount in has.items() if amount)
    return [
        *(["--scheduler-file", address] if file else [address]),
        "--no-dashboard",
        *(["--lifetime", f"{seconds_in(time, '--for'):g}s"] if time is not None else []),
        *(["--resources", resources] if resources and "--resources" not in more else []),
        *more,
        # Last, so that it holds whatever a batch system's command line says: one cell at a time, and what torch holds
        # is not Dask's to count, which would pause the worker, or end it.
        *("--nthreads", "1", "--memory-limit", "0"),
    ]


def serve(address: str, time: str | None, memory: str | None, more: Sequence[str], *, file: bool) -> int:
    """Work until time is up, the scheduler is gone, or a signal comes; the exit code. Raises BadInput."""
    arguments = options(address, time, memory, more, file)
    from distributed.cli.dask_worker import main

    with dask.config.set(SETTINGS):
        done: Any = main(arguments, standalone_mode=False)
    return int(done or 0)


def _bytes(text: str) -> int:
    try:
        return int(parse_bytes(text))
    except ValueError as error:
        raise BadInput(f"--memory {text!r} is no size; write one such as 16GiB or 8e9") from error
