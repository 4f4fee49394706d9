"""One tiny run, interrupted in the middle of a training and gone on with, tracked by both trackers and a broken one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import ready
from tests.conftest import TINY

BROKEN = """\
import ftbench


@ftbench.hookimpl
def ftbench_progress(step, values):
    raise RuntimeError(f"the broken tracker failed at {step}")
"""


@dataclass(frozen=True)
class Tracked:
    """What is left of the two processes."""

    home: Path
    store: Path
    interrupted: int
    after_interruption: dict[str, str]
    """Name of each MLflow run -> its status, between the two."""
    finished: subprocess.CompletedProcess[str]

    @property
    def folder(self) -> Path:
        return self.home / "results" / "tiny" / "procedural-faces-small"

    @property
    def cells(self) -> Path:
        return self.home / "results" / ".store"


def install(folder: Path, name: str, source: str) -> None:
    """A distribution with one plugin module, to be put on PYTHONPATH."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}_plugin.py").write_text(source, encoding="utf-8")
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text(f"[ftbench]\n{name} = {name}_plugin\n", encoding="utf-8")


def clean_environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "FTBENCH"))}
    return {**kept, "COLUMNS": "200", **more}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database; making one takes seconds, so there is one for all tests."""
    return tmp_path_factory.mktemp("store") / "runs.db"


@pytest.fixture(scope="session")
def tracked(tmp_path_factory: pytest.TempPathFactory, store: Path, ftbench_command: list[str]) -> Tracked:
    from ftbench_trackers.runs import client

    home = tmp_path_factory.mktemp("tracked")
    (home / "tiny.yaml").write_text(TINY, encoding="utf-8")
    install(home / "site", "broken", BROKEN)
    arguments = ["run", "tiny.yaml", "--set", "train.steps=60"]
    arguments += ["--track", "tensorboard", "--track", f"mlflow=sqlite:///{store}", "--track", "broken"]
    found = [str(home / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = clean_environment(PYTHONPATH=os.pathsep.join(found))
    with (home / "first.log").open("w") as log:
        first = subprocess.Popen([*ready.COMMAND, *arguments], cwd=home, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 400
        while not list(home.glob("results/tiny/*/tensorboard/train/*/events*")):
            assert first.poll() is None, (home / "first.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        first.send_signal(signal.SIGINT)
        interrupted = first.wait(timeout=200)
    reader = client(f"sqlite:///{store}")
    experiment = reader.get_experiment_by_name("tiny")
    statuses = {run.info.run_name: run.info.status for run in reader.search_runs([experiment.experiment_id])}
    finished = subprocess.run(
        [*ftbench_command, *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return Tracked(home, store, interrupted, statuses, finished)
