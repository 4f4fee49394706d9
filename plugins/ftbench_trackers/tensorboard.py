"""``--track tensorboard[=FOLDER]``: curves, settings and results as event files.

Everything that needs the library is in ``ftbench_trackers.board``, imported when a run is tracked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ftbench
from ftbench.storage.places import is_remote, place
from ftbench_trackers.places import at_hand, unwritable

if TYPE_CHECKING:
    from ftbench_trackers.board import Board

NAME = "tensorboard"
_open: dict[str, Board] = {}
"""The run being tracked; plugins are modules, so it is kept here."""


@ftbench.hookimpl
def ftbench_track_objection(where: str, folder: str) -> str | None:
    """The library is missing, or the folder cannot be written."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: F401
    except ImportError as error:
        return f"TensorBoard cannot be imported ({error}); pip install 'ftbench[tensorboard]'"
    if not where and is_remote(place(folder)):
        return f"its files go into a folder of this machine, and the results to {folder}; name one, {NAME}=my/logs"
    return unwritable(log_folder(where, folder))


@ftbench.hookimpl
def ftbench_run_started(benchmark: str, track: Mapping[str, str], folder: str, settings: Mapping[str, Any]) -> None:
    """Open the run's own folder and write its settings."""
    _open.clear()
    if NAME in track:
        from ftbench_trackers.board import Board

        _open[NAME] = Board(log_folder(track[NAME], folder), f"{benchmark} {place(folder).name}", settings)


@ftbench.hookimpl
def ftbench_progress(cell: str, label: str, kind: str, step: int, values: Mapping[str, float]) -> None:
    """A row of a curve."""
    if board := _open.get(NAME):
        board.curve(cell, label, kind, step, values)


@ftbench.hookimpl
def ftbench_cell_finished(cell: str) -> None:
    """No more rows of this curve."""
    if board := _open.get(NAME):
        board.close(cell)


@ftbench.hookimpl
def ftbench_run_finished(folder: str, results: Sequence[Mapping[str, Any]]) -> None:
    """Results, charts, and the end."""
    if board := _open.pop(NAME, None):
        with at_hand(folder) as results_folder:
            board.finish(results_folder, results)


@ftbench.hookimpl
def ftbench_run_stopped(reason: str) -> None:
    """The end; what was logged is on disk."""
    if board := _open.pop(NAME, None):
        board.stop(reason)


def log_folder(where: str, folder: str) -> Path:
    """Where event files go: ``tensorboard/`` in the results folder, or a folder a run below the one that was named."""
    results = place(folder)
    return Path(where).expanduser() / results.parent.name / results.name if where else results / "tensorboard"
