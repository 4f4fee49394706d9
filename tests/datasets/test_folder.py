import os
import pickle
import random
import socket
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from made import by_name, digest, opened, people, photo, put, said, splits
from PIL import Image, ImageOps

from ftbench.data.splits import split_of
from ftbench.errors import BadInput
from ftbench_datasets import layout
from ftbench_datasets.plugin import FolderParameters, ftbench_datasets

# Layouts.


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


# Splits.


def test_splits_are_by_content_and_survive_renaming_and_adding(tmp_path):
    root = people(tmp_path / "faces", each=60)
    before = opened(root)
    assert all(item.split == split_of(item.key) for item in before.items)
    assert set(splits(before).values()) == {"train", "val", "test"}
    for file in sorted(root.rglob("*.bmp")):
        file.rename(file.with_name(f"renamed {file.name[::-1].removeprefix('pmb.')}.bmp"))
    people(root, count=3, each=10)
    for number in range(30):
        put(root / "p3" / f"{number}.bmp", photo(9000 + number, 48, 48))
    after = opened(root)
    assert len(after.items) > len(before.items)
    assert splits(before).items() <= splits(after).items()
    assert "70% train, 10% val, 20% test" in said(after, "Split by a hash of the image's content")


def test_split_by_identity_keeps_a_person_whole(tmp_path):
    people(tmp_path, count=30, each=2)
    source = opened(tmp_path, "identity")
    assert len(source.items) == 60
    assert all(item.split == split_of(item.identity) for item in source.items)
    assert {item.split for item in source.items} == {"train", "val", "test"}
    assert said(source, "Split by a hash of the identity's name")


def test_near_duplicates_share_the_split_of_their_original(tmp_path):
    root = people(tmp_path, each=40)
    groups = []
    for number in range(12):
        original = root / "p0" / f"{number:03}.bmp"
        large = photo(500 + number, 160, 200)
        group = [
            put(original, large),
            put(root / "p0" / f"saved{number}.jpg", large, quality=70),
            put(root / "p0" / f"half{number}.bmp", large.resize((80, 100), Image.Resampling.BICUBIC)),
            put(root / "p1" / f"bright{number}.jpg", large.point(lambda v: min(255, round(v * 1.03))), quality=80),
        ]
        groups.append([digest(path) for path in group])
    source = opened(root)
    found = splits(source)
    assert len(found) == 80 + 36
    for group in groups:
        assert {found[key] for key in group} == {split_of(group[0])}
    # The others are unlike each other, so each goes its own way.
    copies = {key for group in groups for key in group}
    assert all(split == split_of(key) for key, split in found.items() if key not in copies)
    assert said(source, "near-duplicates (re-saved").startswith("12 groups")
    # Without the grouping, these very copies would have been torn apart.
    assert any(len({split_of(key) for key in group}) > 1 for group in groups)


def test_copies_move_no_originals_and_lie_in_their_splits(tmp_path):
    root = people(tmp_path, each=1)
    pictures = {f"p{n % 2}/o{n}": photo(700 + n, 120, 120) for n in range(24)}
    for name, picture in pictures.items():
        put(root / f"{name}.png", picture)
    before = {item.name: item.split for item in opened(root).items}
    assert all(before[f"{name}.png"] == split_of(digest(root / f"{name}.png")) for name in pictures)
    for name, picture in pictures.items():
        put(root / f"{name}-saved.jpg", picture, quality=75)
        put(root / f"{name}-mirrored.jpg", ImageOps.mirror(picture), quality=88)
        put(root / f"{name}-cut.jpg", picture.crop((4, 3, 114, 113)).resize((120, 120)), quality=92)
    after = {item.name: item.split for item in opened(root).items}
    assert {name: after[name] for name in before} == before
    torn = [name for name in after if "-" in name and after[name] != before[f"{name.split('-')[0]}.png"]]
    assert torn == []


def test_near_duplicates_of_two_people_stay_apart_when_people_are_split(tmp_path):
    people(tmp_path, count=30, each=2)
    one, other = (next(p for p in range(30) if split_of(f"p{p}") == split) for split in ("train", "test"))
    put(tmp_path / f"p{one}" / "same.bmp", photo(50))
    put(tmp_path / f"p{other}" / "same.jpg", photo(50), quality=80)
    source = opened(tmp_path, "identity")
    assert by_name(source)[f"p{one}/same.bmp"].split == "train"
    assert by_name(source)[f"p{other}/same.jpg"].split == "test"
    assert said(source, "identities are kept whole").startswith("1 of these groups")


