"""``benchmarks.reliability soak``, in short: some twenty tiny cells."""

from __future__ import annotations

from pathlib import Path

from benchmarks.reliability.soak import soak


def test_tiny_cells_take_no_time_beside_their_work_and_leave_no_descriptor(tmp_path: Path) -> None:
    seen = soak(tmp_path, 20)
    assert len(seen.cells) == 20
    # Of a processor: other tests make everything wait.
    assert sum(seen.beside("cpu_begun", "cpu_ended")) / 19 < 0.05
    assert not seen.wrong(most=5)
