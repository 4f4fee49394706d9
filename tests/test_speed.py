"""Marking and reading speed: what is timed, and where it is written."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from ftbench.publish import speed
from tests.conftest import TINY


def test_a_rate_is_the_median_over_calls() -> None:
    pauses = iter([0.0, 0.5] + [0.02] * 100)
    rate, count = speed._rate(lambda: time.sleep(next(pauses)), 0.0)
    # The first call warms up and is not counted; one slow call in five moves no median.
    assert count == speed.FEWEST
    assert 30 < rate <= 50


def test_every_pair_is_timed_once_and_written_beside_the_tables(tmp_path: Path, ftbench_command: list[str]) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY, encoding="utf-8")
    command = [*ftbench_command, "speed", str(file), "--scale", "small", "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--seconds", "0"], capture_output=True, text=True, check=True)
    folder = tmp_path / "out" / "tiny" / "procedural-faces-small"
    frame = pd.read_csv(folder / "speed.csv")
    # Two losses, one pair.
    assert frame["batch"].tolist() == [1, 32]
    assert (frame[["marking", "reading"]] > 0).all(axis=None)
    assert frame["weights"].nunique() == 1
    assert not (tmp_path / "out" / ".store").exists()
    text = (folder / "speed.md").read_text(encoding="utf-8")
    assert text in done.stdout
    assert "32 px · codes of 4 bits · float32, one core of " in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    titles = [title.strip() for title in lines[0].strip("|").split("|")]
    assert len(set(titles)) == len(titles)
    assert "e+" not in text
    row = dict(zip(titles, (entry.strip() for entry in lines[3].strip("|").split("|")), strict=True))
    assert float(row["marking, images/s"]) == pytest.approx(frame["marking"][1], rel=5e-3)
    assert row["reading, calls"] == str(frame["read"][1])


@pytest.mark.parametrize("wrong", ["-1", "soon"])
def test_a_time_that_is_none_is_refused(tiny: Path, ftbench_command: list[str], wrong: str) -> None:
    command = [*ftbench_command, "speed", str(tiny), "--seconds", wrong]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--seconds" in done.stderr
