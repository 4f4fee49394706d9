"""A run that ends without a word is told of, and no process outlives the one that started it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftbench.machine import supervision

# Processes of the harness's own kind, without torch and without a benchmark.
SCRIPT = """
import faulthandler, os, signal, sys, time
# A test run in the background has its interruptions ignored, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
from ftbench import stopping
from ftbench.machine import supervision
if not supervision.report_to_parent():
    sys.exit(supervision.watch())
stopping.listen()
try:
    {action}
except KeyboardInterrupt:
    print(stopping.sentence(), flush=True)
    supervision.notes.write(ended=stopping.exit_code())
    sys.exit(stopping.exit_code())
supervision.notes.write(ended=0)
"""


def start(action: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(action=action)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("action", "code", "said"),
    [
        ("pass", 0, ""),
        ("supervision.notes.write(ended=2); sys.exit(2)", 2, ""),
        ("os._exit(0)", 1, "did not finish: its process ended (with exit code 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "SIGKILL: by hand, or by the system when memory ran out"),
        ("supervision.notes.write(slow='simulator x took'); os._exit(1)", 1, "the run was ended: simulator x took"),
        (
            "faulthandler.enable(file=supervision.notes.crash, all_threads=False); signal.raise_signal(signal.SIGSEGV)",
            1,
            "SIGSEGV: a crash of a library or a part, at <string>, line ",
        ),
        # All was written; only Python's own end failed.
        ("supervision.notes.write(ended=0); os.kill(os.getpid(), signal.SIGSEGV)", 0, ""),
    ],
)
def test_the_exit_code_tells_whether_a_run_finished(action: str, code: int, said: str) -> None:
    process = start(action)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    assert said in errors
    assert errors.count("ftbench:") == (1 if said else 0)


def test_the_cell_is_named_that_a_process_left(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number, label in enumerate(("other", "conv7 \x1b[31m against swap", "done")):
        cell = tmp_path / f"train-{number}"
        cell.mkdir()
        mark = {"token": 16 * "a", "pid": 4711 + number, "label": label, "kind": "train"}
        (cell / ".claim").write_text(json.dumps(mark), encoding="utf-8")
    # What is on disk may be anything.
    for number, text in enumerate(("[]", "null", "{", '{"pid": 4712}')):
        odd = tmp_path / f"fit-{number}"
        odd.mkdir()
        (odd / ".claim").write_text(text, encoding="utf-8")
    assert supervision._judged(-signal.SIGSEGV, 4712, {"store": str(tmp_path)}) == 1
    said = capfd.readouterr().err
    assert "while it worked on train conv7 \\x1b[31m against swap, cell train-1 (SIGSEGV" in said
    assert "the same command again tries that cell last" in said
    assert supervision.working_on(tmp_path, 99) is None


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_reaches_the_run_which_ends_with_a_sentence(name: str) -> None:
    number = getattr(signal, name)
    process = start("print('up', flush=True); time.sleep(600)")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(number)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number, errors
    assert "the same command again goes on from here" in out


def test_a_run_ends_when_the_process_that_watches_it_is_killed() -> None:
    process = start("print('up', flush=True); time.sleep(600)")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.kill()
    # The end of the file comes when the run, which writes to it too, is gone.
    began = time.monotonic()
    assert "stopped by SIGTERM" in process.communicate(timeout=60)[0]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("arguments", "watched"),
    [
        (["run", "quick"], True),
        (["--traceback", "run", "x.yaml", "--out", "y"], True),
        (["run", "--help"], False),
        (["--help"], False),
        (["plan", "run"], False),
        ([], False),
    ],
)
def test_only_long_runs_are_watched(arguments: list[str], watched: bool) -> None:
    assert supervision.wanted(arguments) is watched


def test_a_variable_of_another_process_makes_nobody_a_watched_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("1:/tmp/x", "x", ":", ""):
        monkeypatch.setenv(supervision.VARIABLE, value)
        assert not supervision.report_to_parent()
    assert supervision.notes.file is None
