"""Results on a store that fsspec reaches, against a real S3-compatible server in a process of its own."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reliability import s3, storage
from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite
from ftbench.marking.locate import find
from ftbench.marking.trained import load
from ftbench.parts.discovery import discover
from ftbench.publish.benchmark import Ran, results, run_request
from ftbench.runner.opening import Request
from ftbench.storage import claims, patience
from ftbench.storage.claims import Held, claimed
from ftbench.storage.earlier import move_aside, take_back
from ftbench.storage.files import write_atomically, write_json
from ftbench.storage.places import check_place, is_remote, place, remove_folder, sizes
from ftbench.storage.results import CURVE
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged
from ftbench.train import loop
from ftbench.train.weights import WEIGHTS
from ftbench_trackers import tensorboard
from ftbench_trackers.places import at_hand
from tests import small_pair
from tests.conftest import TINY
from tests.test_loop import Stopped, Stops

pytest.importorskip("moto.server")
from ftbench.storage import remote


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.World]:
    """A server, and a door through which all of this module's clients go."""
    folder = tmp_path_factory.mktemp("s3")
    with pytest.MonkeyPatch.context() as patch, s3.server(folder) as server, s3.door(server.port) as door:
        for name, value in s3.environment(door.port).items():
            patch.setenv(name, value)
        # A client that is remembered from another world asks that world's door.
        pytest.importorskip("s3fs").S3FileSystem.clear_instance_cache()
        yield storage.World(folder, server, door)


@pytest.fixture
def out(world: storage.World, request: pytest.FixtureRequest) -> Path:
    """A results folder of the test's own on S3."""
    world.door.open()
    return place(f"s3://bucket/{request.node.name}")


def cell(out: Path) -> CellFolder:
    """A finished cell."""
    folder = CellFolder(out / ".store" / "train-0123")
    folder.begin({"what": "it is"})
    folder.write("weights", b"numbers")
    folder.finish({"status": "done"})
    return folder


def denied(*arguments: Any, **options: Any) -> None:
    raise PermissionError("Access Denied")


