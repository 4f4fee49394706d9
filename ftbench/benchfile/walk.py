"""A pydantic location, walked through data and annotations together."""

from __future__ import annotations

import enum
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from ftbench.benchfile.document import KeyPath

ABSENT: Any = object()
"""Stands for a value that the file does not have."""


class Walk:
    """A pydantic location, followed through the data and the annotations at once."""

    def __init__(self, model: type[BaseModel], value: Any, path: KeyPath) -> None:
        self.members = members_of(model)
        self.value, self.path = value, path
        self.tags: list[tuple[int, str]] = []

    def step(self, part: str | int) -> None:
        """One part of the location further."""
        if part == "[key]":
            return
        fitting = [m for m in self.members if _label_fits(m, part)] if len(self.members) > 1 else []
        below = [inner for member in self.members for inner in _below(member, part)]
        within = isinstance(self.value, dict) and part in self.value
        within = within or (isinstance(self.value, list) and isinstance(part, int) and part < len(self.value))
        if isinstance(part, str) and (fitting or not (within or below)):
            self.tags.append((len(self.path), part))
            self.members = fitting or self.members
            return
        self.members = below
        if within:
            self.value, self.path = self.value[part], (*self.path, part)
        elif self.value is ABSENT or (isinstance(self.value, dict) and isinstance(part, str)):
            self.value, self.path = ABSENT, (*self.path, part)
        # Else a validator wrapped the value, as 'jpeg' into [{name: jpeg}]: the reader wrote only the inside.


def members_of(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, without None."""
    if hasattr(annotation, "__value__"):
        return members_of(annotation.__value__)
    if get_origin(annotation) is Annotated:
        return members_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [m for argument in get_args(annotation) for m in members_of(argument)]
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return members_of(annotation.model_fields["root"].annotation)
    return [] if annotation is types.NoneType else [annotation]


def _below(member: Any, part: str | int) -> list[Any]:
    if field := fields_of(member).get(str(part)):
        return members_of(field.annotation)
    origin, arguments = get_origin(member), get_args(member)
    if not isinstance(origin, type) or not arguments:
        return []
    if issubclass(origin, Mapping) and isinstance(part, str):
        return members_of(arguments[-1])
    if issubclass(origin, Sequence | set | frozenset) and isinstance(part, int):
        several = origin is tuple and arguments[-1] is not Ellipsis and part < len(arguments)
        return members_of(arguments[part if several else 0])
    return []


def fields_of(member: Any) -> dict[str, FieldInfo]:
    """By the names that a file uses; empty for what is no model."""
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return {}
    aliases = {name: field.validation_alias for name, field in member.model_fields.items()}
    return {alias if isinstance(alias := aliases[name], str) else name: f for name, f in member.model_fields.items()}


def _label_fits(member: Any, label: str | int) -> bool:
    """Whether pydantic may call an alternative so: by class, or by the value of its discriminator."""
    text = str(label)
    origin = get_origin(member)
    if origin is Literal:
        return text.startswith("literal[")
    name = getattr(origin or member, "__name__", "")
    if text in (name, f"constrained-{name}") or (origin is not None and text.startswith(f"{name}[")):
        return True
    return any(text in map(str, choices_of(members_of(f.annotation))) for f in fields_of(member).values())


def choices_of(members: Iterable[Any]) -> tuple[Any, ...]:
    """The values that literals and enumerations among some alternatives allow."""
    found: list[Any] = []
    for member in members:
        if get_origin(member) is Literal:
            found += get_args(member)
        elif isinstance(member, type) and issubclass(member, enum.Enum):
            found += [entry.value for entry in member]
    return tuple(found)
