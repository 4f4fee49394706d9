import copy
import json
import random
import re
import time
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

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
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError, core_schema

from ftbench.benchfile.document import parse, with_assignments, with_scale
from ftbench.benchfile.explain import SHOWN, explain
from ftbench.errors import nearest


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


def test_the_good_file_is_good():
    assert Benchmark.model_validate(parse(GOOD, "p").data).train.steps == 100


KEYS_OF_LOSS = "its keys are message, image and reduction"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # wrong types
        ("steps: many", "train.steps must be a whole number, got 'many'"),
        ("steps: '5'", "train.steps must be a whole number, got '5'; write 5 without quotes"),
        ("steps: 1_000", "train.steps must be a whole number, got '1_000'; write 1000"),
        ("steps: 5.0", "train.steps must be a whole number, got 5.0; write 5"),
        ("steps: 1e3", "train.steps must be a whole number, got 1000.0; write 1000"),
        ("steps: 1.5", "train.steps must be a whole number, got 1.5"),
        ("steps: true", "train.steps must be a whole number, got true"),
        ("steps:", "train.steps must be a whole number, got null; give it a value, or remove the key"),
        ("steps: []", "train.steps must be a whole number, got an empty list"),
        ("steps: {}", "train.steps must be a whole number, got an empty mapping"),
        ("steps: {a: 1, b: 2}", "train.steps must be a whole number, got a mapping of a and b"),
        ("steps: " + "x" * 200, f"train.steps must be a whole number, got '{'x' * 59}'…"),
        ("limit: x", "train.limit must be a whole number, got 'x'"),
        ("learning_rate: fast", "train.learning_rate must be a number, got 'fast'"),
        (
            "learning_rate: '1e-3'",
            "train.learning_rate must be a number, got '1e-3'; write 0.001 without quotes",
        ),
        ("compile: yes", "train.compile must be true or false, got 'yes'; write true"),
        ("compile: Off", "train.compile must be true or false, got 'Off'; write false"),
        ("compile: 'true'", "train.compile must be true or false, got 'true'; write true without quotes"),
        ("compile: 1", "train.compile must be true or false, got 1"),
        ("title: 5", "train.title must be text, got 5; put it in quotes"),
        ("title: true", "train.title must be text, got true; put it in quotes"),
        ("title: [a]", "train.title must be text, got a list of 1"),
        ("betas: 1", "train.betas must be a list, got 1"),
        ("betas: [1, x]", "train.betas.1 must be a number, got 'x'"),
        ("tree: x", "train.tree must be a mapping, got 'x'; its keys are label and inner"),
        ("weights: {a: x}", "train.weights.a must be a number, got 'x'"),
        ("weights: 3", "train.weights must be a mapping, got 3"),
        # bounds, lengths, patterns
        ("steps: 0", "train.steps must be greater than 0, got 0"),
        ("batch_size: 1", "train.batch_size must be at least 2, got 1"),
        ("batch_size: 5000", "train.batch_size must be at most 4096, got 5000"),
        ("learning_rate: .nan", "train.learning_rate must be greater than 0, got .nan"),
        ("betas: [1]", "train.betas must have at least 2 entries, got a list of 1"),
        ("betas: [1, 2, 3]", "train.betas must have at most 2 entries, got a list of 3"),
        ("by_name: {A1: {}}", "the key A1 of train.by_name must match the pattern ^[a-z]+$"),
        # choices
        ("device: cda", "train.device must be one of 'auto', 'cpu' or 'cuda', got 'cda'; did you mean cuda?"),
        ("device: tpus", "train.device must be one of 'auto', 'cpu' or 'cuda', got 'tpus'"),
        ("device: 3", "train.device must be one of 'auto', 'cpu' or 'cuda', got 3"),
        # keys
        ("stpes: 5", "train has no key stpes; did you mean steps?"),
        ("batchsize: 5", "train has no key batchsize; did you mean batch_size?"),
        ("Learning-Rate: 5", "train has no key Learning-Rate; did you mean learning_rate?"),
        ("batch: 5", "train has no key batch; did you mean batch_size?"),
        ("renamed: 5", "train has no key renamed; its keys are "),
        ("as-writen: 5", "train has no key as-writen; did you mean as-written?"),
        ("by_name: {a: {mesage: 1}}", "train.by_name.a has no key mesage; did you mean message?"),
        ("by_name: {a: {zzz: 1}}", f"train.by_name.a has no key zzz; {KEYS_OF_LOSS}"),
        (
            "tree: {inner: [{inner: [{lable: x}]}]}",
            "train.tree.inner.0.inner.0 has no key lable; did you mean label?",
        ),
        ("'5': 1", "train has no key 5; its keys are "),
        # unions
        ("threads: 0", "train.threads must be at least 1 or 'auto', got 0"),
        ("threads: aut", "train.threads must be a whole number or 'auto', got 'aut'; did you mean auto?"),
        ("threads: '4'", "train.threads must be a whole number or 'auto', got '4'; write 4 without quotes"),
        ("distortion: 3", "train.distortion must be a mapping, got 3"),
        ("distortion: {}", "train.distortion lacks the key kind; add it"),
        (
            "distortion: {kind: jpg}",
            "train.distortion.kind must be one of 'blur' or 'jpeg', got 'jpg'; did you mean jpeg?",
        ),
        ("distortion: {kind: jpeg, qality: 5}", "train.distortion has no key qality; did you mean quality?"),
        ("distortion: {kind: jpeg, quality: 0}", "train.distortion.quality must be at least 1, got 0"),
        ("distortion: {kind: blur, sigma: x}", "train.distortion.sigma must be a number, got 'x'"),
        (
            "either: {kind: jpg}",
            "train.either.kind must be one of 'blur' or 'jpeg', got 'jpg'; did you mean jpeg?",
        ),
        ("either: {kind: blur, sgma: 1}", "train.either has no key sgma; did you mean sigma?"),
        (
            "either: {kind: jpeg, quality: x}",
            "train.either.quality must be a whole number, got 'x'",
        ),
        ("either: 3", "train.either must be a mapping, got 3"),
        # validators
        ("width: 3", "train.width: 3 is odd; choose an even number"),
        ("nested: {mesage: 1}", "train.nested has no key mesage; "),
        # a model that no file can satisfy is its author's fault, and said to be
        ("pair: [1, 2]", "train.pair: its type tuple cannot come from a file; the author should declare "),
        ("colour: red", "train.colour: its type Colour cannot come from a file; the author should declare "),
        ("folder: here", "train.folder: its type Path cannot come from a file; the author should declare "),
    ],
)
def test_one_problem_is_one_sentence(line, expected):
    key = line.partition(":")[0]
    text = GOOD.replace("  steps: 100", f"  {line}") if key == "steps" else GOOD + f"  {line}\n"
    if key == "device":
        text = GOOD.replace("  device: cpu", f"  {line}")
    if key == "distortion":
        text = GOOD.partition("  distortion:")[0] + f"  {line}\n"
    (found,) = told(text)
    number = next(n for n, row in enumerate(text.splitlines(), 1) if row == f"  {line}")
    if expected.endswith(" "):
        assert found.startswith(f"paper.yaml, line {number}: {expected}")
    else:
        assert found == f"paper.yaml, line {number}: {expected}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("encoder: unet", "matrix.encoder must be a list, got 'unet'"),
        ("encoder: [5]", "matrix.encoder.0 must be a mapping or text, got 5; put it in quotes"),
        ("encoder: [a, [b]]", "matrix.encoder.1 must be a mapping or text, got a list of 1"),
        ("encoder: [a, {nam: x}]", "matrix.encoder.1 lacks the key name; add it"),
        ("encoder: [{name: 3}]", "matrix.encoder.0.name must be text, got 3; put it in quotes"),
        ("encoder: [{name: ''}]", "matrix.encoder.0.name must have at least 1 character, got ''"),
        # keys that look like pydantic's names of a union's alternatives
        ("encoder: [{str: x}]", "matrix.encoder.0 lacks the key name; add it"),
        (
            "encoder: [{PartReference: {name: 3}, name: 5}]",
            "matrix.encoder.0.name must be text, got 5; put it in quotes",
        ),
        # values that a validator wrapped: told as they were written
        ("axis: ''", "matrix.axis must have at least 1 character, got ''"),
        ("axis: ['']", "matrix.axis.0 must have at least 1 character, got ''"),
        ("axis: {nam: x}", "matrix.axis lacks the key name; add it"),
        ("axis: {name: 3}", "matrix.axis.name must be text, got 3; put it in quotes"),
        ("axis: [a, {name: 3}]", "matrix.axis.1.name must be text, got 3; put it in quotes"),
        ("axis: 3", "matrix.axis must be a mapping, got 3; its key is name"),
        ("seed: x", "matrix.seed must be a whole number or a list, got 'x'"),
        ("seed: [0, x]", "matrix.seed.1 must be a whole number, got 'x'"),
        (
            "loss: [{}, {reduction: sums}]",
            "matrix.loss.1.reduction must be one of 'sum' or 'mean', got 'sums'; did you mean sum?",
        ),
        ("loss: {message: 1}", "matrix.loss must be a list, got a mapping of message"),
    ],
)
def test_axes(line, expected):
    encoder = "" if line.startswith("encoder") else "  encoder: [unet]\n"
    text = f"name: a\ntrain: {{steps: 1}}\nmatrix:\n  {line}\n{encoder}"
    assert told(text) == [f"paper.yaml, line 4: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ["line 1: the file lacks the keys name, matrix and train; add them"]),
        (
            "name: a\ntrain: {steps: 1}\nmatrix: {encoder: []}\ntrian: 1",
            ["line 4: the file has no key trian; did you mean train?"],
        ),
        (
            "name: a\ntrian: {steps: 1}\nmatrix: {encoder: []}",
            ["line 2: the file has no key trian; did you mean train?"],
        ),
        (
            "name: a\ntrain: {}\nmatrix: {encoder: []}",
            ["line 2: train lacks the key steps (optimiser steps); add it"],
        ),
        (
            "name: a\ntrain: {step: 5}\nmatrix: {encoder: []}",
            ["line 2: train has no key step; did you mean steps?"],
        ),
        (
            "name: a\ntrain: {steps: 1, batch_size: 500}\nmatrix: {encoder: []}",
            ["line 2: train: batch_size is far more than steps; swap them"],
        ),
        (
            "train:\n  steps: x\nmatrix:\n  encoder: 3\nname: 5",
            [
                "line 2: train.steps must be a whole number, got 'x'",
                "line 4: matrix.encoder must be a list, got 3",
                "line 5: name must be text, got 5; put it in quotes",
            ],
        ),
    ],
)
def test_whole_files(text, expected):
    assert told(text) == [f"paper.yaml, {line}" for line in expected]


