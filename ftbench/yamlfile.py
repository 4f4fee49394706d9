"""Benchmark files: YAML into plain data that remembers on which line each key stands.

Scalars follow YAML 1.2's core schema, since PyYAML's 1.1 reads ``no`` as false, ``1e-3`` as text and
``12:30`` as 750. The parser's events are composed here rather than by ``yaml.compose``, which keeps no
place of an alias and recurses before a depth could be checked. Whatever a file holds, reading it ends in a
Document or in BadInput, soon and with little memory.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from yaml.reader import Reader

from ftbench.errors import BadInput

MAX_BYTES = 1 << 20
MAX_VALUES = 10_000
"""Keys, scalars, lists and mappings in a file once its aliases are written out."""
MAX_DEPTH = 50

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top of a document down to a value."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE: re.Pattern[str] = Reader.NON_PRINTABLE
_TAGS = "tag:yaml.org,2002:"
_ASSIGNED = "--set "

_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile("|".join(f"{w}|{w.title()}|{w.upper()}" for w in _WORDS))
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_GLUED = re.compile(r"\s*(?:- )?[\w-]+:[^\s/:]")
_NESTED = re.compile(rf"""^[^"'#\n]*(?:(?:[\[{{]|[-?]\s)\s*){{{MAX_DEPTH}}}""", re.MULTILINE)
_SPECIAL = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# What usually lies behind the parser's words, which name the symptom alone.
_REMEDIES = {
    "mapping values are not allowed": "write 'key: value', indent keys alike, quote text with ': ' in it",
    "could not find expected ':'": "put a colon and a space after each key",
    "cannot start any token": "quote text that begins with @, %, ` or a comma",
    "found unexpected end of stream": "close the quote or bracket",
    "',' or": "close the bracket, and put commas between its entries",
}


@dataclass(frozen=True)
class Place:
    """Where something was written; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return self.file if self.file.startswith(_ASSIGNED) else f"{self.file}, line {self.line}"


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


@dataclass(frozen=True)
class _Node:
    """A value as written; an alias is its anchor's node with a place of its own."""

    place: Place
    kind: Literal["scalar", "list", "mapping"]
    value: Any
    """The scalar, else a list of nodes or a list of (key, its place, node)."""
    block: bool = False


def read(path: Path) -> Document:
    """Read a benchmark file. Raises BadInput with one sentence for whatever is wrong with it."""
    name = _word(str(path), limit=1000)
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
    root = _compose(text, name)
    if root.kind != "mapping":
        what = "nothing" if root.value is None else "a list" if root.kind == "list" else _word(root.value)
        raise BadInput(f"{root.place}: expected a mapping, found {what}; write 'key: value' lines")
    places: dict[KeyPath, Place] = {}
    return Document(_Expansion(name, places).of(root, root.place, ()), places)


def scalar(text: str) -> str | int | float | bool | None:
    """Unquoted text by YAML 1.2's core schema. Raises ValueError for a number that nothing can hold."""
    if not text or text == "~":
        return None
    if _WORD.fullmatch(text):
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        if len(text) > 100 or abs(whole := int(text, _base(text))) >= 1 << 63:
            raise ValueError("does not fit in 64 bits")
        return whole
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError("is too large for a number; write .inf for infinity")
        return number
    if special := _SPECIAL.fullmatch(text):
        return math.nan if special[1] is None else float(f"{special[1]}inf")
    return text


