"""The short form of ``python -m benchmarks.reliability damage``."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reliability import damage
from benchmarks.reliability.tiny_run import TinyRun
from ftbench.storage.seal import files_of


@pytest.fixture
def tiny(tmp_path: Path) -> TinyRun:
    return TinyRun(tmp_path)


def test_some_of_the_damage_is_noticed_each_time(tiny: TinyRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert damage.tried(tiny, every=67) == 0, capsys.readouterr().out
    assert " 0 fell short" in capsys.readouterr().out


def test_every_file_is_hurt_in_five_ways_and_a_wrong_number_would_be_seen(
    tiny: TinyRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.run().code == 0
    every = list(damage.trials(tiny.results))
    assert len(every) == 5 * len({trial.file for trial in every})
    assert {trial.file for trial in every} >= set(files_of(tiny.tables_folder).values())
    # A run that says all is well and leaves the damage where it is.
    honest = tiny.run()
    for trial in every:
        if trial.file.name == "main.csv" and trial.how == "a bit flipped":
            monkeypatch.setattr(damage, "trials", lambda results, trial=trial: iter([trial]))
    runs = iter([honest])
    monkeypatch.setattr(tiny, "run", lambda: next(runs, honest))
    assert damage.tried(tiny) == 1
    told = capsys.readouterr().out
    assert "tables/main.csv is another than before" in told
    assert "does not agree with itself" in told
