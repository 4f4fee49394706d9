"""A real run through the command line, as TensorBoard's and MLflow's own readers see it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PageEvents
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from ftbench_trackers.runs import client
from tests.conftest import TINY
from tests.trackers.conftest import Tracked

EVALUATE = "evaluate"
VAL = {"fit": "fit-val/", "train": "val/"}


@pytest.fixture(scope="module")
def reader(tracked: Tracked) -> MlflowClient:
    return client(f"sqlite:///{tracked.store}")


@pytest.fixture(scope="module")
def runs(tracked: Tracked, reader: MlflowClient) -> list[Run]:
    experiment = reader.get_experiment_by_name("tiny")
    return list(reader.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))


@pytest.fixture(scope="module")
def main(tracked: Tracked) -> list[dict[str, str]]:
    return read_csv(tracked.folder / "tables" / "main.csv")


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def curves(tracked: Tracked) -> dict[tuple[str, str], dict[str, dict[int, float]]]:
    """(kind, start of the identity) -> name -> step -> value, as the store's files have them."""
    found = {}
    for file in tracked.cells.glob("*/curve.csv"):
        kind, _, identity = file.parent.name.partition("-")
        rows = read_csv(file)
        assert len(rows) > 1
        found[kind, identity] = {
            name: {round(float(row["step"])): float(row[name]) for row in rows if row[name]}
            for name in rows[0]
            if name != "step"
        }
    assert len(found) == 3
    return found


