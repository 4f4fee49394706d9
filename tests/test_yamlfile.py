import json
import math
import random
import time
from pathlib import Path

import pytest
import yaml

from ftbench import yamlfile
from ftbench.errors import BadInput
from ftbench.yamlfile import (
    Document,
    Place,
    dotted,
    overlay,
    parse,
    read,
    scalar,
    with_assignments,
    with_scale,
)

PAPER = """\
# comment
name: paper
dataset: {name: two-identities, size: 64}
matrix:
  encoder: [unet, other]
  loss:
    - {message: 1, image: 1e-3}
    - message: 10
      image: 0.1
train:
  steps: 100
  on: no
evaluate:
  distortions: &some
    - identity
    - {name: jpeg, quality: [50, 95]}
  again: *some
scales:
  small:
    dataset: {size: 32}
    matrix:
      encoder: [tiny]
    train: {steps: 5, rate: 0.5, on: null}
  empty:
"""


def values(document: Document):
    """Every path of the data, walked without the module's help."""
    stack = [((), document.data)]
    while stack:
        path, value = stack.pop()
        yield path, value
        if isinstance(value, dict):
            stack += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            stack += [((*path, index), inner) for index, inner in enumerate(value)]


def refusal(text: str, name: str = "paper.yaml") -> str:
    with pytest.raises(BadInput) as caught:
        parse(text, name)
    return one_sentence(caught.value)


def one_sentence(error: BadInput) -> str:
    message = str(error)
    assert message.isprintable()
    assert len(message) < 400
    assert "Error" not in message
    return message


def assert_places_point_at_keys(document: Document, text: str) -> None:
    lines = text.splitlines()
    assert set(document.places) == {path for path, _ in values(document)}
    for path, place in document.places.items():
        if path and isinstance(path[-1], str):
            assert lines[place.line - 1][place.column - 1 :].lstrip("\"'").startswith(path[-1])


# Reading


def test_reads_a_benchmark_file(tmp_path):
    file = tmp_path / "paper.yaml"
    file.write_text(PAPER, encoding="utf-8")
    document = read(file)
    assert document.data["dataset"] == {"name": "two-identities", "size": 64}
    assert document.data["train"] == {"steps": 100, "on": "no"}
    assert document.data["matrix"]["loss"][0] == {"message": 1, "image": 0.001}
    assert document.place(("train", "steps")) == Place(str(file), 11, 3)
    assert str(document.place(("matrix", "loss", 1, "image"))) == f"{file}, line 9"
    assert_places_point_at_keys(document, PAPER)


def test_place_of_what_is_not_there_is_that_of_its_nearest_ancestor():
    document = parse(PAPER, "p")
    assert document.place(("matrix", "loss", 7, "image")).line == 6
    assert document.place(("nothing",)) == document.place(()) == Place("p", 2, 1)


def test_an_alias_stands_where_it_is_written_and_holds_a_copy():
    document = parse(PAPER, "p")
    evaluate = document.data["evaluate"]
    assert evaluate["again"] == evaluate["distortions"]
    assert evaluate["again"] is not evaluate["distortions"]
    assert evaluate["again"][1] is not evaluate["distortions"][1]
    assert document.place(("evaluate", "again")).line == 17
    assert document.place(("evaluate", "again", 1, "quality")).line == 16


