"""Sub-folders that are no people: those of splits, and one round the people's."""

import pytest
from made import opened, people

from ftbench.errors import BadInput
from ftbench_datasets.subfolders import check


def pictures(*folders: str) -> list[tuple[str, ...]]:
    return [(*folder.split("/"), f"{number}.png") for folder in folders for number in range(3)]


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (["train", "Test"], "Test, train"),
        (["train"], "train"),
        (["val"], "val"),
        (["train/alice", "train/bob"], "train"),
        (["train/alice", "test/alice", "extra"], "test, train"),
        (["alice", "bob", "testing"], "testing"),
        (["train_set", "validation-images"], "train_set, validation-images"),
        (["faces_train", "dev"], "dev, faces_train"),
    ],
)
def test_splits_are_no_people(tmp_path, folders, named):
    with pytest.raises(BadInput, match=rf"\({named}\) are named like splits, not people; add an index\.csv"):
        check(tmp_path, pictures(*folders))


@pytest.mark.parametrize(
    ("folders", "wrapper", "found"),
    [
        (["faces/alice", "faces/bob"], "faces", r"holds 2 sub-folders \(alice, bob\)"),
        (["lfw-2009/alice", "lfw-2009/bob/deep"], "lfw-2009", "holds 2 sub-folders"),
        (["images"], "images", "is not named like a person"),
        (["My_Photos2"], "My_Photos2", "is not named like a person"),
    ],
)
def test_a_folder_round_the_people_is_no_person(tmp_path, folders, wrapper, found):
    with pytest.raises(BadInput, match=f"one sub-folder, {wrapper}, which {found}.*: set path to .*{wrapper}"):
        check(tmp_path, pictures(*folders))


@pytest.mark.parametrize(
    "folders",
    [
        ["alice"],
        ["alice", "alice/2019"],
        ["alice/2019", "bob/2019", "bob/2020"],
        ["Val", "Bob"],
        ["Valentin", "Tess", "Trainor"],
        ["person-1"],
        ["images", "alice"],
    ],
)
def test_people_are_people(tmp_path, folders):
    check(tmp_path, pictures(*folders))


def test_an_index_one_folder_below_is_pointed_at(tmp_path):
    root = people(tmp_path / "celebrities", count=1)
    (root / "index.csv").write_text("path\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"which holds an index\.csv: set path to .*celebrities"):
        opened(tmp_path)
