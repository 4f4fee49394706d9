"""MLflow: what becomes of runs that were killed, repeated or could not be sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from ftbench_trackers import runs as runs_module
from ftbench_trackers.runs import Runs, client

CELL = "c0ffee" * 10
COLUMNS = {"encoder": "unet-resnet18", "1 − SSIM": "0.5"}


@pytest.fixture
def uri(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The store; artifacts go under the working folder."""
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{store}"


def opened(uri: str, name: str, folder: Path, settings: dict[str, Any] | None = None) -> Runs:
    return Runs(uri, name, "small", folder, settings or {"name": name})


def steps(reader: MlflowClient, run: str) -> list[int]:
    return sorted(metric.step for metric in reader.get_metric_history(run, "loss"))


def found(reader: MlflowClient, runs: Runs, filter_string: str = "") -> list[Run]:
    return list(reader.search_runs([runs.experiment], filter_string))


def test_a_killed_run_is_ended_and_its_cell_gone_on_with(uri: str, tmp_path: Path) -> None:
    reader = client(uri)
    killed = opened(uri, "killed", tmp_path)
    killed.begin(CELL, "λ=1", "train", COLUMNS)
    for step in (20, 40):
        killed.curve(CELL, step, {"step": step, "loss": 1 / step})
    cell = killed.cells[CELL].run
    assert reader.get_run(killed.parent).info.status == "RUNNING"

    second = opened(uri, "killed", tmp_path)
    assert reader.get_run(killed.parent).info.status == "KILLED"
    assert reader.get_run(cell).info.status == "KILLED"
    second.begin(CELL, "λ=1", "train", COLUMNS)
    assert reader.get_run(cell).info.status == "RUNNING"
    for step in (40, 60):
        second.curve(CELL, step, {"step": step, "loss": 1 / step})
    second.end(CELL, "done", {})
    assert steps(reader, cell) == [20, 40, 60]
    assert reader.get_run(cell).info.status == "FINISHED"
    assert reader.get_run(cell).data.tags["mlflow.parentRunId"] == second.parent
    assert reader.get_run(cell).data.params == {"encoder": "unet-resnet18", "1 - SSIM": "0.5"}

    # Computed anew, as where the results folder's store was deleted: what is finished stays as it is.
    second.begin(CELL, "λ=1", "train", COLUMNS)
    second.curve(CELL, 20, {"loss": 3.0})
    assert second.cells[CELL].run != cell
    assert steps(reader, cell) == [20, 40, 60]
    second.stop("CannotWrite: the disk is full")
    assert reader.get_run(second.parent).info.status == "FAILED"
    assert {run.info.status for run in found(reader, second)} == {"FAILED", "FINISHED", "KILLED"}


def test_the_same_cell_in_another_folder_is_another_run(uri: str, tmp_path: Path) -> None:
    reader = client(uri)
    here, there = opened(uri, "folders", tmp_path / "a"), opened(uri, "folders", tmp_path / "b")
    assert reader.get_run(here.parent).info.status == "RUNNING"
    for runs in (here, there):
        runs.begin(CELL, "λ=1", "train", {})
    assert here.cells[CELL].run != there.cells[CELL].run
    for runs in (here, there):
        runs.stop("interrupted")
    assert {run.info.status for run in found(reader, here)} == {"KILLED"}


def test_a_failed_cell_says_why(uri: str, tmp_path: Path) -> None:
    runs = opened(uri, "failed", tmp_path)
    runs.begin(CELL, "λ=1", "train", {})
    cell = runs.cells[CELL].run
    runs.end(CELL, "failed", {"status": "failed", "reason": "loss is not a finite number"})
    read = client(uri).get_run(cell)
    assert (read.info.status, read.data.tags["ftbench.reason"]) == ("FAILED", "loss is not a finite number")
    runs.stop("interrupted")


def test_settings_beyond_the_limits_are_logged_all_the_same(uri: str, tmp_path: Path) -> None:
    settings = {
        "long": "x" * 10_000,
        "k" * 400: 1,
        "odd (name) %": True,
        "many": {f"key-{number}": number for number in range(250)},
        "rows": [{"name": "jpeg", "quality": [90, 50]}, [1, [2]]],
    }
    runs = opened(uri, "limits", tmp_path, settings)
    parameters = client(uri).get_run(runs.parent).data.params
    assert len(parameters["long"]) == 500
    assert parameters["k" * 250] == "1"
    assert parameters["odd _name_ _"] == "True"
    assert sum(key.startswith("many.") for key in parameters) == 250
    assert (parameters["rows.0.quality"], parameters["rows.1.1"]) == ("[90, 50]", "[2]")
    runs.stop("interrupted")


def test_what_a_store_that_is_away_misses_is_sent_later(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = opened(uri, "away", tmp_path)
    runs.begin(CELL, "λ=1", "train", {})
    cell, calls = runs.cells[CELL].run, []

    def away(*_: Any, **__: Any) -> None:
        calls.append(1)
        raise MlflowException("no route to host")

    with monkeypatch.context() as broken:
        broken.setattr(runs.client, "log_batch", away)
        with pytest.raises(MlflowException, match="no route"):
            runs.curve(CELL, 20, {"loss": 3.0})
        runs.curve(CELL, 40, {"loss": 2.0})
        assert len(calls) == 1, "a store that is away is left alone for a while, so that the training goes on"
        with pytest.raises(MlflowException, match="no route"):
            runs.end(CELL, "stalled", {"status": "stalled"})
    (tmp_path / "tables").mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    runs.finish(tmp_path, 0, [])
    assert steps(client(uri), cell) == [20, 40]
    read = client(uri).get_run(cell)
    assert (read.info.status, read.data.tags["ftbench.status"]) == ("FINISHED", "stalled")
    assert runs_module.PAUSE >= 10


def test_rows_of_cells_that_were_done_before_get_a_run(uri: str, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    row = {"cell": CELL, "label": "λ=1", "psnr_all_value": 30.5, "psnr_all_n": 15, "ssim_all_value": None}
    for _ in range(2):
        runs = opened(uri, "kept", tmp_path)
        runs.finish(tmp_path, 0, [row])
    [cell] = found(client(uri), runs, f"tags.`ftbench.plan.keys` = '{CELL}'")
    assert cell.data.metrics == {"psnr_all_value": 30.5, "psnr_all_n": 15.0}
    assert len(client(uri).get_metric_history(cell.info.run_id, "psnr_all_value")) == 1
    assert (cell.info.status, cell.info.run_name) == ("FINISHED", "evaluate λ=1")
