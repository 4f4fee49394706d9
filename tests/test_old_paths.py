"""Import paths that plugin authors were once told of."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("ftbench.tensorfile", "ftbench.contract.tensorfile", "read_tensors"),
        ("ftbench.splits", "ftbench.data.splits", "split_of"),
        ("ftbench.components", "ftbench.contract.records", "Simulator"),
    ],
)
def test_an_old_path_gives_the_same_object_and_says_where_it_is_now(old: str, new: str, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{old} is now {new}"):
        moved = getattr(importlib.import_module(old), name)
    assert moved is getattr(importlib.import_module(new), name)


def test_an_old_path_has_no_other_names() -> None:
    with pytest.raises(AttributeError):
        importlib.import_module("ftbench.splits").nothing  # noqa: B018
