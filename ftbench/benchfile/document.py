"""Benchmark files: YAML into plain data that remembers on which line each key stands.

Whatever a file holds, reading it ends in a Document or in BadInput, soon and with little memory.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftbench.benchfile.compose import ASSIGNED, MAX_BYTES, MAX_DEPTH, Expansion, KeyPath, Place, compose, scalar, word
from ftbench.errors import BadInput

__all__ = [
    "Document",
    "KeyPath",
    "Place",
    "dotted",
    "overlay",
    "parse",
    "read",
    "scalar",
    "with_assignments",
    "with_scale",
]


@dataclass(frozen=True)
class Document:
    """What a benchmark file says."""

    data: dict[str, Any]
    """Only dict, list, str, int, float, bool and None; no object occurs twice. Not to be changed."""
    places: Mapping[KeyPath, Place]
    """Of every value in ``data``; a mapping's value has the place of its key. Always holds ``()``."""

    def place(self, path: KeyPath) -> Place:
        """Of the value, or of its nearest ancestor that exists."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]


def read(path: Path) -> Document:
    """Read a benchmark file. Raises BadInput with one sentence for whatever is wrong with it."""
    name = word(str(path), limit=1000)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadInput(f"{name}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise BadInput(f"{name} is a folder; name a YAML file in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{name} cannot be read ({reason}); check the path and its permissions") from None
    if len(raw) > MAX_BYTES:
        raise BadInput(f"{name} is larger than {MAX_BYTES >> 20} MiB; a benchmark file is a few kB of YAML")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{name}, line {line}: not UTF-8 text; save it as UTF-8 YAML") from None
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """Read YAML text; ``name`` is what messages and places call it. Raises BadInput."""
    root = compose(text, name)
    if root.kind != "mapping":
        what = "nothing" if root.value is None else "a list" if root.kind == "list" else word(root.value)
        raise BadInput(f"{root.place}: expected a mapping, found {what}; write 'key: value' lines")
    places: dict[KeyPath, Place] = {}
    return Document(Expansion(name, places).of(root, root.place, ()), places)


def dotted(path: KeyPath) -> str:
    """``matrix.loss.0.message``, as ``--set`` takes it."""
    return ".".join(map(word, path))


def overlay(document: Document, data: Mapping[str, Any], places_prefix: KeyPath) -> Document:
    """Lay ``data``, which the document holds at ``places_prefix``, over its top.

    Mappings merge key by key; lists and scalars replace, None too. What ``data`` brings keeps its place.
    """
    merged, places = copy.deepcopy(document.data), dict(document.places)

    def lay(base: dict[str, Any], top: Mapping[str, Any], at: KeyPath) -> None:
        for key, value in top.items():
            path = (*at, key)
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                lay(base[key], value, path)
                continue
            if key in base:
                _forget(places, base[key], path)
            base[key] = copy.deepcopy(value)
            for below in _paths(value, ()):
                places[path + below] = document.place(places_prefix + path + below)

    lay(merged, data, ())
    return Document(merged, places)


def with_scale(document: Document, name: str | None) -> Document:
    """Lay the overrides under ``scales: {name: …}`` over the rest, and drop ``scales``.

    None chooses no scale. Raises BadInput when the file has no scale of that name.
    """
    scales = document.data.get("scales")
    if scales is not None and not isinstance(scales, dict):
        raise BadInput(f"{document.place(('scales',))}: scales must be a mapping of names to overrides")
    if name is not None:
        if not scales or name not in scales:
            known = f"its scales are {', '.join(map(word, scales))}" if scales else "it has none"
            file = document.place(("scales",)).file
            raise BadInput(f"{file}: there is no scale {word(name)}; {known}")
        overrides = scales[name] if scales[name] is not None else {}
        at: KeyPath = ("scales", name)
        if not isinstance(overrides, dict):
            raise BadInput(f"{document.place(at)}: {dotted(at)} must be a mapping of keys to override")
        if "scales" in overrides:
            raise BadInput(f"{document.place((*at, 'scales'))}: a scale cannot hold scales; move them up")
        document = overlay(document, overrides, at)
    places = {path: place for path, place in document.places.items() if path[:1] != ("scales",)}
    return Document({key: value for key, value in document.data.items() if key != "scales"}, places)


def with_assignments(document: Document, assignments: Iterable[str]) -> Document:
    """Apply ``--set KEY=VALUE`` options in order, such as ``matrix.loss.0.message=3``.

    KEY is a dotted path that may index lists; missing mappings on the way are made. VALUE is a YAML scalar, a
    [list] or a {mapping} and replaces what was there. Raises BadInput.
    """
    data, places = copy.deepcopy(document.data), dict(document.places)
    for assignment in assignments:
        source = ASSIGNED + word(assignment, limit=200)
        key, equals, text = assignment.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts) or len(parts) > MAX_DEPTH:
            raise BadInput(f"{source}: write it as KEY=VALUE, such as train.steps=10")
        node = compose(text, source)
        if node.block:
            raise BadInput(f"{source}: write a list as [a, b] and a mapping as {{key: value}}")
        if node.value is None and text.strip() not in ("null", "~"):
            raise BadInput(f"{source}: the value is missing; write null for none, '' for empty text")
        found: dict[KeyPath, Place] = {}
        value = Expansion(source, found).of(node, node.place, ())
        path = _assign(data, parts, value, places, source)
        places.update((path + below, place) for below, place in found.items())
    return Document(data, places)


def _assign(data: dict[str, Any], parts: list[str], value: Any, places: dict[KeyPath, Place], source: str) -> KeyPath:
    holder: Any = data
    path: KeyPath = ()
    for depth, part in enumerate(parts, 1):
        key: str | int = part
        if isinstance(holder, list):
            if not re.fullmatch("[0-9]{1,6}", part) or int(part) >= len(holder):
                count = f"is a list of {len(holder)}, counted from 0"
                raise BadInput(f"{source}: {dotted(path)} {count}; {word(part)} is not in it")
            key = int(part)
        elif not isinstance(holder, dict):
            raise BadInput(f"{source}: {dotted(path)} is {word(holder)} ({places[path]}); set it whole instead")
        elif part.isdecimal() and part not in holder:
            raise BadInput(f"{source}: {dotted(path) or 'the top level'} is not a list; set it whole instead")
        path = (*path, key)
        present = key in holder if isinstance(holder, dict) else True
        if depth == len(parts):
            if present:
                _forget(places, holder[key], path)
            holder[key] = value
        else:
            if not present or holder[key] is None:
                holder[key] = {}
                places[path] = Place(source, 1, 1)
            holder = holder[key]
    return path


def _paths(value: Any, at: KeyPath) -> Iterator[KeyPath]:
    yield at
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(entry, (*at, key))


def _forget(places: dict[KeyPath, Place], value: Any, path: KeyPath) -> None:
    for below in _paths(value, path):
        places.pop(below, None)
