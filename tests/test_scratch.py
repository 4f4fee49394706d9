"""What killed processes leave in the temporary folder goes; what is a living one's, or nobody knows whose, stays."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ftbench.machine.scratch import scratch


def test_folders_of_dead_processes_go_and_all_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch() as living:
        name = living.name
        start = name.rpartition("-")[0]
        pid = start.split("-")[2]
        dead = (name.replace(f"-{pid}-", f"-{2**22 + 1}-"), f"{start.rpartition('-')[0]}-1-x")
        machine = name.split("-")[1]
        others = (name.replace(machine, "0" * 12), "ftbench-jobs-x", "ftbench-", f"{name[:-8]}.txt")
        for folder in (*dead, *others):
            (tmp_path / folder / "deep").mkdir(parents=True)
        with scratch() as second:
            assert second.is_dir()
            assert {one.name for one in tmp_path.iterdir()} == {name, second.name, *others}
    assert {one.name for one in tmp_path.iterdir()} == set(others)
