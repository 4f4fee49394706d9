"""Cells, runs and trainings whose results are on S3, and what of it is asked for by others."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reliability import storage
from ftbench.console import Console
from ftbench.errors import CannotWrite
from ftbench.marking.locate import find
from ftbench.marking.trained import load
from ftbench.parts.discovery import discover
from ftbench.publish.benchmark import Ran, results, run_request
from ftbench.runner.opening import Request
from ftbench.storage import claims, patience
from ftbench.storage.claims import Held, claimed
from ftbench.storage.earlier import move_aside, take_back
from ftbench.storage.files import write_json
from ftbench.storage.places import sizes
from ftbench.storage.results import CURVE
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged
from ftbench.train import loop
from ftbench.train.weights import WEIGHTS
from ftbench_trackers import tensorboard
from ftbench_trackers.places import at_hand
from tests import small_pair
from tests.conftest import TINY
from tests.reliability.on_s3 import cell, denied
from tests.test_loop import Stopped, Stops

pytest.importorskip("moto.server")


def test_a_store_that_is_away_is_no_missing_file(
    out: Path, world: storage.World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(patience.SECONDS, "0.5")
    monkeypatch.setattr(patience, "QUIET", 0.0)
    folder = cell(out)
    world.door.shut()
    asked = [
        lambda: folder.summary,
        lambda: folder.faults({}),
        lambda: folder.read("weights"),
        lambda: sizes(folder.path),
        lambda: folder.file("weights").exists(),
        lambda: folder.write("weights", b"others"),
        lambda: list(out.glob("*")),
    ]
    for ask in asked:
        with pytest.raises(CannotWrite, match=r"could not be reached for .*the same command goes on"):
            ask()
    assert "does not answer" in capsys.readouterr().err
    world.door.open()
    assert folder.summary is not None
    assert folder.read("weights") == b"numbers"


def test_a_cell_on_s3_is_held_by_one_and_goes_to_the_next_when_its_owner_is_dead(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(claims.SECONDS, "0.5")
    folder = cell(out)
    with folder.locked(), pytest.raises(Held), folder.locked():
        pass
    assert not [name for name in sizes(folder.path) if name.startswith(".")]
    theirs = {
        "token": "0123456789abcdef",
        "seconds": 0.5,
        "host": "elsewhere",
        "machine": "m",
        "pid": 7,
        "started": "1",
    }
    write_json(folder.file(".claim"), theirs)
    refused: list[str] = []
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            with claimed(folder.file(".claim"), {}):
                break
        except Held as error:
            refused.append(str(error))
            time.sleep(0.1)
    assert len(refused) > 1
    assert all("process 7 on elsewhere" in said for said in refused)
    assert not [name for name in sizes(folder.path) if name.startswith(".")]


def test_what_a_cell_held_before_is_moved_and_taken_back(out: Path) -> None:
    folder = cell(out)
    with folder.locked():
        aside = move_aside(folder)
        assert folder.summary is None
        assert CellFolder(aside).read("weights") == b"numbers"
        assert take_back(folder)
    assert folder.read("weights") == b"numbers"
    assert not aside.exists()


def test_a_move_that_broke_off_lost_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cell(out)
    fs: Any = out.fs  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(fs, "rm_file", denied)
        with pytest.raises(CannotWrite, match="cannot move"):
            move_aside(folder)
    assert folder.read("weights") == b"numbers"
    assert folder.summary is not None


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of one training."""
    file = tmp_path_factory.mktemp("tiny") / "tiny.yaml"
    file.write_text(
        TINY.replace("\n    - {message: 10, image: 0.1}", "").replace("steps: 40", "steps: 20"), encoding="utf-8"
    )
    return file


def run(benchmark: Path, out: Path) -> tuple[Ran, str]:
    """A run in this process, and what it said."""
    said = io.StringIO()
    ran = run_request(Request(str(benchmark), "small", out=out), Console(file=said, width=300))
    return ran, said.getvalue()


