"""What is no benchmark file is refused, soon and in one sentence with the line."""

import random
import time
from pathlib import Path

import pytest

from ftbench.benchfile import compose as yamlfile
from ftbench.benchfile.document import Document, parse, read
from ftbench.errors import BadInput
from tests.yaml_texts import PAPER, one_sentence, refusal, values


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
