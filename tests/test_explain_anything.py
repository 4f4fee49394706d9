"""No kind of error lets jargon through, and any spoilt value is told on its own line."""

import copy
import json
import random
import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError, core_schema

from ftbench.benchfile.document import parse
from ftbench.benchfile.explain import explain
from tests.explained import GOOD, Benchmark, sentences


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
