"""The short form of ``python -m benchmarks.reliability failures``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.reliability import failures


def test_a_failure_is_told_everywhere_and_left_alone_until_it_is_mended(
    tmp_path: Path, ftbench_command: list[str]
) -> None:
    trial = failures.Trial(tmp_path, ("exception",), 1, ftbench_command, steps=14)
    assert failures.look(trial) == []
    assert trial.runs == 5


def test_what_is_not_as_it_must_be_is_said(tmp_path: Path, ftbench_command: list[str]) -> None:
    trial = failures.Trial(tmp_path, (), 1, ftbench_command, steps=14)
    trial.call("plan", "sound", "out")
    trial.must(False, "it falls short")
    assert trial.wrong == ["it falls short"]
