"""YAML is read as the core schema says, each value with its place."""

import json
import math
import random
import time

import pytest
import yaml

from ftbench.benchfile import compose as yamlfile
from ftbench.benchfile.document import Place, parse, read, scalar
from tests.yaml_texts import PAPER, assert_places_point_at_keys, refusal


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


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path):
    file = tmp_path / "paper.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + PAPER.replace("\n", "\r\n").encode())
    document = read(file)
    assert document.data == parse(PAPER, "p").data
    assert document.place(("train", "steps")).line == 11


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
