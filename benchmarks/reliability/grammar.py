"""Benchmark files as nobody would write them: made from the schema and from sound files, then hurt.

Half of what is drawn begins as a sound file, since a random one is refused at its first key and shows nothing of what
lies behind.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ftbench.benchfile.schema import BenchmarkFile
from ftbench.contract.records import Kind
from ftbench.parts.catalogue import Plugins

Path = tuple[str | int, ...]
KINDS: Mapping[str, Kind] = {
    "dataset": "dataset",
    "encoder": "encoder",
    "decoder": "decoder",
    "codec": "codec",
    "simulator": "simulator",
    "simulators": "simulator",
    "distortions": "distortion",
    "metrics": "metric",
}
WORDS = (
    *("", " ", "~", "null", "no", "1e-3", "NaN", ".nan", "0x10", "none", "own", "auto", "name@x", "@", "x@", "a: b"),
    *("../../x", "/etc/passwd", "/dev/zero", "C:\\x", "\\\\host\\x", "CON", "nul.txt", "a/b", ".", "..", "~root/x"),
    *("\x00", "\x1b[31mred", "\u202eabc", "\u2028", "\ufeff", "é" * 300, "x" * 5000, "𝕏", "[red]x[/]", "{{7*7}}"),
    *("<script>alert(1)</script>", "=1+1", "%s%n", "$(touch x)", "\\input{x}", "- a", "*a", "&a", "<<"),
    *("!!python/object/apply:os.system ['touch x']", "train", "steps", "2.5", "true"),
)
NUMBERS = (
    *(0, -1, 1, 2, 7, 8, 64, 10**6, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30, 10**400),
    *(0.0, -0.0, 0.5, 1e-9, 5e-324, 1e308, float("inf"), float("-inf"), float("nan")),
)
SCALARS = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.none(), st.booleans(), st.text(max_size=12), st.integers()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner),
    max_leaves=6,
)
SNIPPETS = (
    *(b"\t", b"\x00", b"\x07", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\r", b"\n---\n", b"\n...\n"),
    *(b" &a ", b" *a ", b"<<: *a\n", b"? ", b"- ", b": ", b"| ", b"'", b'"', b"{", b"}", b"[", b"]", b"#", b"@", b"`"),
    *(b"!!binary ", b"!!set ", b"!!python/name:os.system ", b"!<tag:x> ", b"[" * 500, b"{a: " * 100, b"- " * 300),
    *(b"%YAML 1.1\n", b"9" * 5000, b"a" * 70000, b"\nname: twice\n", b"\n" * 3000, b"0x" + b"f" * 200, b"1e999"),
)
CODINGS = ("utf-16", "utf-32", "utf-8-sig", "cp037")
BOMB = b"\n".join(
    [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)]
)


def documents(plugins: Plugins, sound: Sequence[Mapping[str, Any]]) -> SearchStrategy[bytes]:
    """The bytes of benchmark files; ``sound``: whole ones to begin with."""
    drawn = _from_schema(plugins)

    @st.composite
    def one(draw: DrawFn) -> bytes:
        tree = copy.deepcopy(draw(st.sampled_from(sound))) if draw(st.integers(0, 9)) else draw(drawn)
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
            hurt(draw, tree, plugins)
        content = yaml.safe_dump(tree, allow_unicode=draw(st.booleans()), sort_keys=False).encode(
            errors="surrogatepass"
        )
        for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 1, 2]))):
            content = hurt_bytes(draw, content)
        return content

    return one()


def hurt(draw: DrawFn, tree: Any, plugins: Plugins) -> None:
    """Change one place of a document."""
    places = list(_places(tree, ()))
    if not places:
        return
    path = draw(st.sampled_from(places))
    holder: Any = tree
    for key in path[:-1]:
        holder = holder[key]
    last = path[-1]
    value = holder[last]
    how = draw(st.sampled_from(["value", "value", "part", "remove", "add", "rename", "wrap", "repeat", "elsewhere"]))
    if how == "value":
        holder[last] = draw(VALUES)
    elif how == "part":
        holder[last] = draw(_part(plugins, draw(st.sampled_from(sorted(set(KINDS.values()))))))
    elif how == "remove":
        del holder[last]
    elif how == "add" and isinstance(holder, dict):
        holder[draw(st.sampled_from(WORDS) | st.sampled_from([str(p[-1]) for p in places]))] = draw(VALUES)
    elif how == "rename" and isinstance(holder, dict):
        holder[str(last) + draw(st.sampled_from(["s", " ", "_", ".", "\u0430"]))] = holder.pop(last)
    elif how == "wrap":
        for _ in range(draw(st.sampled_from([1, 1, 2, 30, 150]))):
            value = [value]
        holder[last] = value
    elif how == "repeat":
        holder[last] = [value] * draw(st.sampled_from([2, 3, 50, 2000]))
    else:
        other: Any = tree
        for key in draw(st.sampled_from(places)):
            other = other[key]
        holder[last] = copy.deepcopy(other)


def hurt_bytes(draw: DrawFn, content: bytes) -> bytes:
    """Change one place of a file."""
    at = draw(st.integers(0, max(0, len(content) - 1)))
    before, after = content[:at], content[at:]
    ways: dict[str, Callable[[], bytes]] = {
        "snippet": lambda: before + draw(st.sampled_from(SNIPPETS)) + after,
        "flip": lambda: before + bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in after[:1]) + after[1:],
        "cut": lambda: before,
        "line": lambda: content + draw(st.sampled_from(content.splitlines(keepends=True) or [b""])),
        "bomb": lambda: content + b"\n" + BOMB,
        "coding": lambda: content.decode(errors="replace").encode(draw(st.sampled_from(CODINGS)), errors="replace"),
        "bytes": lambda: before + draw(st.binary(max_size=20)) + after,
    }
    return ways[draw(st.sampled_from(["snippet", *ways]))]()


def _places(tree: Any, at: Path) -> Any:
    if at:
        yield at
    if isinstance(tree, dict | list):
        # Of a list that was repeated two thousand times three entries are as good as all.
        entries = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree[:3]))
        for key, value in entries:
            yield from _places(value, (*at, key))


def _from_schema(plugins: Plugins) -> SearchStrategy[Any]:
    whole = BenchmarkFile.model_json_schema()
    return _value(whole, whole.get("$defs", {}), "", plugins)


def _part(plugins: Plugins, kind: Kind) -> SearchStrategy[Any]:
    """A part by name, with parameters that its own schema lets pass, and some that it does not."""
    drawn = []
    for provided in plugins.of(kind):
        schema = provided.record.parameters.model_json_schema()
        properties = {
            key: _value(value, schema.get("$defs", {}), key, plugins)
            for key, value in schema.get("properties", {}).items()
        }
        drawn.append(st.fixed_dictionaries({"name": st.just(provided.record.name)}, optional=properties))
    return st.one_of(*drawn, st.sampled_from([provided.record.name for provided in plugins.of(kind)]))


def _value(schema: Mapping[str, Any], known: Mapping[str, Any], key: str, plugins: Plugins) -> SearchStrategy[Any]:
    """What a JSON schema lets pass, near its bounds by preference."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in ("Reference", "DatasetSection"):
            part = _part(plugins, KINDS.get(key, "metric"))
            return part.map(lambda one: {**one, "size": 32} if key == "dataset" and isinstance(one, dict) else one)
        return _value(known[name], known, key, plugins)
    kinds: dict[str, Callable[[], SearchStrategy[Any]]] = {
        "integer": lambda: _number(schema, whole=True),
        "number": lambda: _number(schema, whole=False),
        "string": lambda: st.sampled_from([*WORDS, "x", "test"]),
        "boolean": st.booleans,
        "null": st.none,
        "array": lambda: st.lists(
            _value(schema.get("items", {}), known, key, plugins), min_size=schema.get("minItems", 0), max_size=3
        ),
        "object": lambda: _object(schema, known, plugins),
    }
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    if "anyOf" in schema:
        return st.one_of(*(_value(one, known, key, plugins) for one in schema["anyOf"]))
    kind = kinds.get(schema.get("type", ""))
    return kind() if kind else VALUES


def _object(schema: Mapping[str, Any], known: Mapping[str, Any], plugins: Plugins) -> SearchStrategy[Any]:
    properties = {key: _value(value, known, key, plugins) for key, value in schema.get("properties", {}).items()}
    needed = {key: properties.pop(key) for key in schema.get("required", [])}
    return st.fixed_dictionaries(needed, optional=properties)


def _number(schema: Mapping[str, Any], whole: bool) -> SearchStrategy[Any]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", 100))
    if whole:
        return st.sampled_from([low, low + 1, high, high + 1]) | st.integers(int(low), int(high))
    return st.sampled_from([low, high]) | st.floats(low, high)
