"""Runs in an MLflow store: one experiment a benchmark, one run an ``ftbench run``, one nested run a cell.

Nothing is set globally: every call names its run. A cell is known by its identity and by the results folder that
it belongs to. A run of it that never finished is gone on with, rows of its curve that are there already left out,
as a resumed training repeats them; a finished one is never touched, and the cell computed anew is a new run.
"""

from __future__ import annotations

import hashlib
import platform
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run

from ftbench import provenance
from ftbench_trackers.names import flat, numbers_of, settings_of
from ftbench_trackers.places import charts

Entry = TypeVar("Entry")
KEY_LETTERS, VALUE_LETTERS, AT_ONCE = 250, 500, 100
"""Limits of the store: of a name, of a parameter (the strictest release's), of what one call may carry."""
PAUSE = 60.0
"""Seconds before a store that failed is tried again for the rows of a curve."""
IDENTITY, KIND, PLACE, STATUS, PARENT = (
    "ftbench.identity",
    "ftbench.kind",
    "ftbench.place",
    "ftbench.status",
    "mlflow.parentRunId",
)


def client(where: str) -> MlflowClient:
    """A client of the store ``where``; of ``MLFLOW_TRACKING_URI`` or the library's default where that is empty."""
    with warnings.catch_warnings():
        # The library's own tables, against SQLAlchemy 2.1.
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
        return MlflowClient(tracking_uri=where or None)


def experiment_name(folder: Path) -> str:
    """The experiment that a results folder's runs stand in: its benchmark's name."""
    return folder.parent.name


@dataclass
class _Cell:
    """A cell's run while it is open."""

    run: str
    last: int = -1
    """The last step that the store holds."""
    pending: list[Metric] = field(default_factory=list)
    retry_at: float = 0.0
    ended: Mapping[str, Any] = field(default_factory=dict)
    """The summary that it ended with."""


