"""What an earlier run settled is believed only as far as a run could have written it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ftbench.computefile import read_settled
from ftbench.errors import BadInput
from ftbench.session import Request, open_benchmark

SETTLED = {"device": "cpu", "precision": "float32", "threads": 3, "compile": "none", "processes": 1}


def test_what_a_run_settled_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "compute.json"
    assert read_settled(file) == (None, "")
    assert read_settled(tmp_path / "no" / "folder.json") == (None, "")
    file.write_text(json.dumps(SETTLED))
    assert read_settled(file) == (SETTLED, "")
    # Before trainings could be shared, nothing was said of processes; a later release may say more.
    file.write_text(json.dumps({**{k: v for k, v in SETTLED.items() if k != "processes"}, "more": 1}))
    assert read_settled(file) == (SETTLED, "")


WRONG: dict[str, Any] = {
    "a list": [1],
    "nothing": None,
    "empty": {},
    "900 processes": {**SETTLED, "processes": 900},
    "processes on a processor": {**SETTLED, "processes": 2},
    "threads that are a word": {**SETTLED, "threads": "x"},
    "threads that are a bool": {**SETTLED, "threads": True},
    "no threads": {**SETTLED, "threads": 0},
    "threads without end": {**SETTLED, "threads": 10**9},
    "another device": {**SETTLED, "device": "tpu"},
    "another precision": {**SETTLED, "precision": "float8"},
    "a mode that is none": {**SETTLED, "compile": "all"},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_run_settles_is_not_believed(tmp_path: Path, case: str) -> None:
    file = tmp_path / "compute.json"
    file.write_text(json.dumps(WRONG[case]))
    settled, fault = read_settled(file)
    assert settled is None
    assert fault
    assert "\n" not in fault


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_not_believed(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "compute.json"
    file.write_bytes(content)
    assert read_settled(file) == (None, "it is no JSON")


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(BadInput, match=r"cannot read .*compute\.json: Permission denied"):
        read_settled(tmp_path / "compute.json")


def test_a_run_says_so_and_settles_anew(tiny: Path) -> None:
    text = tiny.read_text(encoding="utf-8").replace("compute: {device: cpu, precision: float32, threads: 1}\n", "")
    tiny.write_text(text, encoding="utf-8")
    out = tiny.parent / "results"
    file = out / ".store" / "compute.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**SETTLED, "processes": 70}))
    said = io.StringIO()
    opened = open_benchmark(Request(str(tiny), out=out), Console(file=said, width=300))
    assert opened.bench.compute.processes < 70
    assert "is not what an earlier run settled" in said.getvalue()
    assert "processes" in said.getvalue()
    assert read_settled(file)[0] is not None
