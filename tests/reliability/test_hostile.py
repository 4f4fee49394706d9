"""The short form of ``python -m benchmarks.reliability hostile``: some hundred hostile files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.reliability import guard, hostile, hostile_files
from ftbench.errors import BadInput


@pytest.fixture(autouse=True)
def quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    guard.prepare()


def test_benchmark_files_end_in_a_sentence_or_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trials = hostile.planned(tmp_path, hostile.sound()[:1], 60, seed=3)
    assert hostile.report("benchmark files", trials, tmp_path / "found") == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert said.startswith("benchmark files: 60, ")
    assert " 0 a run" not in said


@pytest.mark.parametrize("kind", hostile_files.KINDS)
def test_files_of_every_kind_are_refused_or_read(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trials = hostile_files.KINDS[kind](tmp_path, 40, 3)
    assert hostile.report(f"{kind} files", trials, tmp_path / "found") == 0, capsys.readouterr().out


def found(work: object, folder: Path) -> str:
    return guard.tried(work, folder).how  # type: ignore[arg-type]


def test_the_guard_sees_what_it_is_there_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()

    def says(text: str) -> None:
        raise BadInput(text)

    def raises() -> None:
        raise ValueError("x")

    def endless() -> None:
        while True:
            pass

    assert found(lambda: (allowed / "in").write_text("x"), allowed) == "run"
    assert found(lambda: says("a sentence"), allowed) == "sentence"
    assert found(lambda: (tmp_path / "out").write_text("x"), allowed).startswith("touched open")
    assert found((tmp_path / "folder").mkdir, allowed).startswith("touched os.mkdir")
    assert found(lambda: os.system("true"), allowed).startswith("touched os.system")
    assert found(lambda: says(""), allowed) == "an empty sentence"
    assert found(lambda: says("long " * 9000), allowed) == "a sentence without an end"
    assert found(raises, allowed) == "ValueError in test_hostile.py:raises"
    monkeypatch.setattr(guard, "SECONDS", 0.05)
    assert found(endless, allowed) == "over the time"