class Runs:
    """Writes one ``ftbench run``. Raises whatever the library raises when the store cannot be reached."""

    def __init__(self, where: str, benchmark: str, scale: str, folder: Path, settings: Mapping[str, Any]) -> None:
        self.client = client(where)
        known = self.client.get_experiment_by_name(benchmark)
        self.experiment = known.experiment_id if known else self.client.create_experiment(benchmark)
        # Of this folder on this machine, and telling neither.
        self.place = hashlib.sha256(f"{platform.node()}\0{folder.resolve()}".encode()).hexdigest()[:16]
        self.cells: dict[str, _Cell] = {}
        self._end_left_open()
        code = provenance.code()
        self.parent = self._create(
            folder.name, {"ftbench.version": code["ftbench"], "ftbench.commit": code["commit"], "ftbench.scale": scale}
        )
        self._params(self.parent, dict(flat(settings)))
        # Whole, since a parameter is cut where the store's limit is.
        self.client.log_dict(self.parent, dict(settings), "settings.json")

    def begin(self, cell: str, label: str, kind: str, columns: Mapping[str, str]) -> None:
        """Open a cell's run."""
        found = self._of(cell)
        if found is None or found.info.status == "FINISHED":
            self.cells[cell] = _Cell(self._nested(cell, label, kind, columns))
            return
        run = found.info.run_id
        self.client.set_tag(run, PARENT, self.parent)
        self.client.update_run(run, status="RUNNING")
        steps = (metric.step for name in found.data.metrics for metric in self.client.get_metric_history(run, name))
        self.cells[cell] = _Cell(run, last=max(steps, default=-1))

    def curve(self, cell: str, step: int, values: Mapping[str, float]) -> None:
        """One row of a curve; kept back while the store is away."""
        opened = self.cells.get(cell)
        if opened is None or step <= opened.last:
            return
        now = _now()
        opened.pending += [Metric(_key(name), value, now, step) for name, value in values.items() if name != "step"]
        if time.monotonic() >= opened.retry_at:
            self._send(opened)

    def end(self, cell: str, status: str, summary: Mapping[str, Any]) -> None:
        """Close a cell's run: failed ones as FAILED with the reason, stalled ones as FINISHED with that tag."""
        if opened := self.cells.get(cell):
            opened.ended = {"status": status, **summary}
            self._close(cell, opened)

    def finish(self, folder: Path, failed: int, results: Sequence[Mapping[str, Any]]) -> None:
        """Rows of the main table as metrics of their cells, tables and charts as artifacts; then close."""
        for cell, opened in list(self.cells.items()):
            # The store was away when it ended.
            self._close(cell, opened)
        for row in results:
            self._row(row)
        self.client.log_artifacts(self.parent, str(folder / "tables"), "tables")
        self.client.log_artifact(self.parent, str(folder / "manifest.json"))
        for chart in charts(folder):
            self.client.log_artifact(self.parent, str(chart), "figures")
        self.client.set_tag(self.parent, "ftbench.failed", str(failed))
        self.client.set_terminated(self.parent, "FAILED" if failed else "FINISHED")

    def stop(self, reason: str) -> None:
        """Close what is open: KILLED after an interruption, else FAILED."""
        status = "KILLED" if reason == "interrupted" else "FAILED"
        self.client.set_tag(self.parent, "ftbench.reason", reason[:VALUE_LETTERS])
        for run in (*(opened.run for opened in self.cells.values()), self.parent):
            self.client.set_terminated(run, status)

    def _row(self, row: Mapping[str, Any]) -> None:
        found = self._of(row["cell"])
        # A cell that was done before any run was tracked has no run yet.
        run = found.info.run_id if found else self._nested(row["cell"], row["label"], "evaluate", settings_of(row))
        if found and found.data.metrics:
            return
        now = _now()
        for some in _pieces([Metric(_key(name), value, now, 0) for name, value in numbers_of(row).items()]):
            self.client.log_batch(run, metrics=some)
        if not found:
            self.client.set_terminated(run, "FINISHED")

    def _close(self, cell: str, opened: _Cell) -> None:
        self._send(opened)
        status = str(opened.ended.get("status", "unknown"))
        self.client.set_tag(opened.run, STATUS, status)
        if "reason" in opened.ended:
            self.client.set_tag(opened.run, "ftbench.reason", str(opened.ended["reason"])[:VALUE_LETTERS])
        self.client.set_terminated(opened.run, "FAILED" if status == "failed" else "FINISHED")
        del self.cells[cell]

    def _send(self, opened: _Cell) -> None:
        while opened.pending:
            try:
                self.client.log_batch(opened.run, metrics=opened.pending[:AT_ONCE])
            except Exception:
                opened.retry_at = time.monotonic() + PAUSE
                raise
            del opened.pending[:AT_ONCE]

    def _nested(self, cell: str, label: str, kind: str, columns: Mapping[str, str]) -> str:
        run = self._create(f"{kind} {label.removeprefix('fit ')}", {PARENT: self.parent, IDENTITY: cell, KIND: kind})
        self._params(run, columns)
        return run

    def _create(self, name: str, tags: Mapping[str, str]) -> str:
        created = self.client.create_run(self.experiment, run_name=name, tags={**tags, PLACE: self.place})
        return str(created.info.run_id)

    def _params(self, run: str, values: Mapping[str, Any]) -> None:
        # By key, since two names may be spelt alike; the last is kept, and none refused.
        named = {_key(name): _cut(str(value)) for name, value in values.items()}
        for some in _pieces([Param(key, value) for key, value in named.items()]):
            self.client.log_batch(run, params=some)

    def _of(self, cell: str) -> Run | None:
        """The latest run of a cell of this results folder."""
        return next(iter(self._search(f"tags.`{IDENTITY}` = '{cell}'", most=1)), None)

    def _end_left_open(self) -> None:
        """Runs of this folder whose process was killed tell so from now on; one that still lives ends itself."""
        for run in self._search("attributes.status = 'RUNNING'", most=AT_ONCE):
            self.client.set_terminated(run.info.run_id, "KILLED")

    def _search(self, which: str, most: int) -> list[Run]:
        found = self.client.search_runs(
            [self.experiment],
            f"{which} and tags.`{PLACE}` = '{self.place}'",
            order_by=["attributes.start_time DESC"],
            max_results=most,
        )
        return list(found)


def _key(name: str) -> str:
    return re.sub(r"[^\w./ :-]", "_", name.replace("−", "-"))[:KEY_LETTERS]


def _cut(value: str) -> str:
    return value if len(value) <= VALUE_LETTERS else value[: VALUE_LETTERS - 1] + "…"


def _now() -> int:
    return int(time.time() * 1000)


def _pieces(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    for start in range(0, len(entries), AT_ONCE):
        yield list(entries[start : start + AT_ONCE])
