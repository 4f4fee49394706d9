"""Rooms import lower floors only, and nothing imports in a circle."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import ftbench

HOME = Path(ftbench.__file__).parent
FLOORS = (
    ("errors", "progress", "plaintext", "console", "stopping"),
    ("contract", "benchfile", "storage", "statistics"),
    ("parts", "data", "machine"),
    ("plan", "pipeline"),
    ("train",),
    ("evaluate",),
    ("report", "vouching"),
    ("runner",),
    ("cluster",),
    ("publish",),
    ("claims", "marking", "protocol", "testing"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
OLD_PATHS = {"tensorfile", "splits", "components"}
"""Where plugin authors were once told to import from."""
WAY = ("contract", "plan", "data", "pipeline", "train", "evaluate", "runner")
"""What a newcomer reads, from a YAML file to a table."""


def _module(path: Path) -> str:
    parts = path.relative_to(HOME.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(path): path for path in sorted(HOME.rglob("*.py"))}


def _imports(module: str, among: dict[str, Path] | None = None) -> set[str]:
    among = MODULES if among is None else among
    found: set[str] = set()
    for node in ast.walk(ast.parse(among[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in among else node.module for name in inner}
    return {name for name in found if name in among}


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_module_is_in_a_room() -> None:
    outside = {_room(module) for module in MODULES} - set(FLOOR) - OLD_PATHS - {"", "__main__"}
    assert not outside


def test_a_room_imports_lower_floors_only() -> None:
    upward = [
        f"{module} -> {name}"
        for module in MODULES
        for name in _imports(module)
        if _room(module) in FLOOR and _room(name) in FLOOR and _room(module) != _room(name)
        if FLOOR[_room(name)] >= FLOOR[_room(module)] > 0
    ]
    assert not upward


def test_nothing_imports_in_a_circle() -> None:
    # Raises CycleError, which names the circle. What a function imports when it is called counts too.
    graph = {module: _imports(module) - {module, "ftbench"} for module in MODULES if module != "ftbench"}
    list(TopologicalSorter(graph).static_order())


def test_nor_do_the_plugins() -> None:
    plugins = HOME.parent / "plugins"
    files = {".".join(path.relative_to(plugins).with_suffix("").parts): path for path in plugins.rglob("*.py")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph = {name: _imports(name, files) - {name} for name in files}
    assert any(graph.values())
    list(TopologicalSorter(graph).static_order())


def test_the_pipeline_knows_neither_yaml_nor_plan() -> None:
    known = {_room(name) for module in MODULES if _room(module) == "pipeline" for name in _imports(module)}
    assert not known & {"benchfile", "plan", "storage"}


def test_the_way_from_yaml_to_table_does_not_grow() -> None:
    lines = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, path in MODULES.items()
        if _room(module) in WAY
    }
    # 4,000 is the aim: an hour's reading. Jobs side by side, ends in time and profiles took it further away, and so
    # did batches in parts, remote places, marks held at a FLIP, attackers who know pictures, where faces lie, lists of
    # settings, trainings that begin with a model's weights, second marks as evaluation makes them, and the headings of
    # a training in three files.
    assert sum(lines.values()) < 6650, sum(lines.values())
    assert sorted(lines.values())[len(lines) // 2] <= 120


def test_contributing_names_the_files_of_an_hours_reading() -> None:
    text = (HOME.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \d+ \| `([\w./]+\.\w+)` \|", text, flags=re.MULTILINE)
    lengths = [len((HOME.parent / name).read_text(encoding="utf-8").splitlines()) for name in named]
    assert len(named) == 13
    assert sum(lengths) < 3100, dict(zip(named, lengths, strict=True))


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(path): length
        for root in (HOME, HOME.parent / "plugins")
        for path in root.rglob("*.py")
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_each_room_says_what_it_does() -> None:
    silent = [
        room
        for room in FLOOR
        if (HOME / room).is_dir()
        if not ast.get_docstring(ast.parse((HOME / room / "__init__.py").read_text(encoding="utf-8")))
    ]
    assert not silent