def digests(folder: Path) -> dict[str, str]:
    """Of each file of tables, rows, curves and figures."""
    files = [file for name in storage.NUMBERS for file in (folder / name).glob("*")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_run_on_s3_gives_what_one_on_a_disk_gives(
    out: Path, tiny: Path, tmp_path: Path, world: storage.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, _ = run(tiny, tmp_path)
    # The connection breaks when the pair begins to train, and comes back.
    begun = threading.Event()

    def break_it() -> None:
        world.until_put(f"/{out.name}", ".claim")
        begun.set()
        world.door.shut()
        time.sleep(1.0)
        world.door.open()

    breaking = threading.Thread(target=break_it)
    breaking.start()
    bucket, said = run(tiny, out)
    breaking.join()
    assert begun.is_set()
    assert (disk.failed, bucket.failed) == ({}, {}), said
    assert digests(disk.folder) == digests(bucket.folder)
    assert len(digests(disk.folder)) > 10
    for name, table in results(disk.folder).items():
        assert table.equals(results(str(bucket.folder))[name])
    # Nothing is left of claims, temporary files or probes, here or there.
    left = [str(file) for file in [*(out / ".store").glob("*"), *(out / ".store").glob("*/*")]]
    assert not [file for file in left if "/." in file.split(".store")[1]]

    # A model is found and read there by those who mark with it.
    assert load(find(bucket.folder), discover()).bits == 4
    weights = next((out / ".store").glob("train-*")) / "weights.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(Damaged):
        CellFolder(weights.parent).read(weights.name)
    before = world.server.puts()
    mended, said = run(tiny, out)
    assert "weights.safetensors is damaged" in said
    # With the same weights, all else stays.
    assert said.count("done before, kept") == 2
    own = [path for path in world.server.puts() - before if "/.store/" in path and ".claim" not in path]
    assert {path.split("/.store/")[1].partition("-")[0] for path in own} == {".probe", "tables", "train"}
    assert weights.read_bytes() == kept
    assert digests(mended.folder) == digests(disk.folder)


def test_a_training_that_was_broken_off_goes_on_from_its_checkpoint_on_s3(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = small_pair.run(tmp_path)
    with pytest.raises(Stopped):
        small_pair.run(out, Stops(30))
    assert UNFINISHED in sizes(out)
    assert small_pair.run(out) == whole
    for name in (WEIGHTS, CURVE):
        assert (out / name).read_bytes() == (tmp_path / name).read_bytes()


def test_trackers_get_a_copy_of_what_they_log(out: Path, tmp_path: Path) -> None:
    folder = out / "quick" / "faces-small"
    names = ["tables/main.csv", "tables/overview.md", "figures/curves.png", "manifest.json"]
    for name in [*names, "figures/samples.png", "rows/of-people.csv.gz"]:
        (folder / name).write_bytes(name.encode())
    with at_hand(str(folder)) as copy:
        assert (copy.parent.name, copy.name) == ("quick", "faces-small")
        assert {file.relative_to(copy).as_posix() for file in copy.rglob("*") if file.is_file()} == set(names)
        assert all((copy / name).read_bytes() == name.encode() for name in names)
    assert not copy.exists()
    with at_hand(str(tmp_path)) as same:
        assert same == tmp_path
    assert "name one, tensorboard=my/logs" in str(tensorboard.ftbench_track_objection("", str(folder)))


def test_the_trials_notice_what_differs(out: Path, world: storage.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "local", {"d/tables/main.csv": "another digest", "d/tables/gone.csv": ""})
    for name in ("main.csv", "more.csv"):
        write_json(out / "storage" / "d" / "tables" / name, 1)
    assert list(world.differences(str(out))) == [
        "d/tables/gone.csv is missing",
        "d/tables/main.csv differs",
        "d/tables/more.csv is too much",
    ]
    assert storage.Seen("it", ("a", "b"), 1.0, "n").line() == "it: a; b, 1.0 s (n)"