def dotted(path: KeyPath) -> str:
    """``matrix.loss.0.message``, as ``--set`` takes it."""
    return ".".join(map(_word, path))


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
            known = f"its scales are {', '.join(map(_word, scales))}" if scales else "it has none"
            file = document.place(("scales",)).file
            raise BadInput(f"{file}: there is no scale {_word(name)}; {known}")
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
        source = _ASSIGNED + _word(assignment, limit=200)
        key, equals, text = assignment.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts) or len(parts) > MAX_DEPTH:
            raise BadInput(f"{source}: write it as KEY=VALUE, such as train.steps=10")
        node = _compose(text, source)
        if node.block:
            raise BadInput(f"{source}: write a list as [a, b] and a mapping as {{key: value}}")
        if node.value is None and text.strip() not in ("null", "~"):
            raise BadInput(f"{source}: the value is missing; write null for none, '' for empty text")
        found: dict[KeyPath, Place] = {}
        value = _Expansion(source, found).of(node, node.place, ())
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
                raise BadInput(f"{source}: {dotted(path)} {count}; {_word(part)} is not in it")
            key = int(part)
        elif not isinstance(holder, dict):
            raise BadInput(f"{source}: {dotted(path)} is {_word(holder)} ({places[path]}); set it whole instead")
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


