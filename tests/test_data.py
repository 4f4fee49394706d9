"""Which people and which images a benchmark works with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ftbench.contract.protocols import Item
from ftbench.data.images import FEWEST, RESERVE, Data, choose, describe
from ftbench.errors import BadInput


class Source:
    name = "made"
    set_aside = (("bad.jpg", "truncated"),)
    notes = ("made for a test",)

    def __init__(self, people: dict[str, int], order: int = 1, prefix: str = "") -> None:
        # Ten train, two val and two test images a person unless told otherwise.
        self.items = [
            Item(f"{who}{index:03d}", f"{prefix}{who}/{index}.png", who, _split(index))  # type: ignore[arg-type]
            for who, count in people.items()
            for index in range(count)
        ][::order]

    def load(self, item: Item, size: int) -> np.ndarray:
        return np.full((size, size, 3), int(item.key[-3:]), np.uint8)


def _split(index: int) -> str:
    return ("test", "val", *["train"] * 5)[index % 7]


def test_the_two_people_with_most_images_are_taken() -> None:
    data = choose(Source({"ann": 20, "bob": 40, "cem": 30}), 8, None, 2, "here")
    assert data.people == ("bob", "cem")
    assert {item.identity for item in data.items} == {"bob", "cem"}


def test_equal_numbers_are_settled_by_name() -> None:
    assert choose(Source({"c": 30, "b": 30, "a": 30}), 8, None, 2, "here").people == ("a", "b")


def test_named_people_are_taken_in_their_order() -> None:
    assert choose(Source({"a": 30, "b": 30, "c": 30}), 8, ["c", "a"], 2, "here").people == ("c", "a")


@pytest.mark.parametrize(
    ("people", "named", "says"),
    [
        ({"a": 30}, None, "needs 2 people and data set 'made' gives 1"),
        ({"a": 30, "b": 30}, ["a", "bb"], "does not show 'bb'; among its 2 people: a, b"),
        ({"a": 30, "b": 30}, ["a", "a"], "gives 1"),
        ({"a": 30, "b": 7}, None, "has 5 train images of 'b', fewer than 8"),
    ],
)
def test_people_that_will_not_do_are_one_sentence(people: dict[str, int], named: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        choose(Source(people), 8, named, 2, "paper.yaml, line 3, dataset")
    assert str(caught.value).startswith("paper.yaml, line 3, dataset: ")


def test_the_digest_hangs_on_content_alone() -> None:
    one = choose(Source({"a": 30, "b": 30}), 8, None, 2, "")
    assert one.digest == choose(Source({"a": 30, "b": 30}, order=-1, prefix="moved/"), 8, None, 2, "").digest
    assert one.digest != choose(Source({"a": 30, "b": 31}), 8, None, 2, "").digest


def test_a_split_is_loaded_in_the_order_of_content() -> None:
    data = choose(Source({"a": 30, "b": 30}, order=-1), 8, None, 2, "")
    images = data.split("test")
    assert list(images.keys) == sorted(images.keys)
    assert images.pixels.shape == (len(images), 3, 8, 8)
    assert [f"{value:03d}" for value in images.pixels[:, 0, 0, 0].tolist()] == [key[-3:] for key in images.keys]
    assert [images.people[i] for i in images.identity.tolist()] == [key[0] for key in images.keys]
    assert data.split("test") is images


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
def test_a_limit_keeps_every_person(limit: int) -> None:
    data = choose(Source({"a": 40, "b": 40}), 8, None, 2, "")
    images = data.split("test", limit)
    counts = np.bincount(images.identity.numpy(), minlength=2)
    assert len(images) == min(limit, len(data.split("test")))
    assert abs(int(counts[0]) - int(counts[1])) <= 1


def test_a_manifest_says_name_digest_and_what_was_set_aside() -> None:
    data: Data = choose(Source({"a": 30, "b": 30}), 8, None, 2, "")
    said = describe(data)
    assert said["name"] == "made"
    assert said["digest"] == data.digest
    assert said["set_aside"] == [{"name": "bad.jpg", "reason": "truncated"}]
    assert said["people"]["a"] == {"train": 20, "val": 5, "test": 5}


def test_reserved_people_are_set_aside_whole_and_by_their_names_alone() -> None:
    source = Source({f"p{i}": 14 for i in range(40)})
    whole, data = choose(source, 8, None, None, "here"), choose(source, 8, None, None, "here", reserve=0.3)
    shown = {split: set(data.split(split).identity.tolist()) for split in (*FEWEST, RESERVE)}
    apart = shown.pop(RESERVE)
    assert all(not apart & others for others in shown.values())
    assert {data.people[who] for who in apart} == set(data.reserved)
    # Binomial (40, .3): outside once in a thousand sets of names.
    assert 4 <= len(apart) <= 21
    assert data.shown() == {
        "train": 40 - len(apart),
        "val": 40 - len(apart),
        "test": 40 - len(apart),
        RESERVE: len(apart),
    }
    assert data.digest != whole.digest
    fewer = choose(Source({f"p{i}": 14 for i in range(20)}), 8, None, None, "here", reserve=0.3)
    assert fewer.reserved == {who for who in data.reserved if int(who[1:]) < 20}


def test_people_who_are_only_tested_are_never_reserved() -> None:
    source = Source({"a": 20, "b": 20, "c": 20, "d": 20})
    source.items = [Item(i.key, i.name, i.identity, "test" if i.identity == "d" else i.split) for i in source.items]
    assert choose(source, 8, None, None, "here", reserve=0.5).reserved <= {"a", "b", "c"}


def test_a_reserve_that_cannot_be_is_one_sentence() -> None:
    with pytest.raises(BadInput, match="needs 2 people, so nobody can be set aside"):
        choose(Source({"a": 30, "b": 30}), 8, None, 2, "here", reserve=0.3)
    with pytest.raises(BadInput, match="has 0 reserve images, fewer than 8"):
        choose(Source({"a": 30, "b": 30}), 8, None, None, "here", reserve=1e-9)
