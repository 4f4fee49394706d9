"""``benchmarks.reliability kills``, in short: runs killed a few times come to the same tables and leave nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.reliability.kills import kill
from benchmarks.reliability.runs import SMALL, Place


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_runs_come_to_the_same_tables(tmp_path: Path, ftbench_command: list[str]) -> None:
    seen = kill(Place(tmp_path, ftbench_command), times=2, jobs=(1,), settings=(*SMALL, "matrix.seed=0"))
    # A killed run's folder for temporary files is sometimes left: a disk pays, and no number (docs/reliability.md).
    assert not [line for line in seen.wrong if "left behind: tmp/ftbench-" not in line]
    assert seen.kills.total() == 2
    assert seen.whole >= 1
