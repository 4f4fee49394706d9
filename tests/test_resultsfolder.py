"""Earlier tables stay until better ones are whole, and results of other images stay altogether."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from ftbench.publish.folder import better_ones, copy_others, folder_for, swapped_in
from ftbench.storage.store import Held, Store
from ftbench.storage.store import held as lock

MINE, OTHER = "1" * 64, "2" * 64


def manifest(folder: Path, digest: str = MINE, kept: bool = False, **cells: str) -> Path:
    """A results folder of evaluations, identity = status."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = [{"kind": "evaluate", "identity": name, "status": status} for name, status in cells.items()]
    said = {"kept": kept, "data": {"digest": digest}, "cells": [{"kind": "train", "identity": "t"}, *listed]}
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("finished", "wanted", "stays"),
    [
        ("", 2, 2),  # nothing finished
        ("c", 2, 2),  # another setting, half of it
        ("cd", 2, 0),  # another setting, whole
        ("a", 2, 2),  # the same setting, less of it
        ("ab", 3, 0),  # a third setting that failed: nothing is lost
        ("cde", 4, 2),  # more than there was, but there it was whole
    ],
)
def test_whole_tables_stay_until_others_are_whole(tmp_path: Path, finished: str, wanted: int, stays: int) -> None:
    manifest(tmp_path, a="done", b="stalled")
    assert better_ones(tmp_path, set(finished), wanted) == stays


@pytest.mark.parametrize(("finished", "stays"), [("", 1), ("b", 1), ("bc", 0), ("a", 0)])
def test_partial_tables_stay_until_others_have_more(tmp_path: Path, finished: str, stays: int) -> None:
    manifest(tmp_path, a="done", b="failed", c="failed")
    assert better_ones(tmp_path, set(finished), 3) == stays


@pytest.mark.parametrize("text", [None, "", "[]", "null", '{"cells": 5}', '{"cells": [1, {}]}'])
def test_what_is_no_manifest_keeps_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    assert better_ones(tmp_path, set(), 2) == 0


def opened(out: Path, name: str = "faces", digest: str = MINE) -> Any:
    data = SimpleNamespace(name=name, digest=digest)
    console = Console(file=io.StringIO(), width=300)
    return SimpleNamespace(
        out=out,
        benchmark=SimpleNamespace(name="tiny", evaluate=SimpleNamespace(split="test")),
        scale="small",
        bench=SimpleNamespace(data=data, console=console),
    )


def test_a_results_folder_is_of_one_data_digest(tmp_path: Path) -> None:
    usual = tmp_path / "tiny" / "faces-small"
    assert folder_for(opened(tmp_path), keep=False) == usual
    manifest(usual, digest=OTHER)
    mine = opened(tmp_path)
    assert folder_for(mine, keep=False) == usual.with_name("faces-11111111-small")
    assert "holds the results of other images" in mine.bench.console.file.getvalue()
    theirs = opened(tmp_path, digest=OTHER)
    assert folder_for(theirs, keep=False) == usual
    assert theirs.bench.console.file.getvalue() == ""
    assert folder_for(mine, keep=True) == usual


def test_what_the_repository_keeps_is_not_written_by_a_run(tmp_path: Path) -> None:
    usual = manifest(tmp_path / "tiny" / "faces-small", kept=True)
    local = usual.with_name("faces-small.local")
    assert folder_for(opened(tmp_path), keep=False) == local
    manifest(local, digest=OTHER)
    assert folder_for(opened(tmp_path), keep=False) == usual.with_name("faces-11111111-small")


def filled(folder: Path, **files: str) -> dict[str, str]:
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return held(folder)


def held(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()
    }


OLD = {"tables__main_csv": "old", "rows__a_csv_gz": "old", "tables__seeds_md": "old", "manifest_json": "old"}


def test_new_results_take_the_place_of_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "tiny" / "faces-small"
    filled(folder, **OLD, speed_md="mine", figures__own_png="mine", figures__samples_png="old", tables__own_csv="mine")
    with swapped_in(folder) as new:
        filled(new, tables__main_csv="new", rows__b_csv_gz="new", manifest_json="new")
        copy_others(folder, new)
        assert sorted(held(new)) == ["manifest.json", "rows/b.csv.gz", "tables/main.csv", "tables/own.csv"]
        assert held(folder)["tables/main.csv"] == "old"
    assert held(folder) == {
        "figures/own.png": "mine",
        "manifest.json": "new",
        "rows/b.csv.gz": "new",
        "speed.md": "mine",
        "tables/main.csv": "new",
        "tables/own.csv": "mine",
    }
    assert [one.name for one in folder.parent.iterdir()] == ["faces-small"]


def test_results_that_cannot_be_finished_leave_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "tiny" / "faces-small"
    before = filled(folder, **OLD)

    def fails() -> None:
        with swapped_in(folder) as new:
            filled(new, tables__main_csv="new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert held(folder) == before
    # Of a run that was killed while it wrote.
    filled(folder.parent / ".new-killed", tables__main_csv="half")
    with swapped_in(folder):
        pass
    assert [one.name for one in folder.parent.iterdir()] == ["faces-small"]


def test_one_run_at_a_time_writes_tables(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.held(), pytest.raises(Held), lock(store.root / "tables.lock", seconds=0):
        pass
    # Of a run that was killed while it wrote what all share.
    (store.root / ".compute-x1.json").write_text("{")
    with store.held():
        assert [file.name for file in store.root.glob(".*")] == []
    assert sorted(file.name for file in store.root.iterdir()) == ["tables.lock"]
