"""Folders, lists, and files of every sort beside the pictures: all that can be marked is."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ftbench.marking import sources
from tests.marking.calls import Command, photo, register
from tests.marking.carriers import photograph


def test_two_pictures_of_one_name_are_told_apart(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    files = [photo(tmp_path / "x" / "a.jpg"), photo(tmp_path / "y" / "A.png", seed=1), photo(tmp_path / "b.jpg")]
    said = ftbench_here("embed", model, *files)
    assert (said.code, said.err) == (0, "")
    assert register(tmp_path / "marked")["file"].tolist() == ["a.jpg.png", "A.png", "b.png"]
    # Of one kind as well, nothing tells them apart but their folders.
    files = [photo(tmp_path / "x" / "c.png"), photo(tmp_path / "y" / "c.png", seed=1), photo(tmp_path / "d.png")]
    said = ftbench_here("embed", model, *files)
    assert said.code == 1
    assert said.err.count("2 of the pictures would go to marked/c.png; name the folder above theirs") == 2
    assert not Path("marked/c.png").exists()
    assert Path("marked/d.png").exists()


def test_an_album_with_other_files_beside_its_pictures(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(["a.png", "b.png"]):
        source = photo(tmp_path / "album" / name, seed)
        for ending in (".MOV", ".xmp", ".CR2"):
            source.with_suffix(ending).write_bytes(b"not a picture")
    # A raw file is a TIFF to its first bytes; what is in it is no picture to mark.
    Image.fromarray(photograph(40, 60)).save(tmp_path / "album" / "b.CR2", format="TIFF")
    said = ftbench_here("embed", model, *sorted((tmp_path / "album").iterdir()))
    assert (said.code, said.err) == (0, "")
    assert sorted(file.name for file in Path("marked").glob("*.png")) == ["a.png", "b.png"]
    assert "2 of 2 pictures marked" in said.out
    assert "6 files are no pictures and were passed over: 2 .CR2, 2 .MOV, 2 .xmp" in said.out


def test_a_folder_is_marked_with_all_that_is_below_it(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    for seed, name in enumerate(["a.jpg", "day/a.jpg", "day/night/b.png", ".trash/c.png", "._a.jpg"]):
        photo(album / name, seed)
    (album / "notes.txt").write_text("no picture")
    (album / "loop").symlink_to(album, target_is_directory=True)
    said = ftbench_here("embed", model, album, "--out", album / "marked")
    assert said.code == 1
    assert f"{album / 'loop'}: it is a link to a folder" in said.err
    rows = register(album / "marked")
    assert rows["file"].tolist() == ["a.png", "day/a.png", "day/night/b.png"]
    for row in rows.to_dict("records"):
        assert hashlib.sha256((album / "marked" / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    # Marked copies are none of the pictures, however often it runs.
    again = ftbench_here("embed", model, album, "--out", album / "marked")
    assert again.err.count("is there already") == 3
    assert len(ftbench_here("extract", model, album / "marked").out.splitlines()) == 5


def test_a_closed_folder_is_named_and_the_rest_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        photo(tmp_path / name)
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = sources.gather([tmp_path]).pictures
    assert {str(one.place): one.obstacle for one in found} == {
        str(Path("a/1.png")): "",
        str(Path("c/3.png")): "",
        "b": "it cannot be opened: permission denied",
    }
    jobs = sources.plan(found, Path("marked"), "png")
    assert [job.obstacle for job in jobs] == [one.obstacle for one in found]


def test_a_list_of_files(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(["a.png", "b c.png", "d.png"]):
        photo(tmp_path / name, seed)
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbfa.png\r\nb c.png\r\n\r\n")
    assert ftbench_here("embed", model, "--files-from", "list.txt").code == 0
    assert register(tmp_path / "marked")["file"].tolist() == ["a.png", "b c.png"]
    (tmp_path / "list0").write_bytes(b"d.png\0a.png\0")
    said = ftbench_here("extract", model, "a.png", "--files-from", "list0", "--json")
    assert [row["file"] for row in json.loads(said.out)] == ["a.png", "d.png"]


UNFIT = ["pipe.png", "loop.png", "closed.png", "n" * 251 + ".png", "nowhere.png", "MEMORY.png"]


def test_one_strange_file_stops_no_other(
    ftbench_here: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [photo(tmp_path / "first.png"), photo(tmp_path / "last.png", seed=1)]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
    else:
        (tmp_path / "pipe.png").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "nowhere.png").symlink_to("gone.png")
    for name in ("closed.png", "MEMORY.png"):
        photo(tmp_path / name)
    # The name itself fits, and a temporary file's that began with it would not.
    photo(tmp_path / "w.png").rename(tmp_path / ("n" * 251 + ".png"))
    # One that its marked copy's ending makes too long.
    too_long = photo(tmp_path / "v.jpg").rename(tmp_path / ("m" * 252 + ".jp"))
    real = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        if self.name == "closed.png":
            raise PermissionError(13, "Permission denied")
        if self.name == "MEMORY.png":
            raise MemoryError
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    said = ftbench_here("embed", model, good[0], *(tmp_path / name for name in UNFIT), too_long, good[1])
    assert said.code == 1
    assert sorted(file.name for file in Path("marked").glob("*.png")) == ["first.png", "last.png", "n" * 251 + ".png"]
    assert "3 of 9 pictures marked" in said.out
    reasons = [line.removeprefix(f"{tmp_path}/").split(": ", 1) for line in said.err.splitlines()]
    assert [name for name, _ in reasons] == [*UNFIT[:3], *UNFIT[4:], too_long.name]
    assert "file name too long; give the picture another name" in reasons[-1][1]


def test_nothing_to_mark_is_one_sentence(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty").mkdir()
    for arguments, says in (
        (["notes.txt"], "there is no picture in notes.txt; 1 file is no picture and was passed over: 1 .txt"),
        (["empty"], "there is no picture in empty; name JPEG"),
        ([], "no picture is named; give files or folders"),
        (["--files-from", "gone.txt"], "the list gone.txt cannot be read: No such file"),
        (["--files-from", "/dev/null"] if os.name == "posix" else ["empty"], "names no file|no picture in empty"),
    ):
        said = ftbench_here("embed", model, *arguments)
        assert said.code == 2
        assert re.search(says, said.err)
        assert len(said.err.splitlines()) == 1


def test_names_cannot_steer_the_terminal(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    good = photo(tmp_path / "a\x1b[31mred\u202egnp.png")
    bad = tmp_path / "b\x1b]0;title\x07.png"
    bad.write_text("no picture")
    said = [
        ftbench_here("embed", model, good, bad),
        ftbench_here("embed", model, good, bad),
        ftbench_here("extract", model, good, bad, "--among", "marked/payloads.csv"),
        ftbench_here("extract", model, good, bad, "--json"),
    ]
    for one in said:
        assert not set("\x1b\x07\u202e") & set(one.out + one.err)
    assert "a\\x1b[31mred\\u202egnp.png -> " in said[0].out
    # The register and JSON hold the true name.
    assert register(tmp_path / "marked")["file"].tolist() == [good.name]
    assert [Path(row["file"]).name for row in json.loads(said[3].out)] == [good.name, bad.name]
