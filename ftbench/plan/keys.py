"""What makes a cell that cell and no other: its key, which names no file, no path and no release."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from ftbench.parts.catalogue import BUILT_IN

NUMBERS: dict[Literal["fit", "train", "evaluate"], int] = {"fit": 2, "train": 2, "evaluate": 1}
"""Raise one when the harness gives other numbers for the same settings of that kind of cell."""
AGAIN = 4
"""Raise it instead where only trainings give other numbers that mark images again: it is in their keys alone."""
_SAID_ELSEWHERE = ("name", "kind", "factory", "parameters", "version")
"""Fields of a record that are in the key or in the code."""
_FOR_READERS = ("summary", "licence", "reference", "objection", "unit", "digits", "least", "most", "loss_tells")
"""Fields of a record that change no number."""


def as_json(value: Any) -> str:
    """Its text, the same whatever order a mapping was filled in."""
    return json.dumps(value, sort_keys=True)


def part_key(
    name: str,
    parameters: Mapping[str, Any],
    *,
    distribution: str,
    version: int | None,
    source: Callable[[], str],
    at: int | None = None,
) -> dict[str, Any]:
    """What a part is in the key of a cell.

    ``version``: as its record declares; None counts as 1 in a part of ftbench itself, and in anybody else's puts the
    digest of the part's ``source`` into the key: another file is another part. ``at``: a side in pixels of its own.
    """
    if distribution == BUILT_IN:
        vouched: dict[str, Any] = {"version": 1 if version is None else version}
    elif version is None:
        vouched = {"distribution": distribution, "source": source()}
    else:
        vouched = {"distribution": distribution, "version": version}
    return {"name": name, **vouched, "parameters": dict(parameters), **({} if at is None else {"at": at})}


def cell_key(kind: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> str:
    """64 hex digits, from a cell's settings (JSON) and the keys of the cells that it needs.

    ``inputs``: in order; of an evaluation the pair under test, then what its tests need in whatever order. Raises
    KeyError for a kind that is none.
    """
    needed = [*inputs[:1], *sorted(inputs[1:])] if kind == "evaluate" else list(inputs)
    whole = {
        "kind": kind,
        "numbers": {str(known): number for known, number in NUMBERS.items()}[kind],
        "settings": settings,
        "inputs": needed,
    }
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def declared(record: Any) -> dict[str, Any]:
    """What a part's record tells the harness of how to use it, as JSON: evidence beside its code."""
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in (*_SAID_ELSEWHERE, *_FOR_READERS) and not callable(value)
        # Named only where it is so: records of before it came are what they were.
        if (name, value) not in (("randomised", False), ("studies_batches", False))
    }


def in_any_order(named: Iterable[list[Any]], written: Callable[[Any], str] = as_json) -> list[list[Any]]:
    """Lists of a label and a part, in the order of their JSON; ``written`` gives that of a part."""
    return sorted(named, key=lambda one: f"[{json.dumps(one[0])}, {written(one[1])}]")
