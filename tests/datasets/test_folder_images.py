"""A folder's unusable images and paths, loading, the plugin's record, and real faces where someone has them."""

import os
import pickle
import random
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from made import by_name, opened, people, photo, put, said
from PIL import Image

from ftbench.errors import BadInput
from ftbench_datasets import layout
from ftbench_datasets.plugin import FolderParameters, ftbench_datasets

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
