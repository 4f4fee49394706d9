"""A call of a part that has no end fails its cell, or ends the process with a note where Python cannot stop it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from ftbench.machine import calltime
from ftbench.pipeline.guard import Guard, PartFailed

IMAGE = torch.rand(1, 3, 8, 8)


def sleeps(image: torch.Tensor) -> torch.Tensor:
    time.sleep(600)
    return image


def swallows(image: torch.Tensor) -> torch.Tensor:
    until = time.monotonic() + 600
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            time.sleep(600)
    return image


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="Python code is interrupted by this signal")
@pytest.mark.parametrize("part", [sleeps, swallows])
def test_python_code_without_an_end_fails_by_name(part: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(calltime.SECONDS, "0.3")
    began = time.monotonic()
    with pytest.raises(PartFailed, match=r"simulator 'x' took more than 0\.3 s for one call; FTBENCH_CALL_SECONDS"):
        Guard("simulator 'x'").change(part, IMAGE)  # type: ignore[arg-type]
    assert time.monotonic() - began < 60
    # The next call has its own time.
    assert torch.equal(Guard("simulator 'y'").change(lambda image: image.clone(), IMAGE), IMAGE)


def test_short_calls_one_after_the_other_never_run_out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(calltime.SECONDS, "5")
    for _ in range(3):
        Guard("simulator 'x'").change(lambda image: image.clone(), IMAGE)
        assert calltime._watch.call is None


@pytest.mark.parametrize(("said", "seconds"), [("0", 0), ("7", 7), ("-1", 600), ("soon", 600), (None, 600)])
def test_the_limit_is_as_said_and_generous_else(
    said: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(calltime.SECONDS, raising=False)
    if said is not None:
        monkeypatch.setenv(calltime.SECONDS, said)
    assert calltime.limit() == seconds


def test_calls_in_other_threads_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(calltime.SECONDS, "0.001")
    seen: list[object] = []

    def work() -> None:
        with calltime.limited("x"):
            seen.append(calltime._watch.call)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]


def test_what_python_cannot_stop_ends_the_process_with_a_note(tmp_path: Path) -> None:
    # The alarm is another's, as below Python nobody hears it.
    code = (
        "import signal, sys, time; from pathlib import Path; from ftbench.machine import calltime\n"
        "if hasattr(signal, 'SIGALRM'): signal.signal(signal.SIGALRM, lambda *_: None)\n"
        "calltime.GRACE = 0.3; calltime.notes.file = Path(sys.argv[1])\n"
        "with calltime.limited('simulator x'): time.sleep(600)\n"
    )
    notes = tmp_path / "notes"
    done = subprocess.run(
        [sys.executable, "-c", code, str(notes)], env={**os.environ, calltime.SECONDS: "0.3"}, timeout=120, check=False
    )
    assert done.returncode == 1
    assert notes.read_text() == '{"slow": "simulator x took more than 0.3 s for one call"}\n'
