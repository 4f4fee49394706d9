"""``--track mlflow[=URI]``: parameters, curves, results and tables in an MLflow store.

Everything that needs the library is in ``ftbench_trackers.runs``, imported when a run is tracked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ftbench
from ftbench.storage.places import place
from ftbench_trackers.places import at_hand, unusable_sqlite

if TYPE_CHECKING:
    from ftbench_trackers.runs import Runs

NAME = "mlflow"
SQLITE = "sqlite:///"
DELETED = "deleted"
"""The stage of an experiment that was removed and not yet collected."""
ENVIRONMENT = {
    # The library reports its use to its makers unless told not to.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # A server that is away must not hold a training up for minutes; what could not be sent is sent later.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Read by the library when it is imported; what the user has set stays."""
_open: dict[str, Runs] = {}
"""The run being tracked; plugins are modules, so it is kept here."""


@ftbench.hookimpl
def ftbench_track_objection(where: str, folder: str) -> str | None:
    """The library is missing, the store cannot be opened, or its experiment was deleted."""
    uri = where or os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith(SQLITE) and (objection := unusable_sqlite(Path(uri.removeprefix(SQLITE).partition("?")[0]))):
        return objection
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from ftbench_trackers.runs import client, experiment_name
    except ImportError as error:
        return f"MLflow cannot be imported ({error}); pip install 'ftbench[mlflow]'"
    try:
        found = client(where).get_experiment_by_name(name := experiment_name(place(folder)))
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return f"the store {uri or 'that MLflow uses by default'} cannot be opened: {reason}"
    if found is not None and found.lifecycle_stage == DELETED:
        return (
            f"its experiment {name!r} was deleted and takes no runs; 'mlflow experiments restore --experiment-id "
            f"{found.experiment_id}' brings it back, 'mlflow gc' removes it for good, and =WHERE names another store"
        )
    return None


@ftbench.hookimpl
def ftbench_run_started(
    benchmark: str, scale: str, track: Mapping[str, str], folder: str, settings: Mapping[str, Any]
) -> None:
    """Open the run that holds all cells."""
    _open.clear()
    if NAME in track:
        from ftbench_trackers.runs import Runs

        _open[NAME] = Runs(track[NAME], benchmark, scale, place(folder), settings)


@ftbench.hookimpl
def ftbench_cell_started(cell: str, label: str, kind: str, columns: Mapping[str, str]) -> None:
    """Open a run for the cell, or go on with one that never ended."""
    if runs := _open.get(NAME):
        runs.begin(cell, label, kind, columns)


@ftbench.hookimpl
def ftbench_progress(cell: str, step: int, values: Mapping[str, float]) -> None:
    """A row of a curve."""
    if runs := _open.get(NAME):
        runs.curve(cell, step, values)


@ftbench.hookimpl
def ftbench_cell_finished(cell: str, status: str, summary: Mapping[str, Any]) -> None:
    """How the cell ended."""
    if runs := _open.get(NAME):
        runs.end(cell, status, summary)


@ftbench.hookimpl
def ftbench_run_finished(folder: str, failed: int, results: Sequence[Mapping[str, Any]]) -> None:
    """Results, tables, and the end."""
    if runs := _open.pop(NAME, None):
        with at_hand(folder) as results_folder:
            runs.finish(results_folder, failed, results)


@ftbench.hookimpl
def ftbench_run_stopped(reason: str) -> None:
    """The end, without results."""
    if runs := _open.pop(NAME, None):
        runs.stop(reason)