def test_ten_are_told_and_the_rest_counted():
    found = told(GOOD.replace("  encoder", "".join(f"  key{n}: 1\n" for n in range(30)) + "  encoder"))
    assert len(found) == SHOWN + 1
    assert found[-1] == "and 20 more problems"
    assert told(GOOD.replace("seed: [0, 1]", f"seed: [{', '.join('xyzxyzxyzxy')}]"))[-1] == "and 1 more problem"


def test_thousands_of_problems_take_a_moment():
    start = time.process_time()
    found = told("train: {" + ", ".join(f"k{n}: 1" for n in range(2000)) + "}\nname: [" + "x, " * 3000 + "]")
    assert found[-1].startswith("and 19")
    assert time.process_time() - start < 3


def test_the_place_is_that_of_the_scale_or_the_option_that_said_it():
    text = GOOD + "scales:\n  small:\n    train: {steps: few}\n"
    document = with_scale(parse(text, "paper.yaml"), "small")
    document = with_assignments(document, ["matrix.loss.1.image=x", "train.stepz=1"])
    with pytest.raises(ValidationError) as caught:
        Benchmark.model_validate(document.data)
    assert sentences(explain(caught.value, document, Benchmark)) == [
        "--set matrix.loss.1.image=x: matrix.loss.1.image must be a number, got 'x'",
        "--set train.stepz=1: train has no key stepz; did you mean steps?",
        "paper.yaml, line 16: train.steps must be a whole number, got 'few'",
    ]


