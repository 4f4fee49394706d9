"""The short form of ``python -m benchmarks.reliability disk``."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from benchmarks.reliability import disk
from benchmarks.reliability.tiny_run import Ended, TinyRun


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_fails_at_a_write_is_one_sentence_and_the_run_goes_on(
    number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert disk.writes(tmp_path, first=20, every=1000, numbers=[number]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert said.startswith(f"{os.strerror(number)} at each of ")
    assert said.strip().endswith("writes: {'a sentence, and went on': 1}")


def test_what_falls_short_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = "No space left on device"
    assert not list(disk._sentence(Ended(2, f"said\nftbench: cannot write: {full}"), full))
    assert list(disk._sentence(Ended(0, "done"), full))
    assert list(disk._sentence(Ended(-1, f"OSError: {full}"), full))
    assert list(disk._sentence(Ended(2, "ftbench: something else"), full))
    tiny = TinyRun(tmp_path)
    monkeypatch.setattr(tiny, "run", lambda: Ended(0, "done"))
    assert list(disk._goes_on(tiny, {"tables/main.csv": b"1"})) == [
        "the same command again: other tables: ['tables/main.csv']"
    ]


def test_where_no_tmpfs_can_be_had_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert disk._in_a_namespace(tmp_path, sizes=1) == 0
    assert "tmpfs: not tried" in capsys.readouterr().out
