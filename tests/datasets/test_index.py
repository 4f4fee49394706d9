import errno
import os
import unicodedata
from collections import Counter

import pytest
from made import by_name, indexed, numbered, opened, photo, put, rows, said, splits
from PIL import Image

from ftbench.data.splits import split_of
from ftbench.errors import BadInput


def test_rows_are_honoured_as_they_are(tmp_path):
    names = numbered(tmp_path, 12)
    given = {name: ("train", "val", "test")[n % 3] for n, name in enumerate(names)}
    indexed(tmp_path, rows(*((name, f"who{n % 2}", given[name]) for n, name in enumerate(names))))
    put(tmp_path / "i" / "extra.bmp", photo(99))
    source = opened(tmp_path)
    assert {item.name: item.split for item in source.items} == given
    assert {item.name: item.identity for item in source.items} == {n: f"who{i % 2}" for i, n in enumerate(names)}
    assert said(source, "does not name").startswith("1 ")
    assert said(source, "names the split of 12 of 12")


def test_index_reads_spreadsheets_as_they_come(tmp_path):
    names = numbered(tmp_path, 10)
    lines = [f'{5},"{name}","who, me", {"test" if n > 5 else "train"} ' for n, name in enumerate(names)]
    text = "\ufeffscore,Path,Identity,SPLIT\r\n" + "\r\n\r\n".join(lines).replace("i/", "i\\") + "\r\n"
    (tmp_path / "index.csv").write_bytes(text.encode())
    source = opened(tmp_path)
    assert {item.identity for item in source.items} == {"who, me"}
    assert Counter(item.split for item in source.items)["test"] == 4
    assert [item.name for item in source.items] == names


@pytest.mark.parametrize("parting", [";", "\t"])
def test_an_index_of_other_spreadsheets_and_words_is_read(tmp_path, parting):
    names = numbered(tmp_path, 12)
    words = ("Train", "training", "TEST", "testing", "validation", "Valid")
    lines = [parting.join((name, '"who, me"', words[n % 6])) for n, name in enumerate(names)]
    indexed(tmp_path, "\n".join([parting.join(("path", "identity", "split")), *lines]))
    source = opened(tmp_path)
    assert {item.identity for item in source.items} == {"who, me"}
    assert Counter(item.split for item in source.items) == {"train": 4, "val": 4, "test": 4}


