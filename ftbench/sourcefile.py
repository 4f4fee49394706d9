"""One Python file as the interpreter means it: its digest, what it imports, and the text that stands in it.

Comments, formatting, docstrings, imports for type checkers and ``__version__`` do not count. The digest is the same
under every Python that reads the file.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

DIGITS = 12
"""Hex digits of a digest: enough to tell versions of a file apart, short enough to read."""
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?=$|:[A-Za-z_][\w.]*$)|[A-Za-z_]\w*(?=:[A-Za-z_][\w.]*$)")
_GLOB = re.compile(r"\*?[\w-]*(?:\.\w+)+")
_UNSAID = ("ctx", "kind", "type_comment")
"""Fields of a syntax tree that say nothing of their own."""


@dataclass(frozen=True)
class Imported:
    """One import: ``from ..module import names``; ``level`` counts the dots."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()
    open_end: bool = False
    """True: the text goes on with what only the running program knows, so any module that begins so is meant."""
    anchor: str | None = None
    """The package that a relative name starts from, where the program says it."""


@dataclass(frozen=True)
class SourceFile:
    """What one file is to a cell."""

    digest: str
    imports: tuple[Imported, ...] = ()
    modules: frozenset[str] = frozenset()
    """What the file's strings may name: ``package.module``, and any module before ``:attribute``."""
    strings: frozenset[str] = frozenset()
    """Every string constant that is no docstring, pieces of f-strings included; ``/`` for ``\\``."""
    endings: frozenset[str] = frozenset()
    """How names of files may end that the file puts together or searches for: ``.json``, ``_weights.bin``."""


def read_source(path: Path) -> SourceFile:
    """Read a file, once for as long as it does not change; raises OSError. No Python, or broken: its bytes' digest."""
    state = path.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=10_000)
def _read(path: Path, _modified: int, _size: int) -> SourceFile:
    data = path.read_bytes()
    return understood(data) if path.suffix in (".py", ".pyw") else SourceFile(_digest(data))


def understood(data: bytes) -> SourceFile:
    """The meaning of a Python file's bytes."""
    try:
        with warnings.catch_warnings():
            # The file's author hears of them when it is imported.
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
        return _Reading().of(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return SourceFile(_digest(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGITS]


class _Reading:
    def __init__(self) -> None:
        self.imports: list[Imported] = []
        self.strings: set[str] = set()
        self.endings: set[str] = set()

    def of(self, tree: ast.Module) -> SourceFile:
        # Without recursion: a sum of a thousand terms is a tree a thousand deep.
        said: list[str] = []
        waiting: list[ast.AST | str] = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, str):
                said.append(node)
            elif isinstance(node, ast.Constant):
                if isinstance(node.value, str):
                    self.strings.add(node.value)
                said.append(repr(node.value))
            else:
                self._note(node)
                waiting.extend(reversed(_inside(node)))
        return SourceFile(
            _digest("\n".join(said).encode("utf-8", "surrogatepass")),
            tuple(dict.fromkeys(self.imports)),
            frozenset(found[0] for found in map(_MODULE.match, self.strings) if found),
            frozenset(text.replace("\\", "/") for text in self.strings),
            frozenset(filter(None, map(_ending, self.strings | self.endings))),
        )

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self.imports.extend(Imported(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            self.imports.append(Imported(node.module or "", node.level, names))
        elif isinstance(node, ast.JoinedStr):
            last = node.values[-1] if node.values else None
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                self.endings.add(f"*{last.value}")
        elif isinstance(node, ast.Call) and node.args and _name(node.func) in ("import_module", "__import__"):
            begins, whole = _beginning(node.args[0])
            anchor = _beginning(node.args[1]) if len(node.args) > 1 else ("", False)
            bare = begins.lstrip(".")
            if begins:
                self.imports.append(
                    Imported(
                        bare,
                        len(begins) - len(bare),
                        open_end=not whole,
                        anchor=anchor[0] if anchor[0] and anchor[1] else None,
                    )
                )


def _inside(node: ast.AST) -> list[ast.AST | str]:
    """A node's class and fields in order, closed by a bracket; what does nothing is left out."""
    found: list[ast.AST | str] = [type(node).__name__]
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or name in _UNSAID:
            continue
        if isinstance(value, list):
            # A field that a newer Python added to its trees is empty in older files.
            kept = _working(value)
            if kept:
                found += [name, "[", *kept, "]"]
        else:
            found += [name, value if isinstance(value, ast.AST) else repr(value)]
    return [*found, ")"]


def _working(values: list[ast.AST | str | None]) -> list[ast.AST | str]:
    kept: list[ast.AST | str] = []
    for value in values:
        if isinstance(value, ast.Pass) or (isinstance(value, ast.Expr) and isinstance(value.value, ast.Constant)):
            continue
        if isinstance(value, ast.Assign) and [_name(target) for target in value.targets] == ["__version__"]:
            # A release is no other code.
            continue
        if isinstance(value, ast.If) and _name(value.test) == "TYPE_CHECKING":
            kept += _working([*value.orelse])
        else:
            kept.append(value if isinstance(value, ast.AST) else repr(value))
    return kept


def _ending(text: str) -> str:
    """``.json`` of ``*.json``, ``.json`` and ``tables/*.json``; empty where a text is no such thing."""
    last = text.replace("\\", "/").rpartition("/")[2] if "/" in text or "\\" in text else text
    return last.removeprefix("*") if _GLOB.fullmatch(last) and (last[0] in "*." or text[0] == "*") else ""


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _beginning(node: ast.AST) -> tuple[str, bool]:
    """The text that an expression begins with, and whether that is all of it."""
    if isinstance(node, ast.Constant):
        return (node.value, True) if isinstance(node.value, str) else ("", False)
    if isinstance(node, ast.JoinedStr) and node.values:
        return _beginning(node.values[0])[0], False
    if isinstance(node, ast.BinOp):
        return _beginning(node.left)[0], False
    return "", False
