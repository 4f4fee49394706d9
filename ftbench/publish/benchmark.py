"""A benchmark from its file to its tables: what ``ftbench run`` and ``ftbench.run`` do."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftbench import stopping
from ftbench.cluster.jobs import executors, on_cluster
from ftbench.console import Console
from ftbench.errors import BadInput, CellFailed, ClusterGone, OutOfTime
from ftbench.machine import supervision
from ftbench.parts.evidence import Rerun
from ftbench.parts.isolation import not_left
from ftbench.progress import seconds_in
from ftbench.publish import failures, observers, write
from ftbench.publish.folder import folder_for
from ftbench.publish.profile import profile_table
from ftbench.runner import executor
from ftbench.runner.executor import Outcome
from ftbench.runner.opening import Opened, Request, open_benchmark
from ftbench.storage.places import is_remote, place

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5
"""Images set aside that are named one by one."""


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    folder: Path
    cells: int
    failed: Mapping[str, str]
    """Reasons by cell."""
    told: Sequence[str] = ()
    """What is to be said of the failed ones last."""


def run_request(
    request: Request,
    console: Console,
    *,
    keep: bool = False,
    tracked: Sequence[str] = (),
    jobs: int | None = 1,
    scheduler: str | None = None,
    seconds: float | None = None,
) -> Ran:
    """Open, run and write a benchmark. Raises BadInput before anything is computed; failed cells are in the answer.

    Raises Stopped where it was asked to stop, and ClusterGone where the scheduler is gone, after the tables of what was
    finished by then.

    Args:
        request: what to run.
        console: where progress and the main tables are printed.
        keep: replace tables that the repository keeps.
        tracked: trackers, ``NAME`` or ``NAME=WHERE`` each.
        jobs: cells that are worked on side by side; None: as many as the processors gain from.
        scheduler: address or file of a Dask scheduler whose workers do the work instead.
        seconds: after which it is asked to stop; None: never.
    """
    outcome = Outcome()
    with contextlib.ExitStack() as stack:
        # What is finished is written even where time is up meanwhile.
        timed = stack.enter_context(contextlib.ExitStack())
        timed.enter_context(stopping.within(seconds))
        with not_left():
            opened = open_benchmark(replace(request, here=scheduler is None), console)
        root = opened.bench.store.root
        supervision.notes.write(store=str(root if is_remote(root) else root.absolute()))
        folder = folder_for(opened, keep)
        plugins = opened.bench.plugins
        track = observers.asked(tracked, plugins, str(folder))
        if scheduler is None:
            chosen = executors(jobs, opened, request)
        else:
            from ftbench.publish.costs import each

            cost_of = each(opened)
            chosen = on_cluster(scheduler, opened, request, lambda cell: cost_of(cell).memory)
        _announce(opened, folder, console)
        observers.start(
            plugins,
            benchmark=opened.benchmark.name,
            scale=opened.scale,
            cells=len(opened.plan.cells),
            track=track,
            folder=str(folder),
            settings=write.configuration(opened),
        )
        stack.enter_context(not_left())
        stack.enter_context(observers.told_when_stopped(plugins))
        try:
            executor.run(
                opened.plan,
                opened.bench,
                request,
                before_risk=lambda done: write.write(opened, done, folder, keep, console),
                executors=chosen,
                outcome=outcome,
            )
        except (stopping.Stopped, ClusterGone):
            _write_finished(opened, outcome, folder, keep, console)
            raise
        timed.close()
        rows = write.write(opened, outcome, folder, keep, console)
        if request.profile:
            console.print(profile_table(opened.plan, outcome.summaries), highlight=False, markup=False, soft_wrap=True)
    plugins.tell("ftbench_run_finished", folder=str(folder), failed=len(outcome.failed), results=rows)
    return Ran(folder, len(opened.plan.cells), outcome.failed, failures.told(opened, outcome))


def _write_finished(opened: Opened, outcome: Outcome, folder: Path, keep: bool, console: Console) -> None:
    """The tables of a run that was stopped; kept ones are never replaced by these."""
    cells, evaluations = opened.plan.cells, opened.plan.evaluations
    console.print(f"stopped with {sum(map(outcome.ended, cells))} of {len(cells)} cells done", highlight=False)
    if keep or not any(cell.key in outcome.summaries for cell in evaluations):
        return
    missing = {cell.key: "the run was stopped before it was done" for cell in cells if not outcome.ended(cell)}
    write.write(opened, replace(outcome, failed=outcome.failed | missing), folder, keep, console)


def _announce(opened: Opened, folder: Path, console: Console) -> None:
    bench, compute = opened.bench, opened.bench.compute
    console.print(
        f"{len(opened.plan.cells)} cells on {compute.device}, {compute.precision}, {compute.threads} threads; "
        f"data {bench.data.name} ({bench.data.digest[:12]}), {bench.data.size} px; results in {folder}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    set_aside = bench.data.source.set_aside
    for name, reason in set_aside[:SHOWN]:
        console.print(f"set aside: {name}: {reason}", highlight=False, markup=False)
    if len(set_aside) > SHOWN:
        console.print(f"set aside: {len(set_aside) - SHOWN} more, listed in the manifest")


def run(
    benchmark: str | Path,
    *,
    scale: str | None = None,
    data: str | None = None,
    out: str | Path = "results",
    settings: Mapping[str, Any] | None = None,
    allow: Sequence[str | Path] = (),
    rerun: Rerun = "code",
    quiet: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    within: str | None = None,
    retry_failed: bool = False,
) -> dict[str, pd.DataFrame]:
    """Run a benchmark and return its tables, as ``ftbench.results`` does. Finished cells are kept and found again.

    Args:
        benchmark: a YAML file, or the name of a built-in one.
        scale: ``"small"``, ``"medium"``, ``"full"``; None: full with a GPU, else small.
        data: a folder of faces instead of the benchmark's data set.
        out: the results folder; also a URL such as ``"s3://bucket/results"``.
        settings: overrides by dotted key, such as ``{"train.steps": 10}``.
        allow: Python files that the benchmark may run as plugins.
        rerun: when a finished cell runs again although its settings are the same: when code behind it changed
            (``"code"``), a library as well (``"code+libraries"``), or never (``"key"``).
        quiet: print nothing.
        jobs: cells that are worked on side by side, each in a process of its own. A script that asks for more than
            one must be importable: its own work stands under ``if __name__ == "__main__":``.
        scheduler: address or file of a Dask scheduler whose workers do the work instead, such as
            ``"tcp://10.0.0.1:8786"``.
        within: how long it may take, such as ``"90s"``, ``"9m"`` or ``"1h30m"``; None: as long as it likes.
        retry_failed: try cells again that failed before, though nothing that they are made of has changed.

    Raises BadInput for what is wrong with the file or its parts, CellFailed, with every reason, where cells failed,
    OutOfTime where its time was up, and ClusterGone where the scheduler is gone: what finished is kept, and the same
    call goes on from there.
    """
    import json

    assignments = [f"{key}={json.dumps(value)}" for key, value in (settings or {}).items()]
    files = [Path(file) for file in allow]
    request = Request(str(benchmark), scale, data, place(out), assignments, files, rerun, retry_failed=retry_failed)
    if jobs < 1:
        raise BadInput(f"jobs is {jobs}; it takes one at least to work on cells")
    console = Console(quiet=quiet)
    if within is None:
        ran = run_request(request, console, jobs=jobs, scheduler=scheduler)
    else:
        seconds = seconds_in(within, "within")
        with stopping.heeded():
            try:
                ran = run_request(request, console, jobs=jobs, scheduler=scheduler, seconds=seconds)
            except stopping.Stopped as stopped:
                if stopping.out_of_time():
                    raise OutOfTime(
                        f"{benchmark}: its time, {within}, is up; the same call goes on from here"
                    ) from None
                raise KeyboardInterrupt(str(stopped)) from None
    if ran.failed:
        raise CellFailed(f"{len(ran.failed)} of {ran.cells} cells failed: {'; '.join(ran.failed.values())}")
    return results(ran.folder)


def results(folder: str | Path) -> dict[str, pd.DataFrame]:
    """The tables of a results folder by name (``main``, ``pairs``, …), values as numbers, rates from 0 to 1.

    Raises BadInput where the folder holds no tables.
    """
    import pandas as pd

    tables = sorted((place(folder) / "tables").glob("*.csv"))
    if not tables:
        raise BadInput(f"{folder} holds no tables; give a folder such as results/<benchmark>/<data>-<scale>")
    return {table.stem: pd.read_csv(io.BytesIO(table.read_bytes())) for table in tables}
