"""Claims: one owner at a time, on any drive; a dead one's claim passes to one heir, a living one's to nobody."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ftbench.errors import CannotWrite
from ftbench.storage import claims, owners
from ftbench.storage.claims import Held, Lost, claimed
from ftbench.storage.places import remove_folder
from ftbench.storage.remote import Remote
from ftbench.storage.store import UNFINISHED, CellFolder

TOKEN = "a" * 16
ELSEWHERE = {"host": "other", "machine": "other 1", "pid": 7, "started": "5", "seconds": 0.5}


class Clock:
    """The observer's own, which a test turns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(claims.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(claims, "_seen", {})
    return Clock(monkeypatch)


@pytest.fixture(params=["on a disk", "on a remote store"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    if request.param == "on a disk":
        yield tmp_path / ".claim"
        return
    # fsspec's own in memory, which makes a file once as S3 does.
    store: Any = Remote(f"memory://{tmp_path.name}/cell")
    yield store / ".claim"
    remove_folder(store)


def put(place: Path, token: str = TOKEN, **said: Any) -> None:
    place.write_bytes(json.dumps({"token": token, **ELSEWHERE, **said}).encode())


def holds(place: Path) -> bool:
    try:
        with claimed(place, {}):
            return True
    except Held:
        return False


def left(place: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(file.name for file in place.parent.iterdir())
    return []


def test_one_owner_at_a_time_and_nothing_is_left(place: Path) -> None:
    with claimed(place, {"label": "pair"}):
        assert json.loads(place.read_text(encoding="utf-8"))["label"] == "pair"
        assert not holds(place)
        assert len(left(place)) == 2
    assert left(place) == []
    assert holds(place)


@pytest.mark.parametrize(
    "said",
    [
        {"pid": 2**22 + 1},
        {"pid": os.getpid(), "started": "0"},
        # A release of this very process that could not remove it.
        dict(vars(owners.here())),
    ],
)
def test_an_owner_on_this_machine_that_is_gone_has_an_heir_at_once(place: Path, said: Mapping[str, Any]) -> None:
    put(place, **{**vars(owners.here()), **said})
    assert claims.ended_inside(place)
    assert holds(place)
    assert left(place) == []


def test_an_owner_on_this_machine_that_is_there_keeps_it_however_silent(place: Path, clock: Clock) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        put(place, **{**vars(owners.here()), "pid": other.pid, "started": owners.started(other.pid)})
        for _ in range(20):
            clock.now += 100
            assert not holds(place)
        other.kill()
        # Not yet waited for, its number is still taken.
        assert other.stdin
        other.stdin.close()
        until = time.time() + 20
        while owners.started(other.pid) is not None and time.time() < until:
            time.sleep(0.01)
        assert holds(place)


def test_an_owner_elsewhere_lives_as_long_as_something_changes_by_the_observers_own_clock(
    place: Path, clock: Clock
) -> None:
    put(place)
    beat = place.with_name(f".claim-{TOKEN}.beat")
    for number in range(20):
        clock.now += 0.4
        beat.write_bytes(str(number).encode())
        assert not holds(place)
    # A look after a long sleep says little: four are needed.
    clock.now += 3600
    assert not holds(place)
    for _ in range(2):
        clock.now += 0.125
        assert not holds(place)
    clock.now += 0.125
    assert holds(place)
    assert left(place) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"token": "../../x"}', b"\xff", b"[" * 100_000])
def test_a_claim_that_says_nothing_is_of_an_unknown_owner(
    place: Path, clock: Clock, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(claims.SECONDS, "0.5")
    place.write_bytes(content)
    for _ in range(4):
        assert not holds(place)
        clock.now += 0.125
    assert holds(place)
    assert left(place) == []


def test_claims_that_name_each_other_in_a_circle_end(place: Path, clock: Clock) -> None:
    put(place)
    put(place.with_name(f".claim-{TOKEN}"))
    assert not holds(place)


def test_of_many_that_take_over_at_once_one_at_a_time_holds_it(place: Path) -> None:
    inside, most, taken = [0], [0], [0]

    def takes() -> None:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            try:
                with claimed(place, {}):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    taken[0] += 1
                    time.sleep(0.0005)
                    inside[0] -= 1
            except Held:
                # A dead owner again and again: what a killed process leaves.
                with contextlib.suppress(FileExistsError), place.open("xb") as file:
                    file.write(json.dumps({"token": os.urandom(8).hex(), **GONE}).encode())

    threads = [threading.Thread(target=takes) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert taken[0] > 20


GONE = {**vars(owners.here()), "pid": 2**22 + 1}


def taken_over(folder: CellFolder, label: str) -> None:
    """What another machine's run leaves when it took a claim over."""
    claim = folder.file(".claim")
    claim.unlink()
    put(claim, "b" * 16, label=label)


def test_who_was_taken_over_writes_nothing_any_more_and_spoils_nothing(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path / "cell")
    with folder.locked():
        folder.write("weights.safetensors", b"mine")
        taken_over(folder, "theirs")
        with pytest.raises(Lost, match="another run, process 7 on other, took this cell over"):
            folder.write("weights.safetensors", b"late")
        with pytest.raises(Lost):
            folder.finish({"status": "done"})
    assert folder.file("weights.safetensors").read_bytes() == b"mine"
    assert folder.summary is None
    assert json.loads(folder.file(".claim").read_text())["label"] == "theirs"
    assert sorted(file.name for file in folder.path.glob(".claim*")) == [".claim"]


def test_a_claim_that_somebody_removed_is_lost_and_one_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CellFolder(tmp_path / "cell")
    with folder.locked():
        folder.file(".claim").unlink()
        with pytest.raises(Lost, match="was removed"):
            folder.write("x.csv", b"")
    with folder.locked():
        monkeypatch.setattr(Path, "read_bytes", lambda self: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(CannotWrite, match=r"cannot read .*claim: Input/output error"):
            folder.write("x.csv", b"")
        monkeypatch.undo()
    assert folder.is_free()


def test_a_heart_beats_while_a_claim_is_held(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(claims.SECONDS, "0.5")
    with claimed(place, {}):
        [heart] = [file for file in place.parent.iterdir() if file.name.endswith(".beat")]
        seen = set()
        until = time.monotonic() + 20
        while len(seen) < 4 and time.monotonic() < until:
            seen.add(heart.read_bytes())
            time.sleep(0.02)
        assert len(seen) >= 4
    time.sleep(0.2)
    assert left(place) == []


@pytest.mark.parametrize("asked", ["", "x", "-1", "0", "nan", "1e9"])
def test_a_time_that_makes_no_sense_is_the_default(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(claims.SECONDS, asked)
    assert claims.seconds() == claims.DEFAULT_SECONDS


class Full(io.RawIOBase):
    """A file on a disk that takes its name, and no content."""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_no_claim_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / ".claim"
    honest = Path.open

    def full(self: Path, mode: str) -> Any:
        honest(self, mode).close()
        return io.BufferedWriter(Full()) if mode == "xb" else honest(self, mode)

    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(Path, "write_bytes", lambda self, content: None)
    with pytest.raises(OSError, match="No space left"), claimed(place, {}):
        pass
    assert left(place) == []


def test_what_a_run_left_in_a_finished_cell_is_swept_and_a_living_runs_is_not(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path / "cell")
    with folder.locked():
        folder.write("weights.safetensors", b"weights")
        folder.finish({"status": "done"})
    dead = (".claim", f".claim-{'c' * 16}.beat")
    for name in (*dead, ".weights-x1.safetensors", UNFINISHED, "checkpoint.pt", "running.json"):
        put(folder.file(name), **GONE)
    folder.sweep()
    names = {file.name for file in folder.path.iterdir()}
    assert names == {".lock", "done.json", "weights.safetensors"}
    put(folder.file(".claim"))
    folder.file(UNFINISHED).write_bytes(b"x")
    folder.sweep()
    assert folder.file(UNFINISHED).exists()
    assert folder.summary is not None
