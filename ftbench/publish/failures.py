"""What is said of cells that failed: at the end of a run, in a plan, and above the tables that miss their settings."""

from __future__ import annotations

from collections.abc import Iterator

from ftbench.plan.cells import Cell
from ftbench.runner.executor import Outcome
from ftbench.runner.opening import Opened
from ftbench.vouching.standing import Standings

NEEDS, UNFINISHED = "needs", "not finished"
"""Kinds beside those of ``storage.failure``: a cell that it needs failed; the run ended before it did."""


def told(opened: Opened, outcome: Outcome) -> tuple[str, ...]:
    """The last words of a run: how many cells failed, each with its reason, and how to try them again."""
    failed = [cell for cell in opened.plan.cells if cell.key in outcome.failed]
    if not failed:
        return ()
    lines = [f"{len(failed)} of {len(opened.plan.cells)} cells failed:"]
    lines += [
        f"- {cell.kind} {cell.label.removeprefix('fit ')}: {outcome.failed[cell.key]}"
        for cell in failed
        if outcome.kinds.get(cell.key) != NEEDS
    ]
    waiting = sum(outcome.kinds.get(cell.key) == NEEDS for cell in failed)
    if waiting:
        lines.append(f"- {waiting} that need{'s' * (waiting == 1)} one of those")
    if outcome.untried:
        lines.append(
            f"{len(outcome.untried)} failed in an earlier run and would again, so they were left alone; "
            "--retry-failed tries them all the same"
        )
    return tuple(lines)


def missing(opened: Opened, outcome: Outcome) -> list[str]:
    """The settings that the tables do not have, each with the kind of its failure; a note for their caption."""
    gone = [cell for cell in opened.plan.evaluations if cell.key not in outcome.summaries]
    if not gone or len(gone) == len(opened.plan.evaluations):
        return []
    return ["Missing, since they failed: " + ", ".join(f"{cell.label} ({_cause(cell, outcome)})" for cell in gone)]


def in_parts(opened: Opened, outcome: Outcome) -> Iterator[str]:
    """Which cells did not work on a whole batch at once; notes for the tables' caption."""
    cells = [(cell, outcome.summaries.get(cell.key, {}).get("parts", 1)) for cell in opened.plan.cells]
    learned, tested = (
        [f"{cell.label.removeprefix('fit ')} ({parts})" for cell, parts in cells if parts > 1 and wanted == cell.kind]
        for wanted in ("train", "evaluate")
    )
    learned += [f"{cell.label} ({parts})" for cell, parts in cells if parts > 1 and cell.kind == "fit"]
    if learned:
        yield f"Batches worked on in parts, for want of memory, gradients added up: {', '.join(learned)}"
    if tested:
        yield f"Tested in parts of a batch, for want of memory: {', '.join(tested)}"


def state(cell: Cell, standings: Standings, found: str) -> str:
    """How a cell stands in a plan; ``found``: without its failures."""
    last = standings.failure(cell)
    if last is None or not found.startswith("to do"):
        return found
    times = f" {last.tries} times" if last.tries > 1 else ""
    if standings.fails_again(cell):
        return f"failed{times}: {last.reason}; left alone without --retry-failed"
    return f"{found}; failed{times} before: {last.reason}"


def _cause(cell: Cell, outcome: Outcome) -> str:
    """The kind of failure that a cell misses its numbers for: its own, or that of a cell which it needs."""
    kind = outcome.kinds.get(cell.key, UNFINISHED)
    if kind != NEEDS:
        return kind
    return next((_cause(one, outcome) for one in cell.inputs if one.key in outcome.failed), UNFINISHED)
