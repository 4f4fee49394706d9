"""A store that fsspec reaches, against a real S3-compatible server in a process of its own."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reliability import s3, storage
from ftbench.errors import BadInput
from ftbench.storage import patience
from ftbench.storage.files import write_atomically, write_json
from ftbench.storage.places import check_place, place, remove_folder, sizes
from tests.reliability.on_s3 import denied

pytest.importorskip("moto.server")
from ftbench.storage import remote


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
