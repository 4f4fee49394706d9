"""What data sets promise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from ftbench.contract.protocols import Item, Split
from ftbench.contract.records import Component
from ftbench.plan.part import input_paths
from ftbench.testing.exam import Ended, Exam
from ftbench.testing.finding import CannotExamine
from ftbench.testing.material import pictures

LOADED = 3
PEOPLE, PHOTOS, SIDE = 2, 24, 48
"""The folder that is made for a data set which needs one: people, pictures of each, pixels."""


def wants_a_folder(record: Component, given: dict[str, Any]) -> str | None:
    """The parameter of a data set that names a folder, if it is all that is missing."""
    fields = record.parameters.model_fields
    missing = [name for name, info in fields.items() if info.is_required() and name not in given]
    return (
        missing[0] if missing and missing == [n for n in missing if n in input_paths(record.parameters)][:1] else None
    )


def make_folder(root: Path) -> None:
    """Pictures in a sub-folder a person: soft blobs, no two alike."""
    for who in range(PEOPLE):
        folder = root / f"person-{who}"
        folder.mkdir(parents=True)
        for index, picture in enumerate(pictures(PHOTOS, SIDE, seed=who + 1)):
            pixels = picture.permute(1, 2, 0).mul(255).round().byte().numpy()
            Image.fromarray(pixels).save(folder / f"{index:02d}.png")


def examine_dataset(exam: Exam) -> None:
    """Items that can be told apart, and pictures that are the same whenever they are asked for."""
    try:
        refused = exam.objection()
    except Ended:
        refused = None
    if refused:
        raise CannotExamine(f"dataset {exam.record.name} objects: {refused}")
    made: list[Any] = []

    def build() -> None:
        made.extend([exam.build(), exam.build()])

    if exam.group(build) and exam.group(_check_items, exam, made[0]):
        exam.group(_check_again, exam, *made)
        exam.group(_check_pixels, exam, made[0])


def _check_items(exam: Exam, source: Any) -> None:
    for name in ("name", "items", "set_aside", "notes", "load"):
        exam.require(hasattr(source, name), "items", f"an ImageSource with {name}", "it has none")
    named = isinstance(source.name, str) and bool(source.name.strip())
    exam.require(named, "items", "a name", f"its name is {source.name!r}")
    items = source.items
    exam.require(len(items) > 0, "items", "at least one image", "there is none")
    strange = [item for item in items if not isinstance(item, Item)]
    exam.require(not strange, "items", "items of type ftbench.Item", f"one is {strange[:1]!r}")
    for field in ("key", "name", "identity"):
        empty = sum(not (isinstance(getattr(i, field), str) and getattr(i, field).strip()) for i in items)
        exam.require(not empty, "items", f"a {field} for each item", f"{empty} of {len(items)} have none")
    splits = {item.split for item in items}
    unknown = sorted(map(str, splits - set(get_args(Split))))
    exam.require(not unknown, "items", f"splits among {', '.join(get_args(Split))}", f"there is {', '.join(unknown)}")
    twice = [key for key, count in Counter(item.key for item in items).items() if count > 1]
    happened = f"{len(twice)} keys are shared, such as {twice[:1]}"
    exam.require(not twice, "items", "a key of its own for each image", happened)
    pairs = all(len(entry) == 2 and all(isinstance(text, str) for text in entry) for entry in source.set_aside)
    exam.require(pairs, "items", "set_aside as (name, reason)", f"it is {list(source.set_aside)[:1]!r}")
    told = not isinstance(source.notes, str) and all(isinstance(note, str) for note in source.notes)
    exam.require(told, "items", "notes as sentences", f"they are {source.notes!r}")


def _check_again(exam: Exam, source: Any, again: Any) -> None:
    same = list(source.items) == list(again.items)
    exam.require(same, "same output", "the same items whenever the data set is opened", "the second time they differ")


def _check_pixels(exam: Exam, source: Any) -> None:
    items = list(source.items)
    for item in items[:: max(1, len(items) // LOADED)][:LOADED]:
        for size in (exam.size, 37):
            _check_picture(exam, source, item, size)


def _check_picture(exam: Exam, source: Any, item: Item, size: int) -> None:
    promised = f"load: an array of uint8 ({size}, {size}, 3)"
    pixels = exam.call("output", promised, source.load, item, size)
    exam.require(isinstance(pixels, np.ndarray), "output", promised, f"it returned a {type(pixels).__name__}")
    fits = pixels.dtype == np.uint8 and pixels.shape == (size, size, 3)
    exam.require(fits, "output", promised, f"{item.name} is {pixels.dtype} {pixels.shape}")
    kept = pixels.copy()
    again = exam.call("output", promised, source.load, item, size)
    same = np.array_equal(kept, again)
    happened = f"{int((kept != again).sum())} values of {item.name} differ"
    exam.require(same, "same output", "the same picture whenever it is loaded", happened)
