"""``chain``: the other distortions, one after the other."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, create_model

import ftbench
from ftbench_distortions.records import SINGLE


def _step_model(record: ftbench.Distortion) -> Any:
    # A model a distortion, told apart by its name: an error then has the line and key of the step's own parameter.
    title = record.name.title().replace("-", "") + "Step"
    name: dict[str, Any] = {"name": (Literal[record.name], ...)}
    return create_model(title, __base__=record.parameters, **name)


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _plain(step: ftbench.Parameters) -> dict[str, Any]:
    return {"name": step.name, **step.model_dump(exclude={"name"})}  # type: ignore[attr-defined]


_AnyStep: Any = reduce(or_, (_step_model(record) for record in SINGLE))
# Plain mappings, because a cell's identity is written as JSON.
Step = Annotated[
    Annotated[_AnyStep, Field(discriminator="name")],
    BeforeValidator(_named),
    AfterValidator(_plain),
    PlainSerializer(dict),
]


class ChainParameters(ftbench.Parameters):
    """Parameters of ``chain``."""

    steps: list[Step] = Field(
        default_factory=lambda: [
            {"name": "resize", "scale": 0.5},
            {"name": "jpeg", "quality": 50},
        ],
        min_length=1,
        max_length=16,
        description="distortions by name with their parameters, in the order in which they are applied",
    )


RECORD = ftbench.Distortion(
    name="chain",
    factory="ftbench_distortions.chain:Chain",
    summary="Other distortions of this family in a row; the gradient passes straight through those without one",
    parameters=ChainParameters,
    differentiable=True,
    category="chain",
)
