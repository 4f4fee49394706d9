"""Cells side by side: as many as gain from it, each with a process of its own, told of as in a run of one."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftbench.benchfile.schema import ComputeSection
from ftbench.cluster import jobs
from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.machine import compute as machine_compute
from ftbench.machine.compute import Compute, settle
from ftbench.parts.catalogue import Plugins
from ftbench.publish.benchmark import run_request
from ftbench.runner.opening import Opened, Request, open_benchmark
from tests.interrupted import Small

SOME = ('matrix.decoder=["told", {"name": "told", "doomed": true}]', "matrix.loss={target_psnr: 20}", "train.steps=40")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, ftbench_command: list[str]) -> Small:
    return Small.made(tmp_path_factory.mktemp("small"), ftbench_command)


def request(small: Small, *assignments: str) -> Request:
    told = small.folder / "told.py"
    return Request(str(small.folder / "small.yaml"), out=small.folder / "out", assignments=assignments, allowed=[told])


def test_a_process_that_ends_fails_its_cell_alone_and_observers_hear_all(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Plugins, "tell", lambda self, hook, **values: heard.append((hook, values)) or {})
    said = io.StringIO()
    ran = run_request(request(small, *SOME), Console(file=said, width=300), jobs=2)
    (doomed,) = (key for key, reason in ran.failed.items() if reason.startswith("its process ended"))
    assert "SIGABRT" in ran.failed[doomed]
    assert "told.py, line" in ran.failed[doomed]
    assert sorted(ran.failed.values())[0] == "a cell that it needs failed"
    assert (ran.cells, len(ran.failed)) == (4, 2)
    assert "2 jobs side by side, 1 thread each" in said.getvalue()
    assert "FAILED: its process ended" in said.getvalue()

    def of(hook: str) -> list[dict[str, Any]]:
        return [values for name, values in heard if name == f"ftbench_{hook}"]

    started = [values["cell"] for values in of("cell_started")]
    finished = {values["cell"]: values for values in of("cell_finished")}
    assert sorted(started) == sorted(finished)
    assert len(started) == 3
    assert finished[doomed]["status"] == "failed"
    assert finished[doomed]["summary"]["reason"] == ran.failed[doomed]
    (good,) = (values for values in of("cell_finished") if values["kind"] == "train" and values["cell"] != doomed)
    steps = [values["step"] for values in of("progress") if values["cell"] == good["cell"]]
    assert steps == [20, 40]
    assert of("progress")[0]["values"]["loss"] > 0
    assert not of("run_stopped")
    assert len(of("run_finished")) == 1


def test_a_run_in_which_nothing_can_go_on_beside_another_cell_is_done_here(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_benchmark(request(small), Console(quiet=True))
    cells = opened.plan.cells
    assert jobs.widest(cells) == 2
    assert jobs.widest(cells[:1]) == 1
    assert jobs.widest([cell for cell in cells if cell.kind == "evaluate"]) == 2
    assert jobs.widest([]) == 0
    assert jobs.executors(8, opened, request(small))(cells[:1]) is None
    assert jobs.executors(1, opened, request(small))(cells) is None


def test_as_many_as_the_processors_gain_from(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_benchmark(request(small), Console(quiet=True))
    monkeypatch.setattr(jobs, "processors", lambda: 8)

    def chosen(of: Opened = opened, **compute: Any) -> int:
        bench = replace(of.bench, compute=replace(of.bench.compute, **compute))
        return jobs.by_default(of.plan.cells, replace(of, bench=bench))

    # 2 trainings of 60 steps of 8 images: processes would take longer to start.
    assert chosen() == 1
    large = open_benchmark(request(small, "train.steps=2000"), Console(quiet=True))
    assert 2 <= chosen(large) <= 8
    assert chosen(large, threads=8) == 1
    assert chosen(large, device="cuda") == 1
    assert chosen(large, processes=2) == 1
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert chosen(large) == 1


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda patch: patch.setattr(importlib.util, "find_spec", lambda name: None), "pip install distributed"),
        (lambda patch: None, "compute.processes is 2"),
    ],
)
def test_jobs_that_cannot_be_are_one_sentence(
    small: Small, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[pytest.MonkeyPatch], object], said: str
) -> None:
    more = ("compute.processes=2",) if "processes" in said else ()
    opened = open_benchmark(request(small, *more), Console(quiet=True))
    prepare(monkeypatch)
    with pytest.raises(BadInput, match=said) as told:
        jobs.executors(2, opened, request(small))
    assert "\n" not in str(told.value)


def test_threads_hang_on_the_size_and_older_folders_keep_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_compute, "processors", lambda: 6)
    auto, cpu = ComputeSection(), {"device": "cpu", "precision": "float32", "compile": "none"}
    assert [settle(auto, cpu, size).threads for size in (32, 64, 65, 256, None)] == [1, 1, 6, 6, 6]
    assert settle(auto, {**cpu, "threads": 2}, 32).threads == 2
    assert settle(auto, {**cpu, "threads": 4, "threads_small": 1}, 32).threads == 1
    assert settle(auto, {**cpu, "threads": 4, "threads_small": 1}, 128).threads == 4
    assert settle(ComputeSection(threads=3), {**cpu, "threads": 2}, 32).threads == 3


def test_a_new_folder_settles_threads_for_both_kinds_of_size(small: Small, tmp_path: Path) -> None:
    asked = replace(request(small, "compute={device: cpu, precision: float32}"), out=tmp_path)
    first, again = (open_benchmark(asked, Console(quiet=True)).bench.compute for _ in range(2))
    assert first == again == Compute("cpu", "float32", 1, "none")
    large = replace(asked, assignments=(*asked.assignments, "dataset.size=96"))
    assert open_benchmark(large, Console(quiet=True)).bench.compute.threads == machine_compute.processors()
