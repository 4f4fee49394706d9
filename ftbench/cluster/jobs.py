"""Who works on cells, and on how many side by side."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from ftbench.errors import BadInput
from ftbench.machine.compute import Compute
from ftbench.machine.provenance import processors
from ftbench.plan.cells import Cell, EvaluateCell
from ftbench.runner.executor import Executor, Executors
from ftbench.runner.opening import Opened, Request

DASK_ADDRESS = "scheduler-address"
"""Where Dask's own configuration, or DASK_SCHEDULER_ADDRESS, names a scheduler."""
NEEDS = ("distributed", "cryptography")
"""Packages behind side by side work."""
WORTH = 10_000
"""Images that are to pass through networks, below which starting processes takes longer than they save."""
MEMORY = 2**30
"""Bytes that a process is reckoned to take."""


def scheduler_of(executor: str | None, scheduler: str | None, jobs: int | None) -> str | None:
    """Address or file of the scheduler that is meant; None: cells are worked on by this machine. Raises BadInput."""
    if executor not in (None, "local", "dask"):
        raise BadInput(f"--executor {executor!r} is neither local nor dask")
    if scheduler is not None and not scheduler.strip():
        raise BadInput("--scheduler is empty; name an address such as tcp://10.0.0.1:8786, or a scheduler file")
    if executor == "local" or (executor is None and not scheduler):
        return None
    if jobs is not None:
        raise BadInput("--jobs counts processes of this machine, and a cluster has its own; leave --jobs out")
    if not scheduler:
        import dask

        scheduler = dask.config.get(DASK_ADDRESS, None)
    if not scheduler:
        raise BadInput("--executor dask needs --scheduler, an address such as tcp://10.0.0.1:8786 or a scheduler file")
    return scheduler


def on_cluster(scheduler: str, opened: Opened, request: Request, memory_of: Callable[[Cell], float]) -> Executors:
    """The executor on a cluster that is there; ``memory_of``: bytes that a cell may need. Raises BadInput."""
    _check(f"--scheduler {scheduler}", opened.bench.compute)

    def chosen(left: Sequence[Cell]) -> AbstractContextManager[Executor] | None:
        if not left:
            return None
        from ftbench.cluster.there import on_scheduler

        return on_scheduler(scheduler, opened, request, memory_of)

    return chosen


def executors(asked: int | None, opened: Opened, request: Request) -> Executors:
    """The executor for what is to do: ``asked`` jobs, or as many as the processors gain from; None: work on it here.

    Raises BadInput where as many as were asked for cannot be.
    """
    compute = opened.bench.compute
    if asked is not None and asked > 1:
        _check(f"--jobs {asked}", compute)

    def chosen(left: Sequence[Cell]) -> AbstractContextManager[Executor] | None:
        jobs = min(widest(left), by_default(left, opened) if asked is None else asked)
        if jobs < 2:
            return None
        from ftbench.cluster.local import side_by_side

        opened.bench.say(f"{jobs} jobs side by side, {compute.threads} thread{'s' * (compute.threads > 1)} each")
        return side_by_side(request, jobs)

    return chosen


def by_default(left: Sequence[Cell], opened: Opened) -> int:
    """As many jobs as there are processors for, if there is work enough; 1 on a GPU, which one cell keeps busy."""
    compute = opened.bench.compute
    tested = sum(counts[opened.benchmark.evaluate.split] for counts in opened.bench.data.counts().values())
    missing = any(importlib.util.find_spec(name) is None for name in NEEDS)
    if compute.device != "cpu" or compute.processes > 1 or missing or widest(left) < 2:
        return 1
    if sum(images(cell, tested) for cell in left) < WORTH:
        return 1
    from distributed.system import MEMORY_LIMIT

    return max(1, min(processors() // compute.threads, MEMORY_LIMIT // MEMORY))


def widest(cells: Sequence[Cell]) -> int:
    """How many of some cells can be worked on side by side, each after those that it needs."""
    depth: dict[str, int] = {}
    for cell in cells:
        depth[cell.key] = 1 + max((depth.get(needed.key, 0) for needed in cell.inputs), default=0)
    return max(Counter(depth.values()).values(), default=0)


def images(cell: Cell, tested: int) -> int:
    """Images that pass through a cell's networks, roughly; ``tested``: images of the split that is tested on."""
    if isinstance(cell, EvaluateCell):
        attacks = (1 + len(cell.simulators)) * max(1, len(cell.distortions))
        return min(tested, cell.section.limit or tested) * cell.section.draws * attacks
    section = getattr(cell, "section", None)
    return cell.steps * section.batch_size if section else 0


def _check(asked: str, compute: Compute) -> None:
    if compute.processes > 1:
        raise BadInput(
            f"{asked}: compute.processes is {compute.processes}, so that each training has several processes "
            "already; leave one of the two out"
        )
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(f"{asked} needs {' and '.join(missing)}: pip install {' '.join(missing)}")