def test_an_alias_in_a_list_has_its_own_place():
    document = parse("a: &x [1]\nb:\n- *x\n", "p")
    assert document.place(("b", 0)).line == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Example 10.9 of the YAML 1.2.2 specification, the core schema
        ("null", None), ("", None), ("~", None), ("true", True), ("True", True), ("false", False),
        ("FALSE", False),
        ("0", 0), ("0o7", 7), ("0x3A", 58), ("-19", -19),
        ("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12000.0), ("-2E+05", -200000.0),
        (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf),
        # what YAML 1.1 makes of these is not what their writers mean
        ("no", "no"), ("off", "off"), ("yes", "yes"), ("On", "On"), ("n", "n"), ("NO", "NO"),
        ("1e-3", 0.001), ("1E5", 100000.0), ("12:30", "12:30"), ("1:2:3", "1:2:3"),
        ("190:20:30", "190:20:30"),
        ("2026-01-31", "2026-01-31"), ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("010", 10), ("0b1", "0b1"), ("1_000", "1_000"), ("=", "="), ("nUll", "nUll"), ("tRUE", "tRUE"),
        ("1.2.3", "1.2.3"), ("-", "-"), (".", "."), ("e5", "e5"), ("0x", "0x"), ("-0x1", "-0x1"),
        ("١٢", "١٢"),
        ("nan", "nan"), ("inf", "inf"), ("Infinity", "Infinity"), (str(2**63 - 1), 2**63 - 1),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text, expected):
    found = scalar(text)
    assert (type(found), found) == (type(expected), expected)
    if text not in ("-", "="):
        assert parse(f"a: {text}\n", "p").data["a"] == expected


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_nan(text):
    assert math.isnan(parse(f"a: {text}", "p").data["a"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'1'", "1"), ('"true"', "true"), ("'null'", "null"), ("''", ""), ("!!str 12", "12"), ("! 12", "12"),
        ("!!int '12'", 12), ("!!float 3", 3.0), ("!!bool 'true'", True), ("!!null ''", None),
        ("|\n  1\n", "1\n"),
        (">-\n  a\n  b\n", "a b"), ("!!seq [1]", [1]), ("!!map {b: 1}", {"b": 1}), ('"\\u00e9\\t"', "é\t"),
    ],
)  # fmt: skip
def test_quotes_and_standard_tags(text, expected):
    found = parse(f"a: {text}", "p").data["a"]
    assert (type(found), found) == (type(expected), expected)


def random_value(draw: random.Random, depth: int, names: list[int]):
    kind = draw.randrange(8 if depth else 6)
    if kind < 6:
        text = "".join(draw.choices("ab: #-'\"\\{}[],&*!|>%@`\n\té0.ſ漢🙂", k=draw.randrange(9)))
        return [
            text,
            draw.randrange(-(10**9), 10**9),
            draw.uniform(-1, 1),
            True,
            None,
            "x" * draw.randrange(200),
        ][kind]
    inner = [random_value(draw, depth - 1, names) for _ in range(draw.randrange(5))]
    if kind == 6:
        return inner
    keys = []
    for _ in inner:
        names.append(len(names))
        keys.append(f"k{len(names)}_")
    return dict(zip(keys, inner, strict=True))


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_read_as_json_reads_it(seed, indent):
    data = {"top": random_value(random.Random(seed), 4, [])}
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    document = parse(text, "p")
    assert document.data == json.loads(text)
    for path, place in document.places.items():
        if path and isinstance(path[-1], str):
            assert place.line == text[: text.index(f'"{path[-1]}"')].count("\n") + 1
    assert_places_point_at_keys(document, text)


@pytest.mark.parametrize("seed", range(30))
def test_block_yaml_is_read_as_pyyaml_reads_it(seed):
    data = {"top": random_value(random.Random(seed), 4, [])}
    text = yaml.safe_dump(data, allow_unicode=True)
    document = parse(text, "p")
    assert document.data == yaml.safe_load(text)
    assert_places_point_at_keys(document, text)


