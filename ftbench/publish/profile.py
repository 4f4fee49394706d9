"""Where the time of a run's cells went: what ``ftbench run --profile`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from ftbench.machine.stopwatch import KINDS
from ftbench.plan.cells import Plan
from ftbench.runner.attempt import SPENT


def profile_table(plan: Plan, summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """A row a cell that was timed: its seconds, and the share of each kind of work in percent.

    Kinds that no cell met are left out. Of a cell that was finished before stands what was timed then, if that was
    asked.
    """
    timed = [(cell, summaries[cell.key][SPENT]) for cell in plan.cells if SPENT in summaries.get(cell.key, {})]
    met = [kind for kind in KINDS if any(spent.get(kind, 0) > 0 for _, spent in timed)]
    rows = []
    for cell, spent in timed:
        whole = sum(spent.values()) or 1.0
        shares = [f"{100 * spent.get(kind, 0) / whole:.1f}" for kind in met]
        rows.append([f"{cell.kind} {cell.label.removeprefix('fit ')}", f"{whole:.1f}", *shares])
    return tabulate(
        rows, ["cell", "seconds", *(f"{kind}, %" for kind in met)], tablefmt="github", disable_numparse=True
    )
