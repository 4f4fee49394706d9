"""How many cells are worked on side by side."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager

from ftbench.errors import BadInput
from ftbench.machine.compute import Compute
from ftbench.machine.provenance import processors
from ftbench.plan.cells import Cell, EvaluateCell
from ftbench.runner.executor import Executor, Executors
from ftbench.runner.opening import Opened, Request

NEEDS = ("distributed", "cryptography")
"""Packages behind side by side work."""
WORTH = 10_000
"""Images that are to pass through networks, below which starting processes takes longer than they save."""
MEMORY = 2**30
"""Bytes that a process is reckoned to take."""


def executors(asked: int | None, opened: Opened, request: Request) -> Executors:
    """The executor for what is to do: ``asked`` jobs, or as many as the processors gain from; None: work on it here.

    Raises BadInput where as many as were asked for cannot be.
    """
    compute = opened.bench.compute
    if asked is not None and asked > 1:
        _check(asked, compute)

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
    tested = sum(counts["test"] for counts in opened.bench.data.counts().values())
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
    """Images that pass through a cell's networks, roughly; ``tested``: images of the test split."""
    if isinstance(cell, EvaluateCell):
        attacks = (1 + len(cell.simulators)) * max(1, len(cell.distortions))
        return min(tested, cell.section.limit or tested) * cell.section.draws * attacks
    section = getattr(cell, "section", None)
    return cell.steps * section.batch_size if section else 0


def _check(asked: int, compute: Compute) -> None:
    if compute.processes > 1:
        raise BadInput(
            f"--jobs {asked}: compute.processes is {compute.processes}, so that each training has several processes "
            "already; leave one of the two out"
        )
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(f"--jobs {asked} needs {' and '.join(missing)}: pip install {' '.join(missing)}")
