"""Who is held out, counted from a data set's items."""

from __future__ import annotations

from ftbench.data.images import choose
from ftbench.publish.people import people_tested
from tests.test_data import Source


def test_people_who_are_in_test_images_alone_are_held_out() -> None:
    source = Source({"a": 35, "b": 35, "c": 35})
    assert people_tested(choose(source, 8, None, None, "")) == {"shown": 3, "held_out": 0}
    by_person = {"a": "train", "b": "val", "c": "test"}
    source.items = [type(item)(item.key, item.name, item.identity, by_person[item.identity]) for item in source.items]
    assert people_tested(choose(source, 8, None, None, "")) == {"shown": 1, "held_out": 1}
    source.items[-1] = type(source.items[-1])("c999", "c/999.png", "c", "train")
    assert people_tested(choose(source, 8, None, None, "")) == {"shown": 1, "held_out": 0}