@pytest.mark.parametrize("word", ["results", "/tmp/results", r"C:\results", "C:/results", "a:b", "s3"])
def test_a_folder_is_a_folder(word: str) -> None:
    assert place(word) == Path(word)
    assert not is_remote(place(word))
    assert place(Path(word)) == Path(word)


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert place(tmp_path.as_uri()) == tmp_path


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("memory://results", "memory://results holds no results that several processes share"),
        ("simplecache::s3://bucket/results", "s3://bucket/folder"),
        ("https://example.org/results", "https://example.org/results holds no results"),
        ("nonsense://results", "cannot be used"),
        (Path("s3://bucket/results"), "give it as text"),
    ],
)
def test_what_cannot_hold_results_is_refused_with_a_sentence(word: str | Path, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        place(word)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ftbench.storage.remote", raising=False)
    monkeypatch.setitem(sys.modules, "upath.extensions", None)
    with pytest.raises(BadInput, match=r"pip install 'ftbench\[remote\]'"):
        place("s3://bucket/results")


def test_nothing_of_it_is_imported_before_a_remote_place_is_named() -> None:
    asks = "import sys, ftbench.cli; print(sorted({'fsspec', 'upath', 's3fs', 'aiohttp'} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_place_can_be_handed_to_another_process(out: Path) -> None:
    write_json(out / "a.json", 1)
    assert pickle.loads(pickle.dumps(out)) == out
    asks = "import pickle, sys; print(pickle.load(sys.stdin.buffer).joinpath('a.json').read_text())"
    said = subprocess.run([sys.executable, "-c", asks], input=pickle.dumps(out), capture_output=True, check=True)
    assert said.stdout.strip() == b"1"


def test_files_are_written_found_moved_and_removed(out: Path) -> None:
    folder = out / "odd [1] names*" / "here"
    write_json(folder / "a.json", {"λ": 1})
    write_atomically(folder / "b.csv", lambda file: file.write_text("b", encoding="utf-8"))
    assert json.loads((folder / "a.json").read_text(encoding="utf-8")) == {"λ": 1}
    assert sizes(folder) == {"a.json": len((folder / "a.json").read_bytes()), "b.csv": 1}
    assert [file.name for file in sorted(folder.glob("*.json"))] == ["a.json"]
    assert [str(file) for file in out.glob("*/*/b.*")] == [str(folder / "b.csv")]
    assert (folder.is_dir(), folder.is_file(), (folder / "b.csv").is_file()) == (True, False, True)
    assert not (out / "nothing").exists()
    assert sizes(out / "nothing") == {}
    with pytest.raises(FileNotFoundError) as missing:
        (out / "nothing").read_bytes()
    assert missing.value.strerror
    (folder / "b.csv").replace(folder / "c.csv")
    assert sorted(sizes(folder)) == ["a.json", "c.csv"]
    remove_folder(out / "odd [1] names*")
    assert not folder.exists()


def test_what_another_machine_wrote_is_seen_at_once(out: Path, world: storage.World) -> None:
    assert sizes(out) == {}
    s3.put(world.server.port, f"bucket/{out.name}/theirs")
    assert sizes(out) == {"theirs": 0}
    assert (out / "theirs").is_file()


def test_of_many_that_make_a_file_at_once_one_does(out: Path) -> None:
    winners: list[tuple[int, int]] = []

    def make(number: int, maker: int) -> None:
        try:
            with (out / str(number)).open("xb") as file:
                file.write(str(maker).encode())
        except FileExistsError:
            return
        winners.append((number, maker))

    for number in range(5):
        makers = [threading.Thread(target=make, args=(number, maker)) for maker in range(6)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
    assert sorted(number for number, _ in winners) == list(range(5))
    assert all((out / str(number)).read_bytes() == str(maker).encode() for number, maker in winners)


def test_an_answer_that_got_lost_makes_nobody_lose_the_own_file(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs: Any = out.fs  # type: ignore[attr-defined]
    real = fs.pipe_file

    def sent_and_cut(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        raise ConnectionResetError("cut")

    monkeypatch.setattr(fs, "pipe_file", sent_and_cut)
    with (out / "mine").open("xb") as file:
        file.write(b"mine")
    with pytest.raises(FileExistsError), (out / "mine").open("xb") as file:
        file.write(b"another's")
    assert (out / "mine").read_bytes() == b"mine"


def test_where_a_put_is_not_whole_a_file_is_written_beside_its_place_and_moved(tmp_path: Path) -> None:
    store: Any = remote.Remote(f"memory://{tmp_path.name}")
    for content in (b"first", b"second"):
        (store / "there" / "a.json").write_bytes(content)
        assert (store / "there" / "a.json").read_bytes() == content
    assert sizes(store / "there") == {"a.json": 6}


def test_a_store_is_asked_for_all_that_a_run_needs(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_place(out)
    assert sizes(out / ".store") == {}
    with pytest.raises(BadInput, match=r"s3://nowhere/x: there is no such place .*bucket does not exist"):
        check_place(place("s3://nowhere/x"))
    fs: Any = out.fs  # type: ignore[attr-defined]
    real = fs.pipe_file
    with monkeypatch.context() as patch:
        patch.setattr(fs, "pipe_file", lambda path, data, mode="": real(path, data))
        with pytest.raises(BadInput, match="lets a second writer replace a file"):
            check_place(out)

    monkeypatch.setattr(fs, "pipe_file", denied)
    monkeypatch.setattr(fs, "cat_file", denied)
    with pytest.raises(BadInput, match=r"Access Denied; its user must be allowed"):
        check_place(out)


def test_without_credentials_there_is_a_sentence_at_once(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    S3FileSystem.clear_instance_cache()
    begun = time.monotonic()
    with pytest.raises(BadInput, match="credentials"):
        check_place(place("s3://bucket/without"))
    assert time.monotonic() - begun < patience.AT_FIRST
    S3FileSystem.clear_instance_cache()


def test_a_connection_that_comes_back_is_waited_for(out: Path, world: storage.World) -> None:
    write_json(out / "a.json", 1)
    world.door.shut()
    again = threading.Timer(1.0, world.door.open)
    again.start()
    assert json.loads((out / "a.json").read_bytes()) == 1
    again.join()


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