class _Composer:
    """The parser's events into nodes, anchors resolved; refuses what a benchmark file has no use for."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.events = yaml.parse(text, Loader=_LOADER)
        self.anchors: dict[str, _Node | None] = {}
        self.count = 0

    def document(self) -> _Node:
        next(self.events)  # the stream's start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return _Node(Place(self.name, 1, 1), "scalar", None)
        root = self.node(next(self.events), 1)
        next(self.events)  # the document's end
        if not isinstance(event := next(self.events), yaml.StreamEndEvent):
            raise BadInput(f"{self.place(event)}: a second document begins; keep one, drop the '---' line")
        return root

    def node(self, event: Any, depth: int) -> _Node:
        place = self.place(event)
        self.count += 1
        if self.count > MAX_VALUES:
            raise BadInput(f"{place}: more than {MAX_VALUES:,} values; a benchmark file needs far fewer")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise BadInput(f"{place}: *{event.anchor} has no anchor &{event.anchor} above it")
            if (target := self.anchors[event.anchor]) is None:
                raise BadInput(f"{place}: *{event.anchor} stands inside &{event.anchor} itself; write it out")
            return replace(target, place=place)
        if depth > MAX_DEPTH:
            raise BadInput(f"{place}: nested deeper than {MAX_DEPTH} levels; flatten it")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        tag = (event.tag or "").replace(_TAGS, "!!", 1)
        node: _Node
        if isinstance(event, yaml.ScalarEvent):
            node = _Node(place, "scalar", self.scalar(event, tag, place))
        elif isinstance(event, yaml.SequenceStartEvent):
            self.expect(tag, ("", "!", "!!seq"), place)
            node = _Node(place, "list", self.entries(depth), block=not event.flow_style)
        else:
            self.expect(tag, ("", "!", "!!map"), place)
            node = _Node(place, "mapping", self.pairs(depth), block=not event.flow_style)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def entries(self, depth: int) -> list[_Node]:
        nodes = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            nodes.append(self.node(event, depth + 1))
        return nodes

    def pairs(self, depth: int) -> list[tuple[str, Place, _Node]]:
        pairs, first = [], dict[str, Place]()
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            place = self.place(event)
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                raise BadInput(f"{place}: merge keys (<<) are not supported; write the keys out")
            key = self.node(event, depth + 1)
            if key.kind != "scalar":
                raise BadInput(f"{place}: a {key.kind} cannot be a key; quote text that holds brackets")
            if not isinstance(key.value, str):
                raise BadInput(f"{place}: the key {_word(key.value)} is not text; put it in quotes")
            if key.value in first:
                twice = f"stands twice, first on line {first[key.value].line}"
                raise BadInput(f"{place}: the key {_word(key.value)} {twice}; keep one")
            first[key.value] = place
            pairs.append((key.value, place, self.node(next(self.events), depth + 1)))
        return pairs

    def scalar(self, event: yaml.ScalarEvent, tag: str, place: Place) -> str | int | float | bool | None:
        text: str = event.value
        if _UNPRINTABLE.search(text):
            raise BadInput(f"{place}: the text {_word(text)} holds a control character; remove it")
        self.expect(tag, ("", "!", "!!str", "!!int", "!!float", "!!bool", "!!null"), place)
        if tag in ("!", "!!str") or (not tag and not event.implicit[0]):
            return text
        try:
            value = scalar(text)
        except ValueError as error:
            raise BadInput(f"{place}: {_word(text)} {error}") from None
        if tag == "!!float" and type(value) is int:
            value = float(value)
        if tag and tag != ("!!null" if value is None else f"!!{type(value).__name__}"):
            raise BadInput(f"{place}: {_word(text)} is not what its tag {tag} says; drop the tag")
        return value

    def expect(self, tag: str, known: tuple[str, ...], place: Place) -> None:
        if tag not in known:
            raise BadInput(f"{place}: the tag {_word(tag)} is not allowed here; write plain values")

    def place(self, event: Any) -> Place:
        return Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1)


class _Expansion:
    """Nodes into plain data, each alias a copy, no more than a file could hold without aliases."""

    def __init__(self, name: str, places: dict[KeyPath, Place]) -> None:
        self.name, self.places = name, places
        self.values = self.characters = 0

    def of(self, node: _Node, place: Place, path: KeyPath) -> Any:
        self.places[path] = place
        self.values += 1
        if isinstance(node.value, str):
            self.characters += len(node.value)
        if self.values > MAX_VALUES or self.characters > MAX_BYTES or len(path) >= MAX_DEPTH:
            raise BadInput(f"{place}: the file's aliases (*name) expand to too much; use fewer")
        if node.kind == "list":
            return [self.of(entry, entry.place, (*path, index)) for index, entry in enumerate(node.value)]
        if node.kind == "mapping":
            self.characters += sum(len(key) for key, _, _ in node.value)
            return {key: self.of(entry, at, (*path, key)) for key, at, entry in node.value}
        return node.value


def _compose(text: str, name: str) -> _Node:
    text = text.removeprefix("\ufeff")
    if bad := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise BadInput(f"{Place(name, line, 1)}: holds the control character {bad[0]!a}; save it as UTF-8 text")
    try:
        return _Composer(text, name).document()
    except yaml.YAMLError as error:
        raise BadInput(_syntax(error, text, name)) from None


def _syntax(error: yaml.YAMLError, text: str, name: str) -> str:
    problem = getattr(error, "problem", None) or "it cannot be read"
    if deep := _NESTED.search(text):  # parsers have limits of their own, which they meet while they look ahead
        line = text.count("\n", 0, deep.start()) + 1
        return f"{Place(name, line, 1)}: nested deeper than {MAX_DEPTH} levels; flatten it"
    mark, began = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    lines = text.splitlines() or [""]
    index = min(mark.line, len(lines) - 1) if mark else 0
    remedy = next((r for p, r in _REMEDIES.items() if p in problem), "check indentation, quotes and brackets")
    glued = next((at for at in range(max(index - 1, 0), index + 1) if _GLUED.match(lines[at])), None)
    if glued is not None:
        remedy = f"put a space after the colon on line {glued + 1}"
    elif "\t" in lines[index][: len(lines[index]) - len(lines[index].lstrip())]:
        remedy = "indent with spaces, not tabs"
    elif began and began.line < index:
        remedy += f" (what it belongs to begins on line {began.line + 1})"
    return f"{Place(name, index + 1, 1)}: this is not YAML: {problem}; {remedy}"


def _paths(value: Any, at: KeyPath) -> Iterator[KeyPath]:
    yield at
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(entry, (*at, key))


def _forget(places: dict[KeyPath, Place], value: Any, path: KeyPath) -> None:
    for below in _paths(value, path):
        places.pop(below, None)


def _word(value: object, limit: int = 60) -> str:
    """A key or value on one line of a message."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    text = text if text.isprintable() and text.strip() else ascii(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _base(text: str) -> int:
    return {"0x": 16, "0o": 8}.get(text[:2], 10)
