"""A benchmark from its file to its tables: what ``ftbench run`` and ``ftbench.run`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftbench.console import Console
from ftbench.errors import CellFailed
from ftbench.machine import supervision
from ftbench.parts.evidence import Rerun
from ftbench.parts.isolation import not_left
from ftbench.publish import observers, write
from ftbench.publish.folder import folder_for
from ftbench.runner import executor
from ftbench.runner.opening import Opened, Request, open_benchmark

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


def run_request(request: Request, console: Console, *, keep: bool = False, tracked: Sequence[str] = ()) -> Ran:
    """Open, run and write a benchmark. Raises BadInput before anything is computed; failed cells are in the answer.

    Args:
        request: what to run.
        console: where progress and the main tables are printed.
        keep: replace tables that the repository keeps.
        tracked: trackers, ``NAME`` or ``NAME=WHERE`` each.
    """
    with not_left():
        opened = open_benchmark(request, console)
    supervision.notes.write(store=str(opened.bench.store.root.absolute()))
    folder = folder_for(opened, keep)
    plugins = opened.bench.plugins
    track = observers.asked(tracked, plugins, str(folder))
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
    with not_left(), observers.told_when_stopped(plugins):
        outcome = executor.run(
            opened.plan,
            opened.bench,
            request,
            before_risk=lambda done: write.write(opened, done, folder, keep, console),
        )
        rows = write.write(opened, outcome, folder, keep, console)
    plugins.tell("ftbench_run_finished", folder=str(folder), failed=len(outcome.failed), results=rows)
    return Ran(folder, len(opened.plan.cells), outcome.failed)


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
) -> dict[str, pd.DataFrame]:
    """Run a benchmark and return its tables, as ``ftbench.results`` does. Finished cells are kept and found again.

    Args:
        benchmark: a YAML file, or the name of a built-in one.
        scale: ``"small"``, ``"medium"``, ``"full"``; None: full with a GPU, else small.
        data: a folder of faces instead of the benchmark's data set.
        out: the results folder.
        settings: overrides by dotted key, such as ``{"train.steps": 10}``.
        allow: Python files that the benchmark may run as plugins.
        rerun: when a finished cell runs again although its settings are the same: when code behind it changed
            (``"code"``), a library as well (``"code+libraries"``), or never (``"key"``).
        quiet: print nothing.

    Raises BadInput for what is wrong with the file or its parts, and CellFailed, with every reason, where cells failed;
    what finished is kept.
    """
    import json

    assignments = [f"{key}={json.dumps(value)}" for key, value in (settings or {}).items()]
    request = Request(str(benchmark), scale, data, Path(out), assignments, [Path(file) for file in allow], rerun)
    ran = run_request(request, Console(quiet=quiet))
    if ran.failed:
        raise CellFailed(f"{len(ran.failed)} of {ran.cells} cells failed: {'; '.join(ran.failed.values())}")
    return results(ran.folder)


def results(folder: str | Path) -> dict[str, pd.DataFrame]:
    """The tables of a results folder by name (``main``, ``pairs``, …), values as numbers, rates from 0 to 1.

    Raises BadInput where the folder holds no tables.
    """
    import pandas as pd

    from ftbench.errors import BadInput

    tables = sorted((Path(folder) / "tables").glob("*.csv"))
    if not tables:
        raise BadInput(f"{folder} holds no tables; give a folder such as results/<benchmark>/<data>-<scale>")
    return {table.stem: pd.read_csv(table) for table in tables}