# What is refused


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "found nothing"), ("# only\n# this\n", 1, "found nothing"), ("- a\n", 1, "found a list"),
        ("5", 1, "found 5"), ("steps:10", 1, "found steps:10"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key a stands twice, first on line 1"),
        ("a: {b: 1,\n b: 2}", 2, "first on line 1"),
        ("a: 1\n'a': 2", 2, "stands twice"), ("a: 1\n1: b", 2, "the key 1 is not text"),
        ("true: b", 1, "the key true is not text"), ("null: b", 1, "key null"), ("1.5: b", 1, "key 1.5"),
        ("? [a]\n: b", 1, "a list cannot be a key"), ("a: {{x}}", 1, "a mapping cannot be a key"),
        ("a: &x 1\n*x : b", 2, "the key 1 is not text"), ("b: 1\nc: *x", 2, "*x has no anchor"),
        ("a: &a\n  b: *a", 2, "*a stands inside &a"), ("a: &a [&b [*a]]", 1, "*a stands inside"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "merge keys"),
        ("a: !!python/object/apply:os.system ['true']", 1, "!!python/object/apply:os.system"),
        ("a: !!python/name:os.system", 1, "!!python/name"), ("a: 1\nb: !mine 3", 2, "!mine"),
        ("a: !!set {b}", 1, "!!set"), ("a: !!binary aGk=", 1, "!!binary"),
        ("a: !!timestamp 2020-01-01", 1, "!!timestamp"),
        ("!!omap\na: 1", 1, "!!omap"), ("a: !!int x", 1, "!!int"), ("a: !!seq {b: 1}", 1, "!!seq"),
        ("a: !!map 3", 1, "!!map"), ("a: !<tag:example.com,2000:x> 3", 1, "tag:example.com"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "close the bracket"), ("a: 'x\nb: 1\n", 2, "close the quote"),
        ("a:\n\tb: 1", 2, "spaces, not tabs"), ("a: b: c", 1, "quote text with ': '"),
        ("a: @x", 1, "begins with @"),
        ("a: 1\nsteps:10\nb: 1", 3, "put a space after the colon on line 2"),
        ("a: 1\n  b: 2", 2, "indent keys alike"),
        ("a: 1\n---\nb: 2", 2, "a second document"), ("a: 1\nb: \x07", 2, "control character"),
        ("a: 1\nb: \x00", 2, "control character"), ('a: "\\x1b[31mred"', 1, "control character"),
        ("a: '\ud800'", 1, "control character"), (f"a: {2**63}", 1, "64 bits"),
        (f"a: -{'9' * 5000}", 1, "64 bits"),
        ("a: 1e999", 1, "too large"), ("a: *", 1, "not YAML"), ("%FOO\n", 1, "not YAML"),
    ],
)  # fmt: skip
def test_one_sentence_with_the_line(text, line, words):
    message = refusal(text)
    assert message.startswith(f"paper.yaml, line {line}: ")
    assert words in message


def bombs():
    tens = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    yield "laughs", "a0: &a0 [x, x]\n" + tens
    yield "quadratic text", f"a: &a {'x' * 500_000}\nb: [{'*a, ' * 5000}]"
    yield "quadratic keys", f"a: &a\n  ? {'x' * 500_000}\n  : 1\nb: [{'*a, ' * 4000}]"
    yield "deep by aliases", "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000))
    yield "brackets", "a: " + "[" * 1_000_000
    yield "braces", "a: " + "{" * 1_000_000
    yield "keys", "? " * 500_000
    yield "dashes", "a:\n" + "- " * 500_000
    yield "many numbers", "a: [" + "1," * 500_000 + "]"
    yield "many aliases", "a: &a 1\nb: [" + "*a," * 300_000 + "]"
    yield "many keys", "".join(f"k{i}: 1\n" for i in range(90_000))
    yield "indentation", "".join(" " * i + "a:\n" for i in range(1000))
    yield "long key", "x" * 1_000_000
    yield "anchors", "a: [" + "".join(f"&a{i} 1," for i in range(90_000)) + "]"


@pytest.mark.parametrize(("name", "text"), [pytest.param(n, t, id=n) for n, t in bombs()])
def test_a_bomb_is_a_sentence_soon(name, text):
    start = time.process_time()
    refusal(text, f"{name}.yaml")
    assert time.process_time() - start < 2


@pytest.mark.parametrize("opener", ["[", "{", "[ ", "[\n ", "- "])
def test_nesting_is_named_also_where_the_parser_looks_far_ahead(opener):
    """A parser with a limit of its own meets it before the composer does, and words it as it likes."""
    assert "nested deeper" in refusal("first: 1\na:\n  " + opener * 5000)


