"""Brings a plan's cells to an end: finished ones are kept, a failed one fails alone.

Who works on them, here or side by side in other processes, is an Executor. A cell that another run holds is done
later, or taken from that run; one that ended its process last time comes last.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, Protocol

from ftbench import stopping
from ftbench.errors import BadInput, told
from ftbench.parts.isolation import exit_raises
from ftbench.parts.surroundings import Surroundings
from ftbench.plan.cells import Cell, Plan, chosen_parts
from ftbench.plan.workload import to_do
from ftbench.runner import jobs
from ftbench.runner.attempt import Aloud, Ended, Listener, attempt
from ftbench.runner.bench import Bench
from ftbench.storage import failure
from ftbench.storage.cellfile import Evidence
from ftbench.vouching.damage import risky_ones, set_damage_aside
from ftbench.vouching.standing import Standings
from ftbench.vouching.strays import other_packages, strays

if TYPE_CHECKING:
    from ftbench.runner.opening import Request

LOOK_SECONDS = 1.0
"""Between two looks at a cell that another run holds."""


@dataclass
class Outcome:
    """How each cell of a plan ended."""

    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """key -> reason."""
    kinds: dict[str, str] = field(default_factory=dict)
    """key -> in what way a cell failed; see ``storage.failure``."""
    untried: set[str] = field(default_factory=set)
    """Cells that failed in an earlier run, and would again."""
    remarks: dict[str, str] = field(default_factory=dict)
    """key -> what a reader should know of a cell that was kept."""

    def ended(self, cell: Cell) -> bool:
        """Whether a cell came to its end."""
        return cell.key in self.summaries or cell.key in self.failed


class Executor(Protocol):
    """Who works on cells, of which it is handed no more at a time than it has jobs."""

    @property
    def jobs(self) -> int:
        """Cells that it works on at a time."""
        ...

    def begin(self, cell: Cell, title: str, evidence: Evidence, listener: Listener) -> None:
        """Work on a cell, now or in the background; all that it needs is done."""
        ...

    def ended(self, seconds: float) -> Sequence[tuple[Cell, Ended]]:
        """Cells that came to their end since this was asked; waits up to ``seconds`` for the first of them.

        Raises CannotWrite.
        """
        ...

    def stop(self) -> Sequence[tuple[Cell, Ended]]:
        """Let trainings keep a checkpoint and end everything; the cells that this ended, or that ended meanwhile."""
        ...


class Here:
    """Works in this process, on one cell after the other."""

    jobs = 1

    def __init__(self, bench: Bench, request: Request | None, standings: Standings) -> None:
        self.bench, self.request, self.standings = bench, request, standings
        self._ended: list[tuple[Cell, Ended]] = []

    def begin(self, cell: Cell, title: str, evidence: Evidence, listener: Listener) -> None:
        """Work on it until it ends."""
        made = attempt(
            cell,
            title,
            bench=self.bench,
            request=self.request,
            standings=self.standings,
            evidence=evidence,
            listener=listener,
        )
        self._ended.append((cell, made))

    def ended(self, seconds: float) -> Sequence[tuple[Cell, Ended]]:
        """What was begun has ended."""
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> Sequence[tuple[Cell, Ended]]:
        """Nothing goes on that could be stopped."""
        return self.ended(0)


Executors = Callable[[Sequence[Cell]], AbstractContextManager[Executor] | None]
"""The executor for the cells that are to do, as long as it is entered; None: they are worked on here."""


def run(
    plan: Plan,
    bench: Bench,
    request: Request | None = None,
    before_risk: Callable[[Outcome], object] = lambda outcome: None,
    *,
    executors: Executors = lambda cells: None,
    outcome: Outcome | None = None,
) -> Outcome:
    """Run what is unfinished, or does not stand. Interruptions and CannotWrite pass through; the rest fails a cell.

    ``request`` is what other processes open the same benchmark by, to share a training; None: nothing is shared.
    ``before_risk`` gets what is done before cells are tried that ended their process last time. ``outcome`` is filled
    as cells end, for who wants to know it of a run that is interrupted.
    """
    outcome = outcome if outcome is not None else Outcome()
    for cell in plan.cells:
        for line in set_damage_aside(cell, bench.folder(cell), jobs.KEEPS[cell.kind]):
            bench.say(line, loud=True)
        bench.folder(cell).sweep()
    rerun = request.rerun if request else "code"
    standings = Standings(bench.store, bench.plugins, rerun)
    if any(standings.expected(cell).summary is None for cell in plan.cells):
        _load_parts(plan)
        # What was read of their sources before may be older than what was loaded.
        standings = Standings(bench.store, bench.plugins, rerun)
    lost = strays(plan, standings)
    if lost:
        raise BadInput("\n".join(lost))
    titles = {
        cell.key: f"[{number}/{len(plan.cells)}] {cell.kind} {cell.label.removeprefix('fit ')}"
        for number, cell in enumerate(plan.cells, start=1)
    }
    retry = bool(request and request.retry_failed)
    unfinished = [cell for cell in plan.cells if standings.expected(cell).summary is None]
    left = [cell for cell in unfinished if retry or not standings.fails_again(cell)]
    with executors(left) or contextlib.nullcontext(Here(bench, request, standings)) as executor:
        queue = _Queue(plan, titles, bench, standings, executor, outcome, retry)
        queue.say_what_is_left()
        for key, why in other_packages(plan, standings).items():
            bench.say(f"{titles[key]}: {why}")
        risky = risky_ones(plan, standings)
        queue.work([cell for cell in plan.cells if cell.key not in risky])
        if risky:
            for cell in plan.cells:
                if cell.key in risky and bench.folder(cell).ended_its_process():
                    bench.say(f"{titles[cell.key]}: ended its process last time, so it is tried last", loud=True)
            before_risk(outcome)
            queue.work([cell for cell in plan.cells if cell.key in risky])
    return outcome


@dataclass
class _Queue:
    """Cells that are brought to an end, each when all that it needs is, those first that no other run holds."""

    plan: Plan
    titles: Mapping[str, str]
    bench: Bench
    standings: Standings
    executor: Executor
    outcome: Outcome
    retry: bool = False
    """Try cells again that failed, though nothing has changed."""
    elsewhere: set[str] = field(default_factory=set)
    """Cells that were held by another run when their turn came."""
    begun: dict[str, Aloud] = field(default_factory=dict)
    """Cells that the executor works on."""
    waits: TopologicalSorter[str] = field(default_factory=TopologicalSorter)
    """Which cells wait for which: it knows whose turn it is without a look at all of them."""
    turns: list[tuple[int, Cell]] = field(default_factory=list)
    """A heap of the cells whose turn it is, by their place in the plan."""
    later: list[tuple[int, Cell]] = field(default_factory=list)
    """Cells that were held by another run in their turn."""
    looked: float = 0.0
    told: float = -math.inf
    """When held cells were given another turn, and when it was said what is left."""

    @cached_property
    def places(self) -> dict[str, tuple[int, Cell]]:
        """Each cell of the plan by its key."""
        return {cell.key: (place, cell) for place, cell in enumerate(self.plan.cells)}

    def say_what_is_left(self) -> None:
        """Say it, and how long it may take. All cells are counted for that, so not after each of many short ones."""
        if time.monotonic() - self.told >= LOOK_SECONDS:
            self.bench.say(
                to_do(self.plan.cells, lambda cell: self.standings.expected(cell).summary, self.executor.jobs)
            )
            self.told = time.monotonic()

    def work(self, cells: list[Cell]) -> None:
        """Bring all of them to an end."""
        keys = {cell.key for cell in cells}
        # Of an input outside the plan the work itself finds out whether it is there.
        self.waits = TopologicalSorter({cell.key: keys.intersection(one.key for one in cell.inputs) for cell in cells})
        self.waits.prepare()
        waited: list[str] = []
        try:
            while self.waits.is_active():
                stopping.check()
                for key in self.waits.get_ready():
                    heapq.heappush(self.turns, self.places[key])
                self._look_again()
                if self.turns and len(self.begun) < self.executor.jobs:
                    self._turn(heapq.heappop(self.turns)[1])
                elif self.turns or self.begun:
                    self._take(self.executor.ended(LOOK_SECONDS))
                else:
                    held = [self.titles[cell.key] for _, cell in sorted(self.later)]
                    if held != waited:
                        self.bench.say(f"waiting for another run, which works on: {', '.join(held)}")
                        waited = held
                    time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            self._take(self.executor.stop())
            raise

    def _look_again(self) -> None:
        if self.later and time.monotonic() - self.looked >= LOOK_SECONDS:
            for one in self.later:
                heapq.heappush(self.turns, one)
            self.later, self.looked = [], time.monotonic()

    def _turn(self, cell: Cell) -> None:
        """A cell is found, or left out, or begun, which may be all that it takes."""
        title = self.titles[cell.key]
        if self._found(cell):
            self.waits.done(cell.key)
        elif cell.key in self.elsewhere and not self.bench.folder(cell).is_free():
            # One process judges how long a claim has stood still; those that work see it now and then.
            self.later.append(self.places[cell.key])
        elif any(needed.key in self.outcome.failed for needed in cell.inputs):
            self._failed(cell, "a cell that it needs failed", "needs")
            self.bench.say(f"{title}: left out, a cell that it needs failed")
        elif not self.retry and (last := self.standings.fails_again(cell)):
            self._failed(cell, last.reason, last.kind)
            self.outcome.untried.add(cell.key)
            self.bench.say(
                f"{title}: failed before, and nothing that it is made of has changed; left alone ({last.reason})"
            )
        else:
            listener = self.begun[cell.key] = Aloud(cell, title, self.bench)
            self.executor.begin(cell, title, self.standings.evidence(cell), listener)
            self._take(self.executor.ended(0))

    def _found(self, cell: Cell) -> bool:
        """Whether a cell is there, done before or by another run."""
        found = self.standings.anew(cell)
        if found.summary is None:
            return False
        self.outcome.summaries[cell.key] = dict(found.summary)
        by = "by another run" if cell.key in self.elsewhere else "before"
        self.bench.say(f"{self.titles[cell.key]}: done {by}, {found.remark or 'kept'}")
        if found.remark:
            self.outcome.remarks[cell.key] = found.remark
        return True

    def _failed(self, cell: Cell, reason: str, kind: str) -> None:
        self.outcome.failed[cell.key], self.outcome.kinds[cell.key] = reason, kind
        self.waits.done(cell.key)

    def _take(self, ends: Sequence[tuple[Cell, Ended]]) -> None:
        """Note how cells ended that were begun."""
        for cell, ended in ends:
            self.begun.pop(cell.key).ended(ended)
            if ended.how in ("made", "failed"):
                self.standings.anew(cell)
                if ended.how == "made":
                    self.outcome.summaries[cell.key] = dict(ended.summary)
                    self.waits.done(cell.key)
                else:
                    self._failed(cell, ended.reason, ended.kind)
                    failure.note(self.bench.folder(cell), ended.kind, ended.reason, self.standings.evidence(cell))
                if self.waits.is_active():
                    self.say_what_is_left()
            elif ended.how == "found" and self._found(cell):
                self.waits.done(cell.key)
            else:
                self.later.append(self.places[cell.key])
                if ended.how == "held" and cell.key not in self.elsewhere:
                    self.elsewhere.add(cell.key)
                    self.bench.say(f"{self.titles[cell.key]}: another run is working on it; later")


def _load_parts(plan: Plan) -> None:
    # Before hours of training, and while the sources are those that the evidence was made of.
    for chosen in chosen_parts(plan.cells):
        before = Surroundings.now()
        try:
            with exit_raises():
                chosen.record.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            record, by = chosen.record, chosen.provided
            raise BadInput(
                f"{record.kind} {record.name!r} of {by.distribution} {by.version} cannot be loaded: "
                f"{told(error)}; mend that distribution or name another part"
            ) from error
        finally:
            before.restored()
