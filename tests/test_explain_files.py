"""All problems of a file: how many are told, in which order, and at which place each."""

import time

import pytest
from pydantic import ValidationError

from ftbench.benchfile.document import parse, with_assignments, with_scale
from ftbench.benchfile.explain import SHOWN, explain
from tests.explained import GOOD, Benchmark, Jpeg, sentences, told


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
