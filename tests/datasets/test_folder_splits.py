"""The splits of a folder's images: they last, keep people whole when asked, and keep copies together."""

import os
import subprocess
import sys

from made import by_name, digest, opened, people, photo, put, said, splits
from PIL import Image, ImageOps

from ftbench.data.splits import split_of


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
