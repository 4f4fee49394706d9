"""The short form: some cells of no time through Dask, and what processes are seen to take."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from benchmarks.reliability.overhead import MEBI, Watched, here, through_dask


def test_memory_that_grows_is_seen() -> None:
    watched = Watched({"own": psutil.Process()})
    watched.seen["own"] = [100 * MEBI] * 20 + [190 * MEBI] * 15
    assert watched.growth("own") == 90 * MEBI
    with watched.looking():
        pass
    assert watched.used["own"] >= 0


def test_cells_of_no_time_here_and_through_dask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # How long they take hangs on what else this machine does; that they all end, and are told of, does not.
    here(tmp_path, 10)
    through_dask(tmp_path, 10, 1)
    said = capsys.readouterr().out
    assert "here: 11 cells of no time" in said
    assert "through Dask, 1 workers: 11 cells of no time" in said
    assert "the scheduler's share" in said