def test_a_part_validated_apart_is_told_at_its_place():
    document = parse("a:\n- jpeg\n- {name: jpeg,\n   qualty: 3,\n   sigma: x}\n", "p.yaml")
    for value, prefix, expected in (
        (
            {"kind": "jpeg", "qualty": 3},
            ("a", 1),
            ["p.yaml, line 4: a.1 has no key qualty; did you mean quality?"],
        ),
        ({"kind": "jpeg"}, ("a", 0), ["p.yaml, line 2: a.0 lacks the key quality; add it"]),
        ({"kind": "jpeg"}, ("gone", 7), ["p.yaml, line 1: gone.7 lacks the key quality; add it"]),
    ):
        with pytest.raises(ValidationError) as caught:
            Jpeg.model_validate(value)
        assert sentences(explain(caught.value, document, Jpeg, prefix)) == expected


def known_errors():
    """Every kind of error that pydantic-core has, with the context that each asks for."""
    context = {
        "error": "because",
        "class_name": "C",
        "class": "C",
        "expected": "'a' or 'b'",
        "discriminator": "'kind'",
        "tag": "t",
        "expected_tags": "'a', 'b'",
        "field_type": "List",
        "method_name": "m",
        "attribute": "a",
        "pattern": "p",
        "encoding": "utf8",
        "encoding_error": "x",
        "expected_schemes": "x",
        "mapping_error": "x",
    }
    for kind in get_args(core_schema.ErrorType):
        given: dict[str, Any] = {}
        while True:
            try:
                PydanticKnownError(kind, dict(given) or None)
                yield pytest.param(kind, dict(given), id=kind)
                break
            except TypeError as error:
                name = re.search(r"'(\w+)' required in context", str(error))
                if name is None or name[1] in given:
                    raise
                given[name[1]] = context.get(name[1], 3)


