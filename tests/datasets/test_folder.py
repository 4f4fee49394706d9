"""A folder of photographs as a data set: who is shown where, and what is passed over or set aside."""

import os
import socket
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from made import by_name, digest, opened, people, photo, put

from ftbench.data.splits import split_of
from ftbench.errors import BadInput


def test_a_sub_folder_is_a_person_however_deep_the_image(tmp_path):
    root = people(tmp_path / "My Faces_1")
    put(root / "p1" / "2019" / "summer" / "x.JPG", photo(77))
    source = opened(root)
    assert source.name == "my-faces_1"
    assert Counter(item.identity for item in source.items) == {"p0": 20, "p1": 21}
    deep = by_name(source)["p1/2019/summer/x.JPG"]
    assert deep.key == digest(root / deep.name)
    assert deep.identity == "p1"
    assert [item.name for item in source.items] == sorted(item.name for item in source.items)
    assert source.set_aside == ()
    assert all(str(tmp_path) not in text for text in (source.name, *source.notes, *by_name(source)))


def test_a_flat_folder_shows_one_person_an_image(tmp_path):
    for number in range(30):
        put(tmp_path / f"face {number}.bmp", photo(number, 48, 48))
    for split_by in ("image", "identity"):
        source = opened(tmp_path, split_by)
        assert sorted(item.identity for item in source.items) == sorted(f"face {n}" for n in range(30))
        # An identity of one image is split by that image: its name is no lasting name.
        assert all(item.split == split_of(item.key) for item in source.items)


def test_images_beside_sub_folders_of_images_are_ambiguous(tmp_path):
    people(tmp_path)
    put(tmp_path / "loose.bmp", photo(5))
    with pytest.raises(BadInput, match=r"both directly and in sub-folders.*index\.csv"):
        opened(tmp_path)


def test_other_files_and_hidden_ones_are_passed_over(tmp_path):
    people(tmp_path)
    (tmp_path / "README.txt").write_text("read me")
    (tmp_path / "p0" / "notes.json").write_text("{}")
    for hidden in (".trash/a.bmp", "p0/._000.bmp", "__MACOSX/p0/000.bmp", ".DS_Store.bmp"):
        put(tmp_path / hidden, photo(9))
    source = opened(tmp_path)
    assert len(source.items) == 40
    assert source.set_aside == ()


def test_pictures_of_kinds_that_are_not_read_are_named(tmp_path):
    people(tmp_path)
    for name in ("p0/a.HEIC", "p1/b.cr2", "p1/c.nef", "p1/film.mov", "p1/a.xmp"):
        (tmp_path / name).write_bytes(b"x")
    source = opened(tmp_path)
    assert source.set_aside == (
        ("p0/a.HEIC", "HEIC is not read: save it as JPEG or PNG"),
        ("p1/b.cr2", "CR2 is not read: save it as JPEG or PNG"),
        ("p1/c.nef", "NEF is not read: save it as JPEG or PNG"),
    )


def test_a_folder_of_pictures_that_are_not_read_says_so(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"x")
    with pytest.raises(BadInput, match=r"holds no images \(a\.heic: HEIC is not read"):
        opened(tmp_path)


def test_pictures_of_other_endings_are_read(tmp_path):
    root = people(tmp_path)
    put(root / "p0" / "x.jfif", photo(7), format="JPEG")
    put(root / "p0" / "x.pgm", photo(8).convert("L"))
    put(root / "p1" / "x.GIF", photo(9))
    assert len(opened(root).items) == 43


def test_a_person_whose_name_is_composed_otherwise_is_one_person(tmp_path):
    root = people(tmp_path)
    composed, apart = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    (root / "p0").rename(root / apart)
    put(root / composed / "x.bmp", photo(5))
    source = opened(root)
    assert Counter(item.identity for item in source.items) == {composed: 21, "p1": 20}


def test_links_out_of_the_folder_are_set_aside(tmp_path):
    root = people(tmp_path / "faces")
    outside = put(tmp_path / "outside" / "x.bmp", photo(5))
    (root / "p0" / "link.bmp").symlink_to(outside)
    (root / "p0" / "broken.bmp").symlink_to(tmp_path / "gone.bmp")
    (root / "p2").symlink_to(outside.parent)
    (root / "p1" / "inner.bmp").symlink_to(put(root / "p1" / "real.bmp", photo(6)))
    source = opened(root)
    assert [name for name, reason in source.set_aside if "a link" in reason] == [
        "p0/broken.bmp",
        "p0/link.bmp",
        "p2",
    ]
    assert len(source.items) == 41


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes in folders")
def test_pipes_and_sockets_are_set_aside_and_not_waited_for(tmp_path):
    root = people(tmp_path / "faces")
    os.mkfifo(root / "p0" / "x.png")
    (root / "p0" / "y.png").symlink_to(root / "p0" / "x.png")
    here = Path.cwd()
    # A socket's whole path may be no longer than some 100 letters.
    os.chdir(root / "p1")
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("z.png")
    finally:
        os.chdir(here)
    (root / "p1" / "folder.png").mkdir()
    source = opened(root)
    assert source.set_aside == tuple(
        (name, "a pipe, a socket or a device") for name in ("p0/x.png", "p0/y.png", "p1/z.png")
    )
    assert len(source.items) == 40


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes in folders")
def test_a_file_that_became_a_pipe_is_not_waited_for(tmp_path):
    source = opened(people(tmp_path))
    first = source.items[0]
    (tmp_path / first.name).unlink()
    os.mkfifo(tmp_path / first.name)
    with pytest.raises(BadInput, match="a pipe, a socket or a device; run again"):
        source.load(first, 16)


def test_loops_of_links_are_set_aside(tmp_path):
    root = people(tmp_path / "faces")
    (root / "p0" / "loop.bmp").symlink_to(root / "p0" / "loop.bmp")
    (root / "p1" / "up").symlink_to(root)
    (root / "p1" / "round.bmp").symlink_to("../p1/round.bmp")
    source = opened(root)
    assert [name for name, _ in source.set_aside] == ["p0/loop.bmp", "p1/round.bmp", "p1/up"]
    assert len(source.items) == 40
