"""Scales laid over a file and ``--set`` assignments: what they change, whose place it has, what cannot be."""

import json
import random

import pytest

from ftbench.benchfile.document import dotted, overlay, parse, with_assignments, with_scale
from ftbench.errors import BadInput
from tests.yaml_texts import PAPER, assert_places_point_at_keys, one_sentence, values


def merged(base, top):
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    return base | {key: merged(base[key], value) if key in base else value for key, value in top.items()}


def test_a_scale_overrides_and_keeps_places():
    document = parse(PAPER, "p")
    before = json.dumps(document.data)
    small = with_scale(document, "small")
    assert small.data["dataset"] == {"name": "two-identities", "size": 32}
    assert small.data["matrix"]["encoder"] == ["tiny"]
    assert small.data["matrix"]["loss"] == document.data["matrix"]["loss"]
    assert small.data["train"] == {"steps": 5, "rate": 0.5, "on": None}
    assert "scales" not in small.data
    assert small.place(("dataset", "size")).line == 20
    assert small.place(("dataset", "name")).line == 3
    assert small.place(("matrix", "encoder", 0)).line == 22
    assert ("matrix", "encoder", 1) not in small.places
    assert small.place(("train", "rate")).line == 23
    assert_places_point_at_keys(small, PAPER)
    assert json.dumps(document.data) == before


@pytest.mark.parametrize("seed", range(40))
def test_overlays_merge_as_a_recursive_union(seed):
    draw = random.Random(seed)

    def some(depth):
        if not depth or draw.random() < 0.3:
            return draw.choice([1, None, "x", [], [1, {"a": 2}], {}])
        return {draw.choice("abcd"): some(depth - 1) for _ in range(3)}

    base = {"top": some(3), **{key: some(2) for key in "ab"}}
    top = {"top": some(3), **{key: some(2) for key in "bc"}}
    text = json.dumps(base | {"scales": {"s": top}}, indent=1)
    document = with_scale(parse(text, "p"), "s")
    assert document.data == merged(base, top)
    assert_places_point_at_keys(document, text)


@pytest.mark.parametrize("name", [None, "empty"])
def test_no_overrides_leave_the_rest(name):
    rest = parse(PAPER.partition("scales:")[0], "p")
    assert with_scale(parse(PAPER, "p"), name) == rest
    assert with_scale(rest, None) == rest


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (PAPER, "smal", r"p: there is no scale smal; its scales are small, empty"),
        ("a: 1", "small", "p: there is no scale small; it has none"),
        ("a: 1\nscales: [1]", "small", "p, line 2: scales must be a mapping"),
        ("a: 1\nscales: [1]", None, "p, line 2: scales must be a mapping"),
        ("scales:\n  s: 3", "s", r"p, line 2: scales\.s must be a mapping"),
        ("scales:\n  s:\n    scales: {}", "s", "p, line 3: a scale cannot hold scales"),
    ],
)
def test_scales_that_cannot_be(text, name, words):
    with pytest.raises(BadInput, match=words):
        with_scale(parse(text, "p"), name)


def test_an_overlay_from_any_place():
    document = parse("a: {b: 1, c: 2}\nextra:\n  deep:\n    a: {c: [3]}\n", "p")
    found = overlay(document, document.data["extra"]["deep"], ("extra", "deep"))
    assert found.data["a"] == {"b": 1, "c": [3]}
    assert found.data["a"]["c"] is not document.data["extra"]["deep"]["a"]["c"]
    assert [found.place(("a", key)).line for key in "bc"] == [1, 4]


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("train.steps=10", ("train", "steps"), 10),
        ("train.rate=1e-3", ("train", "rate"), 0.001),
        ("train.on=no", ("train", "on"), "no"),
        ("train.on=null", ("train", "on"), None),
        ("train.on=''", ("train", "on"), ""),
        ("train.on=a=b", ("train", "on"), "a=b"),
        ("matrix.seed=[0, 1]", ("matrix", "seed"), [0, 1]),
        ("matrix.loss.0.message=3", ("matrix", "loss", 0, "message"), 3),
        ("matrix.loss.1={message: 2}", ("matrix", "loss", 1), {"message": 2}),
        ("dataset={name: faces}", ("dataset",), {"name": "faces"}),
        ("scales.empty.train.steps=1", ("scales", "empty", "train", "steps"), 1),
        ("new.inner.key=x", ("new", "inner", "key"), "x"),
        (" name =  spaced", ("name",), "spaced"),
    ],
)
def test_an_assignment_replaces_one_value(assignment, path, value):
    document = parse(PAPER, "p")
    found = with_assignments(document, [assignment])
    inner = found.data
    for part in path:
        inner = inner[part]
    assert inner == value
    assert str(found.place(path)) == f"--set {assignment}"
    assert found.place(path).line == 1
    assert set(found.places) == {at for at, _ in values(found)}
    for at in document.places:  # all else is as it was
        if at in found.places and at[: len(path)] != path and at != path[: len(at)]:
            assert found.places[at] == document.places[at]
    assert document == parse(PAPER, "p")


def test_assignments_apply_in_order():
    found = with_assignments(parse("a: 1", "p"), ["b.c=1", "b.d=2", "b.c=3", "a=4"])
    assert found.data == {"a": 4, "b": {"c": 3, "d": 2}}
    assert str(found.place(("b", "c"))) == "--set b.c=3"
    assert with_assignments(found, []) == found


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("train.steps", "KEY=VALUE"), ("", "KEY=VALUE"), ("=1", "KEY=VALUE"), (".=1", "KEY=VALUE"),
        ("a..b=1", "KEY=VALUE"),
        (".".join("a" * 400) + "=1", "KEY=VALUE"), ("train.steps=", "value is missing"),
        ("train.steps=#fff", "value is missing"),
        ("matrix.loss.2.message=3", "a list of 2"), ("matrix.loss.-1.message=3", "a list of 2"),
        ("matrix.loss.x=3", "a list of 2"),
        ("matrix.loss.99999999999999999999=1", "a list of 2"), ("name.x=3", r"name is paper (p, line 2)"),
        ("new.0=3", "new is not a list"), ("0=3", "the top level is not a list"), ("a=b: c", "{key: value}"),
        ("a=- 1", "[a, b]"),
        ("a=[1", "close the bracket"), ("a='x", "close the quote"), ("a=*x", "no anchor"),
        ("a=!!python/name:os.x ''", "!!python"),
        ("a={b: 1, b: 2}", "stands twice"), ("a=1\n---\n2", "second document"),
        ("a=\x1b[0m", "control character"),
        ("a=\udcff", "control character"), ("a=" + "[" * 5000, "nested deeper"), ("a=1e999", "too large"),
    ],
)  # fmt: skip
def test_assignments_that_cannot_be(assignment, words):
    with pytest.raises(BadInput) as caught:
        with_assignments(parse(PAPER, "p"), [assignment])
    message = one_sentence(caught.value)
    assert message.startswith("--set ")
    assert words in message


def test_dotted_stays_on_one_line():
    assert dotted(("matrix", "loss", 0, "message")) == "matrix.loss.0.message"
    assert dotted(("a\nb", "\x1b")).isprintable()
    assert len(dotted(("x" * 1000,))) < 100
