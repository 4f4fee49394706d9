"""How a benchmark file names parts: alone, as an axis, or several at once."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_TRAININGS = 64
"""Of one simulator, each fitted for itself."""


class Section(BaseModel):
    """A mapping of the file: unknown keys are errors, values are never converted, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Reference(BaseModel):
    """A part by name (``name@distribution`` where two provide it); every other key is a parameter of it."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    name: str = Field(min_length=1)

    @property
    def bare(self) -> str:
        """The name without its distribution."""
        return self.name.partition("@")[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """What the file says of the part beside its name."""
        return dict(self.model_extra or {})


def _listed(value: Any) -> Any:
    # An axis of one value may be written without brackets, and a part without parameters as its name.
    values = value if isinstance(value, list) else [value]
    return [{"name": item} if isinstance(item, str) else item for item in values]


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def as_list(value: Any) -> Any:
    """A single value as a list of one."""
    return value if isinstance(value, list) else [value]


def no_device(name: str) -> str:
    """A name that is a folder's on every system; raises ValueError else."""
    if re.fullmatch("con|prn|aux|nul|(com|lpt)[1-9]", name):
        raise ValueError(f"{name} is a device on Windows and cannot be a folder there; choose another name")
    return name


Part = Annotated[Reference, BeforeValidator(_named)]
Axis = Annotated[list[Reference], BeforeValidator(_listed), Field(min_length=1)]


def _grouped(value: Any) -> Any:
    # A list inside the axis is several at once; anything else stands for itself.
    values = value if isinstance(value, list) else [value]
    return [[one for item in _listed(group) for one in _trained_often(item)] for group in values]


def _trained_often(item: Any) -> list[Any]:
    """A part with ``trainings: n`` as n parts, each with a ``seed`` of its own; the first keeps the one that it has."""
    if not isinstance(item, dict) or "trainings" not in item:
        return [item]
    one = {key: value for key, value in item.items() if key != "trainings"}
    count, first = item["trainings"], one.get("seed", 0)
    if type(count) is not int or not 1 <= count <= MOST_TRAININGS:
        raise ValueError(f"trainings is {count!r}; give a whole number from 1 to {MOST_TRAININGS}")
    if type(first) is not int:
        return [one]
    return [one, *({**one, "seed": first + more} for more in range(1, count))]


Groups = Annotated[
    list[Annotated[list[Reference], Field(min_length=1)]], BeforeValidator(_grouped), Field(min_length=1)
]
