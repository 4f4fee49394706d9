"""The short form: a scheduler and its workers as processes; one dies mid-cell, one is another, the scheduler goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.reliability.dask import ODD, edited_copy
from benchmarks.reliability.workers import Processes, ended, lines_with, processes, trained, wait_for
from tests.interrupted import Small

PATIENCE = 300.0


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, ftbench_command: list[str]) -> Small:
    made = Small.made(tmp_path_factory.mktemp("small"), ftbench_command)
    assert made.run("alone", "--jobs", "1").returncode == 0
    return made


@pytest.fixture
def them(tmp_path: Path) -> Iterator[Processes]:
    with processes(tmp_path / "processes") as found:
        found.scheduler()
        yield found


def arguments(small: Small) -> list[str]:
    return [str(small.folder / "small.yaml"), "--allow-plugin", str(small.folder / "told.py")]


def test_tables_are_the_same_where_a_worker_dies_and_another_is_refused(
    small: Small, them: Processes, tmp_path: Path
) -> None:
    copy = edited_copy(tmp_path / "copy")
    them.worker("odd", environment={"PYTHONPATH": os.pathsep.join([str(copy), str(copy / "plugins")])})
    out = str(small.folder / "shared")
    run = them.run(out, *arguments(small))
    # All are refused, so nothing is computed.
    assert ended(run, PATIENCE) == 2
    assert len(lines_with(them.said("run"), ["no worker of", ODD[0]])) == 1
    small.tell("training", "SIGKILL own")
    them.worker("good")
    wait_for(lambda: them.said("scheduler").count("Register worker") >= 2, "a second worker")
    run = them.run(out, *arguments(small), name="again")
    assert ended(run, PATIENCE) == 0, them.said("again")
    said = them.said("again")
    assert len(lines_with(said, ["is left out", ODD[0]])) == 1
    assert len(lines_with(said, ["died over it, 1 of 3"])) == 1
    assert len(trained(said)) == len(set(trained(said))) == 4
    assert small.made_in("shared") == small.made_in("alone")
    assert small.tables("shared") == small.tables("alone")


def test_a_run_goes_on_when_its_scheduler_is_back(small: Small, them: Processes) -> None:
    them.worker("first")
    run = them.run(str(small.folder / "back"), *arguments(small), "--set", "train.steps=400")
    wait_for(lambda: "takes part" in them.said("run") or run.poll() is not None, "a worker")
    them.kill("scheduler")
    wait_for(lambda: "is gone; waiting" in them.said("run") or run.poll() is not None, "the run to notice")
    them.kill("first")
    them.scheduler()
    them.worker("second")
    assert ended(run, PATIENCE) == 0, them.said("run")
    said = them.said("run")
    assert "is back" in said
    assert "Traceback" not in said
    assert len(trained(said)) == len(set(trained(said))) == 4
