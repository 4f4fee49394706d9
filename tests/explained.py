"""Models of a made-up benchmark, a file that they accept, and the sentences told of one that they refuse."""

import re
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    field_validator,
    model_validator,
)

from ftbench.benchfile.document import parse
from ftbench.benchfile.explain import explain


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PartReference(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    name: str = Field(min_length=1)


class Blur(Section):
    kind: Literal["blur"]
    sigma: float


class Jpeg(Section):
    kind: Literal["jpeg"]
    quality: int = Field(ge=1, le=100)


class Loss(Section):
    message: float = Field(1.0, ge=0)
    image: float = 0.1
    reduction: Literal["sum", "mean"] = "sum"


class Colour(Enum):
    RED = "red"


class Tree(Section):
    label: str = ""
    inner: "list[Tree]" = []


class Weights(RootModel[dict[str, float]]):
    pass


def even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd; choose an even number")
    return value


def listed(value: Any) -> Any:
    return [{"name": v} if isinstance(v, str) else v for v in (value if isinstance(value, list) else [value])]


class Matrix(Section):
    encoder: list[PartReference | str]
    axis: Annotated[list[PartReference], BeforeValidator(listed)] = []
    loss: list[Loss] = [Loss()]
    seed: int | list[int] = 0


class Train(Section):
    steps: int = Field(gt=0, description="optimiser steps")
    batch_size: int = Field(8, ge=2, le=4096)
    learning_rate: float = Field(1e-3, gt=0)
    compile: bool = False
    title: str = ""
    limit: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    betas: Annotated[list[float], Field(min_length=2, max_length=2)] = [0.9, 0.999]
    width: Annotated[int, AfterValidator(even)] = 2
    distortion: Annotated[Blur | Jpeg, Field(discriminator="kind")] | None = None
    either: Blur | Jpeg | None = None
    by_name: dict[Annotated[str, Field(pattern="^[a-z]+$")], Loss] = {}
    tree: Tree | None = None
    weights: Weights | None = None
    renamed: int = Field(0, alias="as-written")
    pair: tuple[int, int] = (1, 2)
    colour: Colour = Colour.RED
    folder: Path = Path()
    nested: Any = None

    @field_validator("nested")
    @classmethod
    def _nested(cls, value: Any) -> Any:
        return value if value is None else Loss.model_validate(value)

    @model_validator(mode="after")
    def _batches(self) -> "Train":
        if self.batch_size > 100 * self.steps:
            raise ValueError("batch_size is far more than steps;\nswap them")
        return self


class Benchmark(Section):
    name: str
    matrix: Matrix
    train: Train


GOOD = """\
name: paper
matrix:
  encoder: [unet, {name: other, width: 3}]
  loss:
    - {message: 1.0}
    - {image: 0.5}
  seed: [0, 1]
train:
  steps: 100
  device: cpu
  distortion:
    kind: jpeg
    quality: 50
"""


JARGON = re.compile(
    r"Input|https?:|\[type|_type|_error|dictionary|valid (integer|string|number|boolean|list)|literal"
    r"|union|discriminator|PartReference|Section|pydantic|validation|function-|constrained|Field|Extra"
)


def told(text: str, model: type[BaseModel] = Benchmark) -> list[str]:
    document = parse(text, "paper.yaml")
    with pytest.raises(ValidationError) as caught:
        model.model_validate(document.data)
    return sentences(explain(caught.value, document, model))


def sentences(text: str) -> list[str]:
    for line in text.split("\n"):
        assert line.isprintable()
        assert not JARGON.search(line), line
    return text.split("\n")
