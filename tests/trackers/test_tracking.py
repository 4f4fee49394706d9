"""``--track``: what is refused before anything runs, in one sentence, and who is told what."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftbench import tracking
from ftbench.cli import run
from ftbench.discovery import discover
from ftbench.errors import BadInput
from ftbench.plugins import Plugins
from ftbench_trackers import mlflow as mlflow_hooks
from ftbench_trackers import tensorboard as tensorboard_hooks
from ftbench_trackers.runs import client
from tests.conftest import TINY


@pytest.fixture(autouse=True)
def _nothing_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    mlflow_hooks._open.clear()
    tensorboard_hooks._open.clear()


def asked(plugins: Plugins, folder: Path, *assignments: str) -> dict[str, str]:
    return tracking.asked(assignments, plugins, str(folder / "results"))


def test_names_and_places(plugins: Plugins, tmp_path: Path, store: Path) -> None:
    assert asked(plugins, tmp_path) == {}
    uri = f"sqlite:///{store}?timeout=5"
    both = asked(plugins, tmp_path, "tensorboard", f"mlflow={uri}")
    assert both == {"tensorboard": "", "mlflow": uri}
    assert asked(plugins, tmp_path, f"tensorboard = {tmp_path}/logs") == {"tensorboard": f"{tmp_path}/logs"}


@pytest.mark.parametrize(
    ("assignments", "sentence"),
    [
        (["tensorbord"], r"--track tensorbord: no installed plugin of that name observes runs; nearest: tensorboard$"),
        (["faketagger"], r"--track faketagger: no installed plugin of that name observes runs; nearest: .*mlflow"),
        ([""], r"--track : no installed plugin"),
        (["tensorboard", "tensorboard=x"], r"--track names tensorboard twice"),
        (["tensorboard="], r"--track tensorboard=: say where after the ="),
    ],
)
def test_what_is_refused(plugins: Plugins, tmp_path: Path, assignments: list[str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        asked(plugins, tmp_path, *assignments)
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_one_sentence(plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(BadInput, match=r"--track tensorboard: .*pip install 'ftbench\[tensorboard\]'$"):
        asked(plugins, tmp_path, "tensorboard")
    monkeypatch.delitem(sys.modules, "ftbench_trackers.runs")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(BadInput, match=r"--track mlflow: .*pip install 'ftbench\[mlflow\]'$"):
        asked(plugins, tmp_path, "mlflow=sqlite:///x.db")


def test_a_place_that_cannot_be_written_is_one_sentence(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder, and no database")
    for place, sentence in (
        (f"tensorboard={tmp_path}/file", r"the folder .*file.* cannot be written \(Not a directory\)"),
        (f"mlflow=sqlite:///{tmp_path}/file/runs.db", r"the folder .*file cannot be written \(File exists\)"),
        (f"mlflow=sqlite:///{tmp_path}/file", r"cannot be used as an SQLite database \(file is not a database\)"),
        ("mlflow=ftp://nowhere/runs", r"the store ftp://nowhere/runs cannot be opened: "),
    ):
        with pytest.raises(BadInput, match=sentence) as raised:
            asked(plugins, tmp_path, place)
        assert "\n" not in str(raised.value)


def test_two_of_one_name_and_a_check_that_fails(tmp_path: Path) -> None:
    class Observer:
        pass

    def objects(where: str) -> str:
        raise RuntimeError(f"no idea about {where}")

    from ftbench import hookimpl

    plugins = discover()
    for distribution in ("first", "second"):
        observer: Any = Observer()
        observer.ftbench_run_stopped = hookimpl(lambda: None)
        observer.ftbench_track_objection = hookimpl(objects)
        plugins.manager.register(observer, name=f"twin@{distribution}")
        sentence = "its check failed: RuntimeError: no idea about here"
        with pytest.raises(BadInput, match=sentence if distribution == "first" else "provided by first and second"):
            asked(plugins, tmp_path, "twin=here")


def test_trackers_act_only_when_asked(plugins: Plugins, tmp_path: Path) -> None:
    folder = tmp_path / "results" / "tiny" / "faces-small"
    started = {"benchmark": "tiny", "scale": "small", "cells": 1, "folder": str(folder), "settings": {}}
    plugins.tell("ftbench_run_started", track={}, **started)
    row = {"cell": "c0ffee", "label": "x", "kind": "train"}
    plugins.tell("ftbench_progress", **row, step=1, values={"loss": 1.0})
    assert not list(tmp_path.iterdir())
    plugins.tell("ftbench_run_started", track={"tensorboard": str(tmp_path / "logs")}, **started)
    plugins.tell("ftbench_progress", **row, step=1, values={"loss": 1.0})
    plugins.tell("ftbench_run_stopped", reason="interrupted")
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    assert list((tmp_path / "logs" / "tiny" / "faces-small" / "train").glob("x-c0ffee/events*"))


def test_the_environment_names_the_store_where_nothing_else_does(
    plugins: Plugins, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    track = asked(plugins, tmp_path, "mlflow")
    plugins.tell(
        "ftbench_run_started", benchmark="environment", scale="small", cells=0, track=track, folder="r", settings={}
    )
    with pytest.raises(RuntimeError), tracking.told_when_stopped(plugins):
        raise RuntimeError("the disk is full")
    reader = client(f"sqlite:///{store}")
    [run] = reader.search_runs([reader.get_experiment_by_name("environment").experiment_id])
    assert (run.info.status, run.data.tags["ftbench.reason"]) == ("FAILED", "RuntimeError: the disk is full")


def test_the_command_line_stops_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "ftbench_trackers.runs")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr(sys, "argv", ["ftbench", "run", "tiny.yaml", "--track", "tensorboard", "--track", "mlflow"])
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("ftbench: --track mlflow: MLflow cannot be imported (")
    assert said.endswith("; pip install 'ftbench[mlflow]'\n")
    assert said.count("\n") == 1
    assert (tmp_path / "results" / ".store").is_dir()
    assert not list((tmp_path / "results" / ".store").glob("*-*")), "no cell was begun"


def test_hooks_need_no_library() -> None:
    script = "import ftbench_trackers.tensorboard, ftbench_trackers.mlflow, sys\n"
    script += "assert not {'torch', 'numpy', 'PIL', 'mlflow', 'tensorboard'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_deleted_experiment_is_told_before_anything_runs(plugins: Plugins, tmp_path: Path, store: Path) -> None:
    reader = client(f"sqlite:///{store}")
    reader.delete_experiment(reader.create_experiment("bygone"))
    with pytest.raises(BadInput, match=r"--track mlflow: its experiment 'bygone' was deleted .*restore"):
        tracking.asked([f"mlflow=sqlite:///{store}"], plugins, str(tmp_path / "bygone" / "faces-small"))


def test_a_tracker_that_cannot_begin_ends_the_run_before_it_begins() -> None:
    from ftbench import hookimpl

    stopped: list[str] = []

    def begin(track: dict[str, str]) -> None:
        raise RuntimeError("no room")

    def noted(reason: str) -> None:
        stopped.append(reason)

    plugins = discover()
    broken: Any = type("Observer", (), {})()
    broken.ftbench_run_started = hookimpl(begin)
    beside: Any = type("Observer", (), {})()
    plugins.manager.register(broken, name="fragile@guest")
    beside.ftbench_run_stopped = hookimpl(noted)
    plugins.manager.register(beside, name="beside@guest")
    started: dict[str, Any] = {"benchmark": "b", "scale": "s", "cells": 1, "folder": "f", "settings": {}}
    # One that nobody asked for stops nothing.
    tracking.start(plugins, track={}, **started)
    with pytest.raises(BadInput, match=r"--track fragile: it cannot begin \(RuntimeError: no room\)"):
        tracking.start(plugins, track={"fragile": ""}, **started)
    assert len(stopped) == 1