def read_events(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    return events.Reload()


def board(tracked: Tracked, kind: str, identity: str) -> EventAccumulator:
    [folder] = (tracked.folder / "tensorboard" / kind).glob(f"*-{identity[:8]}")
    return read_events(folder)


def of_cell(runs: list[Run], identity: str) -> Run:
    """There is one: an interrupted one was gone on with."""
    [run] = [run for run in runs if run.data.tags.get("ftbench.plan.keys", "").startswith(identity)]
    return run


def test_an_interruption_leaves_no_run_running(tracked: Tracked) -> None:
    assert tracked.interrupted == 130
    assert tracked.after_interruption == {
        "procedural-faces-small": "KILLED",
        "fit faceswap width=0.06 latent=16": "FINISHED",
        "train λ=1 α=0.1": "KILLED",
    }


def test_tensorboard_reads_every_curve_as_it_was_written(tracked: Tracked) -> None:
    for (kind, identity), curve in curves(tracked).items():
        events = board(tracked, kind, identity)
        expected = {
            VAL[kind] + name.removeprefix("val_") if name.startswith("val_") else f"{kind}/{name}": values
            for name, values in curve.items()
        }
        assert set(events.Tags()["scalars"]) == set(expected)
        for tag, values in expected.items():
            # An event holds 32 bits.
            shown = [(step, float(np.float32(value))) for step, value in values.items()]
            assert [(point.step, point.value) for point in events.Scalars(tag)] == shown, tag


def test_mlflow_reads_every_curve_as_it_was_written(tracked: Tracked, runs: list[Run], reader: MlflowClient) -> None:
    for (kind, identity), curve in curves(tracked).items():
        run = of_cell(runs, identity)
        assert (run.data.tags["ftbench.kind"], run.info.status) == (kind, "FINISHED")
        assert set(run.data.metrics) == set(curve)
        for name, values in curve.items():
            history = reader.get_metric_history(run.info.run_id, name)
            assert sorted((metric.step, metric.value) for metric in history) == sorted(values.items()), name


def test_both_read_the_main_table(tracked: Tracked, runs: list[Run], main: list[dict[str, str]]) -> None:
    assert len(main) == 2
    for row in main:
        run, events = of_cell(runs, row["cell"]), board(tracked, EVALUATE, row["cell"])
        expected = {
            name: float(value)
            for name, value in row.items()
            if name.endswith(("_value", "_low", "_high", "_n", "_identical")) and value
        }
        assert len(expected) > 30
        assert run.data.metrics == expected
        points = {tag.removeprefix("results/"): events.Scalars(tag) for tag in events.Tags()["scalars"]}
        read = {name: [(point.step, point.value) for point in values] for name, values in points.items()}
        assert read == {name: [(0, float(np.float32(value)))] for name, value in expected.items()}
        assert hyperparameters(events) == {name: value for name, value in row.items() if name not in expected}
        columns = ("encoder", "decoder", "codec", "seed")
        assert {key: run.data.params[key] for key in columns} == {key: row[key] for key in columns}
        assert (run.data.params["λ"], run.data.params["α"]) == (row["lambda"], row["alpha"])


def hyperparameters(events: EventAccumulator) -> dict[str, Any]:
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    session = HParamsPluginData.FromString(content).session_start_info
    return {key: value.string_value for key, value in session.hparams.items()}


def test_mlflow_nests_cells_in_the_run_that_finished_them(runs: list[Run]) -> None:
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [parent.info.status for parent in parents] == ["KILLED", "FINISHED"]
    first, second = (parent.info.run_id for parent in parents)
    nested = {run.info.run_name: run.data.tags["mlflow.parentRunId"] for run in runs if run not in parents}
    assert nested == {
        "fit faceswap width=0.06 latent=16": first,
        **dict.fromkeys(["train λ=1 α=0.1", "train λ=10 α=0.1", "evaluate λ=1 α=0.1", "evaluate λ=10 α=0.1"], second),
    }


def test_mlflow_holds_settings_tables_and_manifest(tracked: Tracked, runs: list[Run], tmp_path: Path) -> None:
    reader = client(f"sqlite:///{tracked.store}")
    parent = [run for run in runs if "mlflow.parentRunId" not in run.data.tags][-1]
    written = yaml.safe_load(TINY)
    parameters = parent.data.params
    assert parameters["matrix.loss.1.message"] == str(float(written["matrix"]["loss"][1]["message"]))
    assert parameters["dataset.identities"] == "2"
    assert parameters["train.steps"] == "60"
    assert parameters["message.bits"] == "[4]"
    got = Path(reader.download_artifacts(parent.info.run_id, "", str(tmp_path)))
    for name in ("manifest.json", "tables/main.csv", "tables/overview.md", "figures/curves.png"):
        assert (got / name).read_bytes() == (tracked.folder / name).read_bytes()
    assert not list(got.rglob("samples*"))
    manifest = json.loads((got / "manifest.json").read_text())
    assert json.loads((got / "settings.json").read_text()) == manifest["configuration"]
    assert parent.data.tags["ftbench.version"] == manifest["code"]["ftbench"]


def test_tensorboard_holds_settings_and_charts_and_no_faces(tracked: Tracked) -> None:
    events = read_events(tracked.folder / "tensorboard")
    assert set(events.Tags()["images"]) == {"figures/curves", "figures/distortions"}
    for name in ("curves", "distortions"):
        [image] = events.Images(f"figures/{name}")
        with (
            Image.open(io.BytesIO(image.encoded_image_string)) as read,
            Image.open(tracked.folder / "figures" / f"{name}.png") as drawn,
        ):
            assert np.array_equal(np.asarray(read), np.asarray(drawn.convert("RGB")))
    # TensorBoard's own pages are drawn from this reader; the other one never drops a text.
    shown = PageEvents(str(tracked.folder / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    [text] = shown.Tensors("settings/text_summary")
    written = text.tensor_proto.string_val[0].decode()
    manifest = json.loads((tracked.folder / "manifest.json").read_text())
    assert json.loads(written.split("```json\n")[1].split("\n```")[0]) == manifest["configuration"]
    # The first process said that it was stopped; the second one hides that.
    assert not shown.Tensors("stopped/text_summary")


def test_a_tracker_that_raises_costs_one_line(tracked: Tracked) -> None:
    lines = [line for line in tracked.finished.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    assert "broken@broken" in lines[0]
    assert "the broken tracker failed at" in lines[0]
    assert (tracked.folder / "tables" / "main.csv").is_file()
