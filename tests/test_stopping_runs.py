"""A run that must end in time keeps and reports what is finished, and comes to the numbers of one left alone."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

import ftbench
from ftbench import stopping
from ftbench.errors import BadInput, OutOfTime
from ftbench.progress import seconds_in
from ftbench.storage.checkpoint import unpacked
from ftbench.storage.store import UNFINISHED
from tests.interrupted import Small

unix = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no such signals")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, ftbench_command: list[str]) -> Small:
    return Small.made(tmp_path_factory.mktemp("small"), ftbench_command)


@pytest.fixture(scope="module")
def undisturbed(small: Small) -> dict[str, bytes]:
    done = small.run("whole", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    return small.made_in("whole") | small.tables("whole")


def checkpoints(small: Small, out: str) -> list[Path]:
    return sorted((small.folder / out / ".store").glob(f"*/{UNFINISHED}"))


@unix
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_stopped_in_training_then_in_a_test_then_left_alone(
    small: Small, undisturbed: dict[str, bytes], jobs: str
) -> None:
    out, whom = f"stopped-{jobs}", {"1": "own", "2": "parent"}[jobs]
    small.tell("training", f"SIGUSR1 {whom}")
    first = small.run(out, "--jobs", jobs)
    assert first.returncode == 75, first.stdout + first.stderr
    assert first.stderr.strip().endswith("stopped by SIGUSR1; the same command again goes on from here")
    kept = [unpacked(file.read_bytes())[1]["step"] for file in checkpoints(small, out)]
    assert kept
    assert all(0 < step < 60 for step in kept)
    assert "stopped with 0 of 4 cells done" in first.stdout
    assert not small.tables(out)

    if jobs == "2":
        small.tell("test", f"SIGTERM {whom}")
        second = small.run(out, "--jobs", jobs)
        assert second.returncode == 143, second.stdout + second.stderr
        assert f"resumed at {kept[0]}/60" in second.stdout
        assert not list((small.folder / out / ".store").glob("*/.claim*"))

    # Time enough changes nothing.
    last = small.run(out, "--jobs", jobs, "--for", "1h")
    assert last.returncode == 0, last.stdout + last.stderr
    assert small.made_in(out) | small.tables(out) == undisturbed


@unix
def test_a_run_that_is_stopped_reports_what_is_finished(small: Small, undisturbed: dict[str, bytes]) -> None:
    # All but the last test is there.
    store = small.folder / "some" / ".store"
    store.mkdir(parents=True)
    for source in (small.folder / "whole" / ".store").glob("*"):
        if source.is_dir():
            (store / source.name).mkdir(parents=True)
            for file in source.iterdir():
                if not file.name.startswith("."):
                    (store / source.name / file.name).write_bytes(file.read_bytes())
        else:
            (store / source.name).write_bytes(source.read_bytes())
    for file in store.glob("evaluate-*/cell.json"):
        if json.loads(file.read_text(encoding="utf-8"))["label"] == "30 dB":
            file.with_name("done.json").unlink()
    small.tell("test", "SIGTERM own")
    done = small.run("some", "--jobs", "1")
    assert done.returncode == 143, done.stdout + done.stderr
    assert "stopped with 3 of 4 cells done" in done.stdout
    folder = small.folder / "some" / "small" / "procedural-faces-small"
    cells = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["cells"]
    reasons = [cell["reason"] for cell in cells if cell["status"] == "failed"]
    assert reasons == ["the run was stopped before it was done"]
    assert len((folder / "tables" / "main.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_a_run_whose_time_is_up_says_so(small: Small) -> None:
    done = small.run("timed", "--for", "0.5s", "--jobs", "1")
    assert done.returncode == 75, done.stdout + done.stderr
    assert done.stderr.strip() == "ftbench: its time is up; the same command again goes on from here"


def test_from_python_time_that_is_up_is_an_error_of_its_own(small: Small) -> None:
    before = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    with pytest.raises(OutOfTime, match="the same call goes on from here"):
        ftbench.run(
            small.folder / "small.yaml",
            allow=[small.folder / "told.py"],
            out=small.folder / "called",
            quiet=True,
            within="0.2s",
        )
    assert before == {number: signal.getsignal(number) for number in stopping.SIGNALS}
    assert not stopping.asked()
    with pytest.raises(BadInput, match="jobs is 0"):
        ftbench.run(small.folder / "small.yaml", jobs=0)
    with pytest.raises(BadInput, match="within is empty"):
        ftbench.run(small.folder / "small.yaml", within=" ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("9m", 540), ("9min", 540), ("1h30m", 5400), ("2H", 7200), ("1d 2h", 93_600), ("0.5h", 1800)],
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert seconds_in(text, "--for") == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("0s", "in no time nothing is done"),
        ("0h0m", "in no time nothing is done"),
        ("-9m", "less than nothing"),
        ("9", "what it counts"),
        ("soon", "not a length of time"),
        ("2020-01-01", "not a length of time"),
        ("9m later", "not a length of time"),
        ("٩m", "not a length of time"),
        ("1e3s", "not a length of time"),
        ("nan", "not a length of time"),
    ],
)
def test_what_is_no_length_of_time_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as told:
        seconds_in(text, "--for")
    assert str(told.value).startswith("--for ")
    assert "\n" not in str(told.value)


def test_bad_times_end_the_command_before_anything_is_read(tmp_path: Path, ftbench_command: list[str]) -> None:
    small = Small(tmp_path, ftbench_command)
    done = small.run("none", "--for", "-5m")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ftbench: --for -5m: ")
    assert len(done.stderr.splitlines()) == 1


@unix
def test_a_thread_is_asked_and_stops_where_it_is(tmp_path: Path, ftbench_command: list[str]) -> None:
    import subprocess

    code = """
import threading, time
from ftbench import stopping
ended = []
def works():
    try:
        while True:
            time.sleep(0.01)
    except stopping.Stopped:
        ended.append("stopped")
thread = threading.Thread(target=works)
thread.start()
stopping.ask_thread(thread.ident)
thread.join(10)
assert ended == ["stopped"] and stopping.asked(), ended
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