@pytest.mark.parametrize(("kind", "context"), list(known_errors()))
@pytest.mark.parametrize("location", [("train", "steps"), ("train",), (), ("matrix", "encoder", 0, "str")])
def test_no_kind_of_error_lets_jargon_through(kind, context, location):
    document = parse(GOOD, "paper.yaml")
    details = [InitErrorDetails(type=kind, loc=location, input=document.data, ctx=context)]
    shown = explain(ValidationError.from_exception_data("Benchmark", details), document, Benchmark)
    if kind == "default_factory_not_called":
        assert shown == ""
    else:
        (line,) = sentences(shown)
        assert re.match(rf"paper\.yaml, line {document.place(location).line}: \w", line)
        assert all(str(part) in line for part in location[:3])


def test_a_custom_error_is_shown_as_it_is():
    error = PydanticCustomError("my_own", "the part {name} is not for sale", {"name": "unet"})
    details = [InitErrorDetails(type=error, loc=("matrix", "encoder", 0), input="unet")]
    document = parse(GOOD, "p")
    shown = explain(ValidationError.from_exception_data("Benchmark", details), document, Benchmark)
    assert shown == "p, line 3: matrix.encoder.0: the part unet is not for sale"


def paths(value: Any, at: tuple[Any, ...] = ()):
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*at, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*at, key))


@pytest.mark.parametrize("seed", range(400))
def test_any_spoilt_value_is_told_on_its_own_line(seed):
    draw = random.Random(seed)
    data = copy.deepcopy(parse(GOOD, "p").data)
    path = draw.choice(list(paths(data)))
    holder = data
    for part in path[:-1]:
        holder = holder[part]
    spoilt = draw.choice([None, True, -7, 0.25, "", "zzz", "x\n\x1b[0m", [], [[]], {}, {"zzz": 1}, [None, 3, "a"]])
    if isinstance(holder, dict) and draw.random() < 0.3:
        holder["qqqq"] = spoilt
        path = (*path[:-1], "qqqq")
    else:
        holder[path[-1]] = spoilt
    text = json.dumps(data, indent=1)
    if "\\u001b" in text:
        data = json.loads(text.replace("\\u001b", ""))
        text = json.dumps(data, indent=1)
    document = parse(text, "p.yaml")
    try:
        Benchmark.model_validate(document.data)
    except ValidationError as error:
        found = sentences(explain(error, document, Benchmark))
        own = [p for p in document.places if p[: len(path)] == path or p == path[:-1]]
        assert {line.partition(": ")[0] for line in found} <= {str(document.places[p]) for p in own}
        assert all(".".join(map(str, path[:-1])) in line for line in found)


@pytest.mark.parametrize(
    ("word", "options", "expected"),
    [
        ("stpes", ["seed", "steps"], ["steps"]),
        ("unet", ["unet-resnet18", "conv7"], ["unet-resnet18"]),
        ("UNet_ResNet18", ["unet-resnet18", "conv7"], ["unet-resnet18"]),
        ("a", ["b", "ab"], []),
        ("zzz", ["steps"], []),
        ("", ["steps"], []),
        ("steps", [], []),
        ("jpg", ["jpeg", "jpeg", "jpeg2000"], ["jpeg"]),
        ("x" * 1_000_000, ["x", "y"], []),
    ],
)
def test_nearest(word, options, expected):
    assert nearest(word, options) == expected


def test_nearest_gives_the_best_first_and_no_more_than_asked():
    options = ["distortion", "distortions", "distorted", "distort"]
    assert nearest("distortions", options)[0] == "distortions"
    assert len(nearest("distortions", options, count=2)) == 2