@pytest.mark.parametrize(("disk", "index"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_names_match_however_their_letters_are_composed(tmp_path, disk, index):
    names = [f"Zoë/é{n:03}.bmp" for n in range(10)]
    for n, name in enumerate(names):
        put(tmp_path / unicodedata.normalize(disk, name), photo(n, 40, 40))
    given = [
        (
            unicodedata.normalize(index, name),
            unicodedata.normalize(("NFC", "NFD")[n // 2 % 2], "Zoë"),
            ("train", "test")[n % 2],
        )
        for n, name in enumerate(names)
    ]
    source = opened(indexed(tmp_path, rows(*given)))
    assert len(source.items) == 10
    assert {item.identity for item in source.items} == {unicodedata.normalize("NFC", "Zoë")}
    assert source.set_aside == ()
    assert not [note for note in source.notes if "does not name" in note]


def test_one_file_under_two_compositions_of_its_name_must_not_be_contradicted(tmp_path):
    put(tmp_path / "é.bmp", photo(1))
    lines = [(unicodedata.normalize(form, "é.bmp"), "w", split) for form, split in (("NFC", "train"), ("NFD", "test"))]
    with pytest.raises(BadInput, match="line 3 contradicts line 2"):
        opened(indexed(tmp_path, rows(*lines)))


def test_without_a_split_column_the_content_decides(tmp_path):
    names = numbered(tmp_path, 60)
    indexed(tmp_path, "path,identity\n" + "".join(f"{name},w{n % 3}\n" for n, name in enumerate(names)))
    source = opened(tmp_path)
    assert len(source.items) == 60
    assert all(item.split == split_of(item.key) for item in source.items)


def test_without_an_identity_column_folders_and_file_names_say_who(tmp_path):
    names = numbered(tmp_path, 10)
    put(tmp_path / "solo.bmp", photo(40))
    indexed(tmp_path, "path,split\n" + "".join(f"{name},train\n" for name in names[:6]) + "solo.bmp,test\n")
    with (tmp_path / "index.csv").open("a") as stream:
        stream.write("".join(f"{name},test\n" for name in names[6:]))
    source = opened(tmp_path)
    assert {item.identity for item in source.items} == {"i", "solo"}


def test_an_empty_split_follows_its_near_duplicates_and_else_the_content(tmp_path):
    names = numbered(tmp_path, 60)
    mates = []
    for n in range(10):
        original = Image.open(tmp_path / names[n])
        mates.append(put(tmp_path / "i" / f"mate{n}.jpg", original, quality=80).relative_to(tmp_path).as_posix())
    lines = [(name, "w", "val" if n < 10 else "") for n, name in enumerate(names)]
    indexed(tmp_path, rows(*lines, *((mate, "w", "") for mate in mates)))
    source = by_name(opened(tmp_path))
    assert {source[name].split for name in (*names[:10], *mates)} == {"val"}
    assert all(source[name].split == split_of(source[name].key) for name in names[10:])


def test_val_becomes_test_and_a_new_val_is_cut_by_identity(tmp_path):
    lines = []
    for person in range(60):
        for n in range(2):
            path = put(tmp_path / f"p{person}" / f"{n}.bmp", photo(person * 10 + n, 40, 40))
            lines.append((path.relative_to(tmp_path).as_posix(), f"p{person}", "val" if person % 5 == 0 else "train"))
    source = opened(indexed(tmp_path, rows(*lines)))
    found = by_name(source)
    assert all(found[name].split == "test" for name, _, split in lines if split == "val")
    rest = {found[name].identity: set() for name, _, split in lines if split == "train"}
    for name, identity, split in lines:
        if split == "train":
            rest[identity].add(found[name].split)
    assert all(len(each) == 1 for each in rest.values())
    assert Counter(each.pop() for each in rest.values()).keys() == {"train", "val"}
    assert said(source, "its val is used as test")
    assert "whole identities" in said(source, "names no val split")
    assert splits(opened(tmp_path)) == splits(source)


def test_a_new_val_is_cut_by_image_where_people_are_in_several_splits(tmp_path):
    names = numbered(tmp_path, 80)
    indexed(
        tmp_path,
        rows(*((name, f"w{n % 2}", "test" if n % 4 == 0 else "train") for n, name in enumerate(names))),
    )
    source = opened(tmp_path)
    count = Counter(item.split for item in source.items)
    assert count["test"] == 20
    assert 1 <= count["val"] <= 20
    assert "(images, by hash)" in said(source, "names no val split")
    assert {item.identity for item in source.items if item.split == "val"} == {"w0", "w1"}


def test_near_duplicates_that_the_index_tears_apart_are_told(tmp_path):
    names = numbered(tmp_path, 8)
    put(tmp_path / "i" / "mate.jpg", Image.open(tmp_path / names[0]), quality=80)
    given = [(name, "w", ("train", "test")[n % 2]) for n, name in enumerate(names)]
    source = opened(indexed(tmp_path, rows(*given, ("i/mate.jpg", "w", "test"))))
    assert by_name(source)["i/mate.jpg"].split == "test"
    assert said(source, "in more than one split").startswith("1 of these groups")


def test_one_file_that_the_index_puts_in_two_splits_is_set_aside_once(tmp_path):
    names = numbered(tmp_path, 8)
    (tmp_path / "i" / "zz.bmp").write_bytes((tmp_path / names[0]).read_bytes())
    given = [(name, "w", ("train", "test")[n % 2]) for n, name in enumerate(names)]
    source = opened(indexed(tmp_path, rows(*given, ("i/zz.bmp", "w", "test"))))
    assert source.set_aside == (("i/zz.bmp", "the same file as i/000.bmp, which index.csv puts in train"),)


def test_a_missing_file_is_set_aside_with_its_line(tmp_path):
    names = numbered(tmp_path, 8)
    given = [(name, "w", ("train", "test")[n % 2]) for n, name in enumerate(names)]
    source = opened(indexed(tmp_path, rows(*given[:3], ("i/gone.bmp", "w", "train"), *given[3:])))
    assert source.set_aside == (("i/gone.bmp", "named in index.csv line 5, not found"),)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes in folders")
def test_what_is_no_file_is_set_aside_with_its_line(tmp_path):
    names = numbered(tmp_path, 8)
    os.mkfifo(tmp_path / "i" / "pipe.bmp")
    (tmp_path / "i" / "loop.bmp").symlink_to("loop.bmp")
    given = [(name, "w", ("train", "test")[n % 2]) for n, name in enumerate(names)]
    extra = [(f"i/{name}", "w", "train") for name in ("pipe.bmp", "loop.bmp", "a" * 300 + ".bmp")] + [
        ("i", "w", "train")
    ]
    source = opened(indexed(tmp_path, rows(*extra, *given)))
    assert dict(source.set_aside) == {
        "i": "named in index.csv line 5, a folder",
        "i/pipe.bmp": "named in index.csv line 2, a pipe, a socket or a device",
        "i/loop.bmp": f"named in index.csv line 3, cannot be opened: {os.strerror(errno.ELOOP).lower()}",
        "i/" + "a" * 300 + ".bmp": "named in index.csv line 4, not found",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes in folders")
def test_an_index_that_is_a_pipe_is_refused(tmp_path):
    numbered(tmp_path, 8)
    os.mkfifo(tmp_path / "index.csv")
    with pytest.raises(BadInput, match=r"index\.csv: a pipe, a socket or a device; make it a file"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"index\.csv is empty; begin it with path,identity,split"),
        ("i/000.bmp,a,train\n", r"line 1 names no column path; begin it with"),
        ("path,identity,split\n", r"names no image; add rows"),
        (
            "path,split\ni/000.bmp,train\ni/001.bmp,dev\n",
            r"line 3: 'dev' is no split; write train, val or test",
        ),
        ("path,split\n\n../x.bmp,train\n", r"line 3: \.\./x\.bmp leads out of the folder"),
        ("path\ni/../../x.bmp\n", r"line 2: .* leads out of the folder"),
        ("path\n/etc/passwd\n", r"line 2: /etc/passwd leads out of the folder"),
        ("path\nC:\\faces\\x.bmp\n", r"line 2: .* leads out of the folder"),
        ("path\ni/out/x.bmp\n", r"line 2: i/out/x\.bmp is a link out of the folder"),
        ("path,split\n,train\n", r"line 2 names no image; give its path"),
        ("path\ni/0\0.bmp\n", r"line 2 names no image; give its path"),
        ("path,split\ni/000.bmp,train,a\n", r"line 2 has 3 cells where the header has 2"),
        ('path\n"i/000.bmp\n', r"cannot be read as comma-separated UTF-8 text .*; save it so"),
        ("path,split\ni/000.bmp,train\n./i/000.bmp,test\n", r"line 3 contradicts line 2 about i/000\.bmp"),
    ],
)
def test_an_index_that_cannot_be_trusted_stops_with_place_and_remedy(tmp_path, text, sentence):
    root = tmp_path / "faces"
    numbered(root, 2)
    put(tmp_path / "outside" / "x.bmp", photo(1))
    (root / "i" / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(BadInput, match=sentence) as caught:
        opened(indexed(root, text))
    assert str(root / "index.csv") in str(caught.value)


def test_an_index_in_another_encoding_is_refused(tmp_path):
    numbered(tmp_path, 1)
    (tmp_path / "index.csv").write_bytes("path,identity\ni/000.bmp,Zoë\n".encode("latin-1"))
    with pytest.raises(BadInput, match="UTF-8"):
        opened(tmp_path)
