"""Cells brought to an end: damaged ones made anew, held ones later, those that ended their process last."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console
from safetensors.torch import save

from ftbench.errors import CannotWrite, CellFailed
from ftbench.plan.cells import Cell, CellKind, Material, Plan
from ftbench.plan.part import ResolvedPart
from ftbench.progress import Progress
from ftbench.runner import attempt
from ftbench.runner import executor as execute
from ftbench.runner.bench import Bench
from ftbench.runner.executor import Outcome
from ftbench.storage import checkpoint, owners
from ftbench.storage.files import csv_bytes, gzipped, write_json
from ftbench.storage.results import CURVE, QUALITY, ROWS, SAMPLES
from ftbench.storage.store import CLAIM, UNFINISHED, CellFolder, Damaged, Store
from ftbench.train.weights import WEIGHTS, load_weights
from tests.small_pair import COMPUTE

MATERIAL = Material("d" * 64, ("a", "b"), 16, COMPUTE)


class Bare(Cell):
    """A cell without parts, known by its label."""

    @property
    def settings(self) -> dict[str, Any]:
        return {"of": self.label}

    @property
    def parts(self) -> tuple[ResolvedPart, ...]:
        return ()

    @property
    def steps(self) -> int:
        return 1


class Training(Bare):
    kind = "train"


class Evaluation(Bare):
    kind = "evaluate"


class Deaf:
    """Stands for plugins of which none listens."""

    parts = ()

    def tell(self, hook: str, **values: Any) -> None: ...


class World:
    """A training, two evaluations of it, and a log of what was worked on; work writes as the real kinds do."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trained = Training(label="pair", material=MATERIAL)
        self.first = Evaluation(label="first", material=MATERIAL, inputs=(self.trained,))
        self.second = Evaluation(label="second", material=MATERIAL, inputs=(self.trained,))
        self.cells = (self.trained, self.first, self.second)
        self.said = io.StringIO()
        nothing: Any = None
        deaf: Any = Deaf()
        console = Console(file=self.said, width=400)
        self.bench = Bench(nothing, nothing, COMPUTE, Store(root), deaf, console)
        self.worked: list[str] = []
        self.weights = {"bias": 1.0}
        self.inside: dict[str, Callable[[CellFolder], object]] = {}
        """Label -> what happens in that cell besides."""
        self.work: dict[CellKind, Any] = {"train": self.train, "evaluate": self.evaluate}
        monkeypatch.setattr(attempt, "WORK", self.work)
        monkeypatch.setattr(execute, "LOOK_SECONDS", 0.02)

    def run(self, before_risk: Callable[[Outcome], object] = lambda outcome: None) -> Outcome:
        self.worked.clear()
        benchmark: Any = None
        return execute.run(Plan(benchmark, self.cells), self.bench, before_risk=before_risk)

    def folder(self, cell: Cell) -> CellFolder:
        return self.bench.folder(cell)

    def train(self, cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
        self._enter(cell, folder)
        folder.write(
            WEIGHTS,
            save({"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2) * self.weights["bias"]}),
        )
        folder.write(CURVE, csv_bytes(pd.DataFrame({"step": [20.0], "loss": [0.5]})))
        return {}

    def evaluate(self, cell: Cell, bench: Bench, folder: CellFolder, progress: Progress) -> dict[str, Any]:
        self._enter(cell, folder)
        load_weights(bench.folder(self.trained), torch.nn.Linear(3, 2))
        for name in (ROWS, QUALITY):
            folder.write(name, gzipped(csv_bytes(pd.DataFrame({"name": [cell.label], "value": [1.25]}))))
        samples = io.BytesIO()
        pictures: dict[str, Any] = {"names": np.array(["a"])}
        np.savez(samples, **pictures)
        folder.write(SAMPLES, samples.getvalue())
        return {"images": 1}

    def _enter(self, cell: Cell, folder: CellFolder) -> None:
        self.worked.append(cell.label)
        if besides := self.inside.get(cell.label):
            besides(folder)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(changed) * 2 // 3] ^= 4
    return bytes(changed)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "a bit flipped": flipped,
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", [WEIGHTS, CURVE, "cell.json", "done.json"])
def test_a_damaged_training_is_set_aside_and_made_anew(world: World, name: str, how: str) -> None:
    whole = world.run()
    file = world.folder(world.trained).file(name)
    before = {one.name: one.read_bytes() for one in file.parent.iterdir() if one.name not in (".lock", "done.json")}
    hurt = DAMAGE[how](file.read_bytes())
    file.write_bytes(hurt)
    again = world.run()
    assert world.worked == ["pair"]
    assert {one: file.with_name(one).read_bytes() for one in before} == before
    assert file.with_name(f"{name}.damaged-1").read_bytes() == hurt
    (line,) = [line for line in world.said.getvalue().splitlines() if "is damaged" in line]
    assert line.startswith(f"train pair ({file.parent.name}): {name} is damaged (")
    assert f"kept beside it as {name}.damaged-1; the cell is made anew" in line
    assert again.summaries.keys() == whole.summaries.keys()
    assert not again.failed


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", [ROWS, QUALITY, SAMPLES])
def test_a_damaged_evaluation_is_set_aside_and_made_anew(world: World, name: str, how: str) -> None:
    world.run()
    file = world.folder(world.second).file(name)
    before = file.read_bytes()
    file.write_bytes(DAMAGE[how](before))
    assert len(world.run().summaries) == 3
    assert world.worked == ["second"]
    assert file.read_bytes() == before
    assert not world.run().failed
    assert world.worked == []


def test_files_of_two_cells_that_were_exchanged_are_made_anew(world: World) -> None:
    world.run()
    one, other = (world.folder(cell).file(ROWS) for cell in (world.first, world.second))
    first, second = one.read_bytes(), other.read_bytes()
    assert first != second
    one.write_bytes(second)
    other.write_bytes(first)
    world.run()
    assert (one.read_bytes(), other.read_bytes()) == (first, second)


def undigested(folder: CellFolder) -> None:
    """Make a cell's summary what releases without digests wrote."""
    summary = folder.summary
    assert summary is not None
    write_json(folder.file("done.json"), {**summary, "files": sorted(summary["files"])})


def test_cells_of_earlier_releases_are_kept_and_what_is_no_file_of_its_kind_is_made_anew(world: World) -> None:
    world.run()
    for cell in world.cells:
        undigested(world.folder(cell))
    world.said.truncate(0)
    assert len(world.run().summaries) == 3
    assert world.worked == []
    assert "damaged" not in world.said.getvalue()
    for name, cell in ((CURVE, world.trained), (ROWS, world.first), (SAMPLES, world.second)):
        world.folder(cell).file(name).write_bytes(b"")
    world.run()
    assert world.worked == ["pair", "first", "second"]


def test_a_damaged_checkpoint_costs_what_was_trained_and_no_more(world: World) -> None:
    def resumes(folder: CellFolder) -> None:
        checkpoint.read(folder, lambda tensors, numbers: None)

    world.inside["pair"] = resumes
    folder = world.folder(world.trained)
    folder.path.mkdir(parents=True)
    folder.file(UNFINISHED).write_bytes(b"cut")
    assert len(world.run().summaries) == 3
    assert world.worked == ["pair", "pair", "first", "second"]
    assert folder.file(f"{UNFINISHED}.damaged-1").read_bytes() == b"cut"
    assert f"{UNFINISHED} is damaged" in world.said.getvalue()
    assert "trained from the beginning" in world.said.getvalue()


def test_damage_while_a_run_works_fails_the_cell_that_reads_it(world: World) -> None:
    def hurts(folder: CellFolder) -> None:
        world.folder(world.trained).file(WEIGHTS).write_bytes(b"hurt")

    world.inside["first"] = hurts
    outcome = world.run()
    assert f"{WEIGHTS} of cell {world.folder(world.trained).path.name} is damaged" in outcome.failed[world.first.key]


def test_a_cell_that_another_run_holds_is_done_later(world: World) -> None:
    world.run()
    for cell in (world.first, world.second):
        world.folder(cell).file("done.json").unlink()
    started = threading.Event()

    def other() -> None:
        with world.folder(world.first).locked():
            started.set()
            while "second" not in world.worked:
                time.sleep(0.01)
            while "waiting for another run" not in world.said.getvalue():
                time.sleep(0.01)
            world.folder(world.first).finish({"status": "done", "label": "theirs", "images": 1})

    theirs = threading.Thread(target=other)
    theirs.start()
    started.wait()
    outcome = world.run()
    theirs.join()
    assert world.worked == ["second"]
    assert outcome.summaries[world.first.key]["label"] == "theirs"
    assert not outcome.failed
    lines = world.said.getvalue().splitlines()
    assert lines.count("[2/3] evaluate first: another run is working on it; later") == 1
    assert lines.count("waiting for another run, which works on: [2/3] evaluate first") == 1
    assert "[2/3] evaluate first: done by another run, kept" in lines


def test_what_needs_a_cell_that_another_run_makes_again_is_done_later_and_does_not_fail(world: World) -> None:
    world.run()
    world.folder(world.first).file("done.json").unlink()
    folder = world.folder(world.trained)
    weights = folder.file(WEIGHTS).read_bytes()
    theirs = folder.locked()

    def made_again_meanwhile(_: CellFolder) -> None:
        if world.worked == ["first"]:
            theirs.__enter__()
            folder.file(WEIGHTS).unlink()

            def ends() -> None:
                folder.file(WEIGHTS).write_bytes(weights)
                theirs.__exit__(None, None, None)

            threading.Timer(0.2, ends).start()

    world.inside["first"] = made_again_meanwhile
    outcome = world.run()
    assert not outcome.failed
    assert len(outcome.summaries) == 3
    assert set(world.worked) == {"first"}
    assert "[2/3] evaluate first: another run is working on it; later" in world.said.getvalue()


def test_the_cell_of_a_run_that_died_elsewhere_is_taken_over(world: World) -> None:
    folder = world.folder(world.trained)
    folder.path.mkdir(parents=True)
    dead = {"host": "other", "machine": "other", "pid": 1, "started": "1", "token": "b" * 16, "seconds": 0.5}
    folder.file(CLAIM).write_text(json.dumps(dead))
    began = time.monotonic()
    assert len(world.run().summaries) == 3
    assert time.monotonic() - began > 0.5
    assert world.worked == ["pair", "first", "second"]
    assert "[1/3] train pair: another run is working on it; later" in world.said.getvalue()
    assert not hidden(folder)


def test_a_cell_that_was_taken_over_meanwhile_is_left_to_the_other_run(world: World) -> None:
    folder = world.folder(world.trained)

    def taken_over(_: CellFolder) -> None:
        if len(world.worked) == 1:
            own = json.loads(folder.file(CLAIM).read_text())
            folder.file(CLAIM).unlink()
            theirs = {**own, "token": "b" * 16, "machine": "other", "seconds": 0.5}
            folder.file(CLAIM).write_text(json.dumps(theirs))

    world.inside["pair"] = taken_over
    outcome = world.run()
    assert not outcome.failed
    assert world.worked == ["pair", "pair", "first", "second"]
    said = world.said.getvalue()
    assert "[1/3] train pair: another run, process" in said
    assert "took this cell over while this one gave no sign of life for 60 s" in said


def test_a_cell_that_another_run_gives_up_is_taken_over(world: World) -> None:
    held = world.folder(world.trained).locked()
    held.__enter__()
    threading.Timer(0.2, held.__exit__, (None, None, None)).start()
    assert len(world.run().summaries) == 3
    assert world.worked == ["pair", "first", "second"]


def died_in(world: World, cell: Cell) -> None:
    """Leave the claim of a process that ended inside a cell."""
    folder = world.folder(cell)
    folder.path.mkdir(parents=True, exist_ok=True)
    dead = {**vars(owners.here()), "started": "long ago", "token": "a" * 16, "label": "x", "kind": "evaluate"}
    folder.file(CLAIM).write_text(json.dumps(dead))


def test_a_cell_that_ended_its_process_is_tried_last(world: World) -> None:
    died_in(world, world.first)
    seen: list[list[str]] = []
    world.run(before_risk=lambda outcome: seen.append([*world.worked, str(len(outcome.summaries))]))
    assert world.worked == ["pair", "second", "first"]
    assert seen == [["pair", "second", "2"]]
    assert "[2/3] evaluate first: ended its process last time, so it is tried last" in world.said.getvalue()
    assert not hidden(world.folder(world.first))


def test_what_needs_a_cell_that_ended_its_process_waits_for_it(world: World) -> None:
    died_in(world, world.trained)
    assert len(world.run().summaries) == 3
    assert world.worked == ["pair", "first", "second"]


def hidden(folder: CellFolder) -> list[str]:
    """Files of a cell that are a run's, not the cell's."""
    return sorted(file.name for file in folder.path.glob(".*") if file.name != ".lock")


@pytest.mark.parametrize("end", [CellFailed("no"), ValueError("no"), KeyboardInterrupt(), CannotWrite("full")])
def test_a_claim_tells_who_works_on_a_cell_until_it_ends(world: World, end: BaseException) -> None:
    seen: list[str] = []

    def ends(folder: CellFolder) -> None:
        seen.append(folder.file(CLAIM).read_text())
        raise end

    world.inside["pair"] = ends
    with contextlib.suppress(KeyboardInterrupt, CannotWrite):
        world.run()
    said = {name: json.loads(seen[0])[name] for name in ("pid", "label", "kind")}
    assert said == {"pid": os.getpid(), "label": "pair", "kind": "train"}
    assert not hidden(world.folder(world.trained))


def test_what_killed_runs_left_goes_and_the_kept_files_name_none_of_it(world: World) -> None:
    folder = world.folder(world.trained)
    folder.path.mkdir(parents=True)
    folder.file(".checkpoint-x1.pt").write_bytes(b"half")
    folder.file(".weights-x2.safetensors").write_bytes(b"half")
    summary = world.run().summaries[world.trained.key]
    assert sorted(summary["files"]) == ["cell.json", CURVE, WEIGHTS]
    assert not list(folder.path.glob(".*-*"))


def test_equal_rows_are_equal_bytes(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run()
    other = World(tmp_path / "other", monkeypatch)
    other.run()
    for name in (ROWS, QUALITY, SAMPLES):
        assert world.folder(world.first).file(name).read_bytes() == other.folder(other.first).file(name).read_bytes()


def test_damage_can_be_told_between_processes() -> None:
    error = pickle.loads(pickle.dumps(Damaged("said", Path("x"), "why")))
    assert (str(error), error.file, error.reason) == ("said", Path("x"), "why")