def test_a_fault_after_brackets_in_quotes_is_no_nesting():
    assert "nested deeper" not in refusal(f"a: '{'[' * 80}'\nb: [1, 2\nc: 3\n")


def test_the_bounds_themselves_are_allowed():
    deep = parse("a: " + "[" * (yamlfile.MAX_DEPTH - 1) + "]" * (yamlfile.MAX_DEPTH - 1), "p")
    assert max(map(len, deep.places)) == yamlfile.MAX_DEPTH - 1
    refusal("a: " + "[" * yamlfile.MAX_DEPTH + "]" * yamlfile.MAX_DEPTH)
    wide = "a: [" + "1," * (yamlfile.MAX_VALUES - 3) + "]"  # the top, its key and the list are values too
    assert len(parse(wide, "p").data["a"]) == yamlfile.MAX_VALUES - 3
    refusal(wide.replace("]", "1]"))


SCRAPS = "[]{}:,'\"&*!|>%@`#?-~\t\n \x00\x85\u2028\ufeff\ud800<="


@pytest.mark.parametrize("seed", range(400))
def test_whatever_is_typed_ends_in_a_document_or_a_sentence(seed):
    draw = random.Random(seed)
    text = list(PAPER)
    for _ in range(draw.randrange(1, 12)):
        at = draw.randrange(len(text))
        scrap = draw.choice([*SCRAPS, "- ", ": ", "<<: ", "*some", "!!", "\n  "])
        text[at : at + draw.randrange(3)] = scrap
    found: Document | BadInput
    try:
        found = parse("".join(text), "paper.yaml")
    except BadInput as error:
        found = error
    if isinstance(found, BadInput):
        assert one_sentence(found).startswith("paper.yaml, line ")
    else:
        assert set(found.places) == {path for path, _ in values(found)}
        assert all(type(v) in (dict, list, str, int, float, bool, type(None)) for _, v in values(found))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "found nothing"), (b"a: 1\nb: \xff\n", "line 2: not UTF-8"),
        ("a: é\n".encode("latin-1"), "not UTF-8"),
        ("a: 1\n".encode("utf-16"), "not UTF-8"), (b"\x89PNG\r\n\x1a\n\x00", "not UTF-8"),
        (b"a\x00b", "control character"),
        (b"a: 1\n" * 300_000, "larger than 1 MiB"),
    ],
)  # fmt: skip
def test_files_that_are_no_benchmark_files(tmp_path, content, words):
    file = tmp_path / "paper.yaml"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        read(file)
    assert one_sentence(caught.value).startswith(str(file))


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path):
    file = tmp_path / "paper.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + PAPER.replace("\n", "\r\n").encode())
    document = read(file)
    assert document.data == parse(PAPER, "p").data
    assert document.place(("train", "steps")).line == 11


def test_paths_that_cannot_be_read(tmp_path):
    closed = tmp_path / "loop.yaml"
    closed.symlink_to(closed)
    for path, words in (
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "is a folder"),
        (Path("a\0b"), "cannot be read"),
        (Path("x" * 300), "cannot be read"),
        (closed, "cannot be read"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            read(path)
        assert str(caught.value).isprintable()


def test_a_hundred_lines_are_read_in_well_under_20_ms():
    text = "".join(f"section{i}:\n  steps: {i}\n  part: {{name: jpeg, quality: [50, 95]}}\n  # c\n" for i in range(25))
    assert text.count("\n") == 100
    times = []
    for _ in range(7):
        start = time.process_time()
        parse(text, "p")
        times.append(time.process_time() - start)
    assert min(times) < 0.02


def test_the_pure_python_loader_reads_alike(monkeypatch):
    expected = parse(PAPER, "p")
    monkeypatch.setattr(yamlfile, "_LOADER", yaml.SafeLoader)
    assert parse(PAPER, "p") == expected
    assert "nested deeper" in refusal("a: " + "[" * 100_000)
    assert "not YAML" in refusal("a: [1, 2")
    assert "control character" in refusal('a: "\\ud800"')


# Overlays


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


# --set


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