def test_byte_copies_are_kept_once_and_contradictions_set_aside(tmp_path):
    people(tmp_path)
    for name in ("p0/zz.bmp", "p0/copy of 000.bmp", "p1/who.bmp"):
        (tmp_path / name).write_bytes((tmp_path / "p0/000.bmp").read_bytes())
    source = opened(tmp_path)
    assert len(source.items) == len(splits(source)) == 40
    assert said(source, "byte-for-byte").startswith("2 ")
    assert source.set_aside == (("p1/who.bmp", "the same file as p0/000.bmp, which shows p0"),)


def test_copies_in_a_flat_folder_contradict_nobody(tmp_path):
    for number in range(30):
        put(tmp_path / f"{number:02}.bmp", photo(number, 48, 48))
    (tmp_path / "00 (1).bmp").write_bytes((tmp_path / "00.bmp").read_bytes())
    source = opened(tmp_path)
    assert (len(source.items), source.set_aside) == (30, ())
    assert said(source, "byte-for-byte").startswith("1 ")


def test_opening_twice_gives_the_same_whatever_the_hash_seed(tmp_path):
    root = people(tmp_path, each=30)
    put(root / "p0" / "again.jpg", photo(3, 48, 48), quality=85)
    script = (
        "import sys; from ftbench_datasets.folder import FolderSource as F;"
        "s = F(path=sys.argv[1], split_by='image', minimum_pixels=16); print(s.items, s.notes)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, str(root)],
            env={**env, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


# Bad images.


def test_unusable_images_are_set_aside_with_reasons(tmp_path):
    root = people(tmp_path)
    whole = put(root / "p0" / "whole.jpg", photo(1, 200, 200)).read_bytes()
    (root / "p0" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "p0" / "empty.bmp").write_bytes(b"")
    (root / "p1" / "text.jpeg").write_text("not an image")
    put(root / "p1" / "tiny.bmp", photo(2, 15, 300))
    put(root / "p1" / "deep.tif", Image.fromarray(np.ones((30, 30), dtype=np.float32)))
    source = opened(root)
    assert dict(source.set_aside) == {
        "p0/cut.jpg": "damaged or truncated",
        "p0/empty.bmp": "empty file",
        "p1/deep.tif": "32-bit samples of unknown range: save it with 8 or 16 bits",
        "p1/text.jpeg": "not a JPEG, PNG, WebP, BMP, TIFF, GIF, PPM, JPEG 2000 or AVIF image",
        "p1/tiny.bmp": "too small: 15×300 pixels, under 16",
    }
    assert len(source.items) == 41
    assert "p1/tiny.bmp" in by_name(opened(root, minimum_pixels=15))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_set_aside(tmp_path):
    people(tmp_path)
    (tmp_path / "p0" / "000.bmp").chmod(0)
    assert opened(tmp_path).set_aside == (("p0/000.bmp", "cannot be opened: permission denied"),)


def test_too_few_images_stop_with_counts_reasons_and_remedy(tmp_path):
    people(tmp_path, count=1, each=4)
    for number in range(5):
        (tmp_path / "p0" / f"bad{number}.bmp").write_bytes(b"x")
    with pytest.raises(BadInput) as caught:
        opened(tmp_path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{tmp_path}: 9 images found, 5 set aside (p0/bad0.bmp: not a JPEG")
    assert sentence.count("not a JPEG") == 3
    assert "train and test need 2 each: add or mend images, or name their splits in index.csv" in sentence


def test_two_people_split_by_identity_are_too_few(tmp_path):
    with pytest.raises(BadInput, match="set split_by: image"):
        opened(people(tmp_path), "identity")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: None, r"^There is no folder .*faces; set path to"),
        (lambda root: root.write_text(""), r"is a file, not a folder; set path to"),
        (lambda root: root.mkdir(), r"faces holds no images; put JPEG, .* images there"),
        (lambda root: (root / "a" / "b").mkdir(parents=True), r"holds no images"),
    ],
)
def test_a_folder_that_is_none_or_empty_stops_with_a_remedy(tmp_path, make, sentence):
    root = tmp_path / "faces"
    make(root)
    with pytest.raises(BadInput, match=sentence):
        opened(root)
    objection = layout.objection(path=str(root), split_by="image", minimum_pixels=16)
    assert (objection is None) == root.is_dir()


@pytest.mark.parametrize("path", ["a" * 5000, "a\0b", "~nobody-of-this-name/faces", "loop/faces"])
def test_a_path_that_leads_nowhere_is_one_sentence(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    with pytest.raises(BadInput, match=r"cannot be opened|There is no folder"):
        layout.folder(path)


def test_an_empty_path_is_not_the_present_folder():
    assert "path is empty" in str(layout.objection(path=" "))


# Loading.


def test_load_gives_the_upright_square_of_the_file(tmp_path):
    root = people(tmp_path)
    wide = Image.fromarray(np.full((60, 180, 3), 255, dtype=np.uint8))
    wide.paste((200, 30, 60), (60, 0, 120, 60))
    exif = Image.Exif()
    exif[274] = 6
    put(root / "p0" / "wide.png", wide.transpose(Image.Transpose.ROTATE_90), exif=exif)
    source = opened(root)
    loaded = source.load(by_name(source)["p0/wide.png"], 32)
    assert (loaded.shape, loaded.dtype) == ((32, 32, 3), np.uint8)
    assert (loaded[2:-2, 2:-2] == (200, 30, 60)).all()
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again.load(again.items[0], 48), np.asarray(photo(0, 48, 48)))


def test_a_file_that_changed_since_opening_is_not_passed_off(tmp_path):
    source = opened(people(tmp_path))
    item = by_name(source)["p1/003.bmp"]
    put(tmp_path / item.name, photo(12345))
    with pytest.raises(BadInput, match=r"^p1/003\.bmp in data set .* changed since"):
        source.load(item, 32)
    (tmp_path / item.name).unlink()
    with pytest.raises(BadInput, match=r"^p1/003\.bmp in data set .* not found"):
        source.load(item, 32)


def test_the_order_of_the_file_system_does_not_matter(tmp_path, monkeypatch):
    people(tmp_path)
    (tmp_path / "p0" / "aa.bmp").write_bytes((tmp_path / "p0" / "000.bmp").read_bytes())
    expected = opened(tmp_path)
    walk = os.walk

    def shuffled(*arguments, **options):
        for place, folders, names in walk(*arguments, **options):
            random.Random(4).shuffle(names)
            folders.reverse()
            yield place, folders, names

    monkeypatch.setattr(os, "walk", shuffled)
    found = opened(tmp_path)
    assert (found.items, found.notes) == (expected.items, expected.notes)


# The plugin.


def test_listing_imports_nothing_heavy():
    script = (
        "import sys, ftbench_datasets.plugin as p; records = list(p.ftbench_datasets());"
        "print([r.name for r in records]);"
        "heavy = {'torch', 'numpy', 'PIL', 'scipy', 'kornia'} & set(sys.modules); assert not heavy, heavy"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'folder', 'procedural-faces'" in done.stdout


def test_the_record_builds_the_source_from_its_parameters(tmp_path):
    record = next(record for record in ftbench_datasets() if record.name == "folder")
    parameters = FolderParameters(path=str(people(tmp_path / "x")))
    assert record.object_to(parameters) is None
    assert "There is no folder" in str(record.object_to(FolderParameters(path=str(tmp_path / "y"))))
    source = record.load()(**dict(parameters))
    assert len(source.items) == 40


# Real faces, where someone has them.


@pytest.mark.skipif("FTBENCH_FACES" not in os.environ, reason="FTBENCH_FACES names no folder of real faces")
def test_real_faces_open_whole():
    faces = Path(os.environ["FTBENCH_FACES"])
    two = opened(faces / "two_identity")
    assert Counter(item.identity for item in two.items) == {"a": 245, "b": 211}
    assert (two.name, two.set_aside) == ("two_identity", ())
    many = opened(faces / "many_identities")
    copies = int(said(many, "byte-for-byte").split()[0])
    assert len(many.items) + copies == 3358 + 436
    assert many.set_aside == ()
    shown = {split: {item.identity for item in many.items if item.split == split} for split in ("train", "val", "test")}
    assert all(not shown[one] & shown[other] for one, other in combinations(shown, 2))
    count = Counter(item.split for item in many.items)
    assert 436 - copies <= count["test"] <= 436
    assert 250 < count["val"] < 600
