"""How long a benchmark would take on so many GPUs, and what it would cost: on paper, from ``ftbench plan --costs``.

``python -m benchmarks.reliability projection field --scale full --workers 64 [--data FOLDER --set KEY=VALUE …]``. Each
cell takes what its networks take on the GPU that ``--costs`` assumes, times ``--factor`` for what is not counted there,
and the overhead that was measured; each worker takes the next cell whose needs are met. Nothing is trained.
"""

from __future__ import annotations

import argparse
import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from ftbench.console import Console
from ftbench.plan.cells import Cell
from ftbench.progress import duration
from ftbench.publish.costs import GPU, LAUNCH, PEAK, SHARE, each
from ftbench.runner.opening import Request, open_benchmark


@dataclass(frozen=True)
class Schedule:
    """Cells laid out on workers."""

    seconds: float
    busy: float
    """Seconds of all workers together."""


def laid_out(cells: Sequence[Cell], takes: Mapping[str, float], workers: int) -> Schedule:
    """Give each worker the next cell whose needs are met, the way a run does."""
    by_key = {cell.key: cell for cell in cells}
    place = {cell.key: number for number, cell in enumerate(cells)}
    waits = TopologicalSorter({cell.key: [one.key for one in cell.inputs if one.key in by_key] for cell in cells})
    waits.prepare()
    now, free = 0.0, workers
    turns: list[int] = []
    going: list[tuple[float, str]] = []
    while waits.is_active():
        for key in waits.get_ready():
            heapq.heappush(turns, place[key])
        while turns and free:
            key = cells[heapq.heappop(turns)].key
            heapq.heappush(going, (now + takes[key], key))
            free -= 1
        now, key = heapq.heappop(going)
        waits.done(key)
        free += 1
    return Schedule(now, sum(takes[key] for key in by_key))


def longest(cells: Sequence[Cell], takes: Mapping[str, float]) -> list[Cell]:
    """The chain of cells that no number of workers makes shorter."""
    ends: dict[str, float] = {}
    before: dict[str, Cell | None] = {}
    for cell in cells:
        needed = [one for one in cell.inputs if one.key in ends]
        last = max(needed, key=lambda one: ends[one.key], default=None)
        before[cell.key] = last
        ends[cell.key] = takes[cell.key] + (ends[last.key] if last else 0.0)
    chain: list[Cell] = []
    at: Cell | None = max(cells, key=lambda cell: ends[cell.key])
    while at is not None:
        chain.append(at)
        at = before[at.key]
    return chain[::-1]


def main(arguments: list[str]) -> int:
    """Print the projection."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability projection", description=__doc__)
    parser.add_argument("benchmark")
    parser.add_argument("--scale")
    parser.add_argument("--data")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--factor", type=float, default=2.0, help="what a step takes, in times of its networks alone")
    parser.add_argument("--overhead", type=float, default=0.15, help="seconds a cell beside its work")
    parser.add_argument("--price", type=float, default=2.5, help="of a GPU and hour")
    known = parser.parse_args(arguments)
    request = Request(known.benchmark, known.scale, known.data, Path("nowhere"), known.set)
    opened = open_benchmark(request, Console(quiet=True), settle_on_disk=False)
    cells = opened.plan.cells
    cost_of = each(opened)
    alone = {cell.key: cost_of(cell).seconds(PEAK * SHARE, LAUNCH) for cell in cells}
    takes = {key: known.factor * seconds + known.overhead for key, seconds in alone.items()}
    kinds = Counter(cell.kind for cell in cells)
    print(f"{len(cells)} cells ({', '.join(f'{count} {kind}' for kind, count in kinds.items())}) on {GPU}s")
    print(
        f"networks alone at {SHARE:.0%} of {PEAK / 1e12:.0f} trillion operations a second, {LAUNCH * 1e6:g} µs a kernel"
    )
    for workers in known.workers:
        found = laid_out(cells, takes, workers)
        hours = workers * found.seconds / 3600
        print(
            f"{workers:3} GPUs: {duration(found.seconds)}, {hours:.1f} GPU hours of which {found.busy / 3600:.1f} at "
            f"work ({found.busy / workers / found.seconds:.0%}), {hours * known.price:.0f} at {known.price:g} an hour"
        )
    for kind in kinds:
        own = sorted(takes[cell.key] for cell in cells if cell.kind == kind)
        print(f"{kind}: {duration(own[0])} to {duration(own[-1])} each, {sum(own) / 3600:.1f} hours together")
    chain = longest(cells, takes)
    print(
        "longest chain: "
        + " → ".join(f"{c.kind} {c.label.removeprefix('fit ')} {duration(takes[c.key])}" for c in chain)
    )
    return 0
