"""How a benchmark file names parts: alone, as an axis, or several at once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


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


Part = Annotated[Reference, BeforeValidator(_named)]
Axis = Annotated[list[Reference], BeforeValidator(_listed), Field(min_length=1)]


def _grouped(value: Any) -> Any:
    # A list inside the axis is several at once; anything else stands for itself.
    values = value if isinstance(value, list) else [value]
    return [_listed(item) for item in values]


Groups = Annotated[
    list[Annotated[list[Reference], Field(min_length=1)]], BeforeValidator(_grouped), Field(min_length=1)
]
