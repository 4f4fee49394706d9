"""Writes docs/reference.md from the sources of the plugin contract: ``python docs/make_reference.py``.

Fields are described by the strings below them, which only the source holds; so it is parsed, not imported.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from ftbench.contract.inputs import EXTRA_INPUTS

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "reference.md"
HEAD = """\
# The plugin contract

Written by `docs/make_reference.py` from the sources; change those, then run it. How to begin:
[write-a-plugin.md](write-a-plugin.md). How this contract changes: [contract.md](contract.md).

A plugin is a module named in the entry-point group `ftbench`. Its functions carry `@ftbench.hookimpl` and the names
below, and yield records; the object that a record's factory makes follows the protocol of its kind.
"""


def reference() -> str:
    """The whole page."""
    hooks, records, protocols = (_parsed(f"contract/{name}.py") for name in ("hooks", "records", "protocols"))
    sections = [
        HEAD,
        "## Hooks that yield parts\n",
        *(_hook(hook) for hook in _functions(hooks) if not hook.args.args),
        "## Hooks that observe a run\n",
        "An observer may name fewer arguments than these. What it raises is logged once and stops nothing.\n",
        *(_hook(hook) for hook in _functions(hooks) if hook.args.args),
        "## Records\n",
        *(_class(node) for node in _classes(records) if _is_record(node)),
        "## What the objects behind them do\n",
        *(_class(node) for node in _classes(protocols) if _is_protocol(node)),
        "## Smaller things\n",
        *(_class(node) for node in (*_classes(records), *_classes(protocols)) if node.name in ("Parameters", "Item")),
        _alias(records, "InputPath"),
        "### Extra inputs\n\nWhat a simulator's `needs` may name.\n\n| name | what it is |\n|---|---|",
        *(f"| `{name}` | {given.meaning.replace('``', '`')} |" for name, given in EXTRA_INPUTS.items()),
        "",
    ]
    return "\n".join(sections).rstrip() + "\n"


def _parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / "ftbench" / name).read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("ftbench_"))


def _classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    return (node for node in tree.body if isinstance(node, ast.ClassDef))


def _bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base) for base in node.bases}


def _is_record(node: ast.ClassDef) -> bool:
    return node.name == "Component" or "Component" in _bases(node)


def _is_protocol(node: ast.ClassDef) -> bool:
    return "Protocol" in _bases(node)


def _hook(node: ast.FunctionDef) -> str:
    arguments = ", ".join(f"{a.arg}: {ast.unparse(a.annotation)}" for a in node.args.args if a.annotation)
    gives = f" -> {ast.unparse(node.returns)}" if node.returns and arguments == "" else ""
    return f"### `{node.name}({arguments}){gives}`\n\n{_text(node)}\n"


def _class(node: ast.ClassDef) -> str:
    of = ", ".join(sorted(_bases(node) - {"Protocol"}))
    parts = [f"### `{node.name}{f'({of})' if of else ''}`\n\n{_text(node)}\n"]
    fields = list(_fields(node))
    if fields:
        parts.append("| field | type | default | |\n|---|---|---|---|\n" + "\n".join(fields) + "\n")
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
            arguments = ast.unparse(method.args).removeprefix("self").removeprefix(", ")
            gives = f" -> {ast.unparse(method.returns)}" if method.returns else ""
            parts.append(f"**`{method.name}({arguments}){gives}`** — {_text(method)}\n")
    return "\n".join(parts)


def _fields(node: ast.ClassDef) -> Iterator[str]:
    followers = [*node.body[1:], None]
    for field, after in zip(node.body, followers, strict=True):
        if not isinstance(field, ast.AnnAssign) or "init=False" in ast.unparse(field):
            continue
        name, kind = ast.unparse(field.target), ast.unparse(field.annotation)
        if name == "model_config":
            continue
        default = f"`{ast.unparse(field.value)}`" if field.value else "required"
        documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        text = " ".join(str(after.value.value).split()) if documented else ""  # type: ignore[union-attr,attr-defined]
        yield f"| `{name}` | `{_cell(kind)}` | {default} | {_cell(_plain(text))} |"


def _alias(tree: ast.Module, name: str) -> str:
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return f"### `{name}`\n\n{_plain(inspect.cleandoc(str(after.value.value)))}\n"
    raise LookupError(name)


def _text(node: ast.ClassDef | ast.FunctionDef) -> str:
    return _plain(ast.get_docstring(node) or "")


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
