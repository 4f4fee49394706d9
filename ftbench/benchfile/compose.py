"""YAML's events into nodes that know their place, and nodes into plain data.

Scalars follow YAML 1.2's core schema, since PyYAML's 1.1 reads ``no`` as false, ``1e-3`` as text and
``12:30`` as 750. The parser's events are composed here rather than by ``yaml.compose``, which keeps no
place of an alias and recurses before a depth could be checked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
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
ASSIGNED = "--set "

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
        return self.file if self.file.startswith(ASSIGNED) else f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Node:
    """A value as written; an alias is its anchor's node with a place of its own."""

    place: Place
    kind: Literal["scalar", "list", "mapping"]
    value: Any
    """The scalar, else a list of nodes or a list of (key, its place, node)."""
    block: bool = False


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


class _Composer:
    """The parser's events into nodes, anchors resolved; refuses what a benchmark file has no use for."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.events = yaml.parse(text, Loader=_LOADER)
        self.anchors: dict[str, Node | None] = {}
        self.count = 0

    def document(self) -> Node:
        next(self.events)  # the stream's start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return Node(Place(self.name, 1, 1), "scalar", None)
        root = self.node(next(self.events), 1)
        next(self.events)  # the document's end
        if not isinstance(event := next(self.events), yaml.StreamEndEvent):
            raise BadInput(f"{self.place(event)}: a second document begins; keep one, drop the '---' line")
        return root

    def node(self, event: Any, depth: int) -> Node:
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
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Node(place, "scalar", self.scalar(event, tag, place))
        elif isinstance(event, yaml.SequenceStartEvent):
            self.expect(tag, ("", "!", "!!seq"), place)
            node = Node(place, "list", self.entries(depth), block=not event.flow_style)
        else:
            self.expect(tag, ("", "!", "!!map"), place)
            node = Node(place, "mapping", self.pairs(depth), block=not event.flow_style)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def entries(self, depth: int) -> list[Node]:
        nodes = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            nodes.append(self.node(event, depth + 1))
        return nodes

    def pairs(self, depth: int) -> list[tuple[str, Place, Node]]:
        pairs, first = [], dict[str, Place]()
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            place = self.place(event)
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                raise BadInput(f"{place}: merge keys (<<) are not supported; write the keys out")
            key = self.node(event, depth + 1)
            if key.kind != "scalar":
                raise BadInput(f"{place}: a {key.kind} cannot be a key; quote text that holds brackets")
            if not isinstance(key.value, str):
                raise BadInput(f"{place}: the key {word(key.value)} is not text; put it in quotes")
            if key.value in first:
                twice = f"stands twice, first on line {first[key.value].line}"
                raise BadInput(f"{place}: the key {word(key.value)} {twice}; keep one")
            first[key.value] = place
            pairs.append((key.value, place, self.node(next(self.events), depth + 1)))
        return pairs

    def scalar(self, event: yaml.ScalarEvent, tag: str, place: Place) -> str | int | float | bool | None:
        text: str = event.value
        if _UNPRINTABLE.search(text):
            raise BadInput(f"{place}: the text {word(text)} holds a control character; remove it")
        self.expect(tag, ("", "!", "!!str", "!!int", "!!float", "!!bool", "!!null"), place)
        if tag in ("!", "!!str") or (not tag and not event.implicit[0]):
            return text
        try:
            value = scalar(text)
        except ValueError as error:
            raise BadInput(f"{place}: {word(text)} {error}") from None
        if tag == "!!float" and type(value) is int:
            value = float(value)
        if tag and tag != ("!!null" if value is None else f"!!{type(value).__name__}"):
            raise BadInput(f"{place}: {word(text)} is not what its tag {tag} says; drop the tag")
        return value

    def expect(self, tag: str, known: tuple[str, ...], place: Place) -> None:
        if tag not in known:
            raise BadInput(f"{place}: the tag {word(tag)} is not allowed here; write plain values")

    def place(self, event: Any) -> Place:
        return Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1)


class Expansion:
    """Nodes into plain data, each alias a copy, no more than a file could hold without aliases."""

    def __init__(self, name: str, places: dict[KeyPath, Place]) -> None:
        self.name, self.places = name, places
        self.values = self.characters = 0

    def of(self, node: Node, place: Place, path: KeyPath) -> Any:
        """The data of a node that stands at ``place``; raises BadInput where aliases make too much of it."""
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


def compose(text: str, name: str) -> Node:
    """The top node of YAML text; ``name`` is what messages call it. Raises BadInput."""
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


def word(value: object, limit: int = 60) -> str:
    """A key or value on one line of a message."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    text = text if text.isprintable() and text.strip() else ascii(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _base(text: str) -> int:
    return {"0x": 16, "0o": 8}.get(text[:2], 10)
