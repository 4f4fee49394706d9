"""Which code stands behind a part or a kind of cell: its import closure, read without importing anything.

A module is followed through its imports at any depth, inside functions too, and through the text that names modules
lazily (``"module:attribute"``, ``import_module("module")``). A module whose name the running program alone knows is
not seen. Files are named from the package's parent on, with ``/``: ``ftbench_networks/compact.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from ftbench.parts.sourcefile import DIGITS, Imported, SourceFile, read_source

FRONT = "ftbench/__init__.py"
"""Names what users import and computes nothing; what it leads to is followed. A name more makes no cell anew."""
_CODE = (".py", ".pyw", ".pyc")


def module_digest(path: Path) -> str:
    """12 hex digits that change with what a Python file does, and with nothing else; raises OSError.

    A file that cannot be parsed, or that is no Python, counts by its bytes.
    """
    return read_source(path).digest


def closure(module: str, packages: Collection[str], without: Collection[str] = ()) -> dict[str, Path]:
    """Every module inside ``packages`` that importing and using ``module`` may reach, and its file.

    ``packages``: import packages, dotted ones too. ``without``: modules, and packages with all in them, that are not
    followed. A module in a zip archive stands as the archive. Empty where ``module`` cannot be found.
    """
    return _Finder(packages, without).closure(module)


def code_evidence(module: str, packages: Collection[str], without: Collection[str] = ()) -> dict[str, str]:
    """The closure's files, with the data files of its packages that it names, and the digest of each."""
    finder = _Finder(packages, without)
    modules = finder.closure(module)
    files = {_shown(name, path): path for name, path in modules.items()} | finder.data_files(modules)
    return {name: module_digest(path) for name, path in sorted(files.items())}


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What changed from one evidence to another, file by file, in words; empty where nothing did."""

    def word(name: str) -> str:
        return "is new" if name not in old else "is gone" if name not in new else "changed"

    names = sorted((old.keys() | new.keys()) - {FRONT})
    return [f"{name} {word(name)}" for name in names if old.get(name) != new.get(name)]


def today(names: Iterable[str]) -> dict[str, str]:
    """The digests that an evidence's files have now, as they are installed here; what is gone is left out."""
    found: dict[str, str] = {}
    for name in names:
        top, _, rest = name.partition("/")
        spec = importlib.util.find_spec(top) if top.isidentifier() else None
        for place in (spec.submodule_search_locations or ()) if spec else ():
            if (path := Path(place) / rest).is_file():
                found[name] = module_digest(path)
    return found


def fingerprint(evidence: Mapping[str, str]) -> str:
    """12 hex digits for all files of an evidence."""
    return hashlib.sha256(json.dumps(dict(evidence), sort_keys=True).encode()).hexdigest()[:DIGITS]


def packages_of(distribution: str, factories: Iterable[str]) -> frozenset[str]:
    """Import packages that a distribution brings: those it lists, and those that its parts' ``factories`` live in.

    A distribution that is not installed, as a single file is not, lists none.
    """
    listed: set[str] = set()
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
        found = importlib.metadata.distribution(distribution)
        listed.update((found.read_text("top_level.txt") or "").split())
        if not listed:
            code = [file.parts[0] for file in found.files or () if file.suffix == ".py" and ".." not in file.parts]
            listed.update(name.removesuffix(".py") for name in code)
    return frozenset({*listed, *(factory.partition(":")[0].partition(".")[0] for factory in factories)})


class _Finder:
    """Looks modules up on disk, each folder once."""

    def __init__(self, packages: Collection[str], without: Collection[str]) -> None:
        self.packages, self.without = tuple(packages), tuple(without)
        self.tops: dict[str, importlib.machinery.ModuleSpec | None] = {}
        self.folders: dict[Path, frozenset[str]] = {}

    def closure(self, module: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        waiting, seen = [module], {""}
        while waiting:
            name = waiting.pop()
            if name in seen or not self._wanted(name):
                continue
            seen.add(name)
            # Python runs the packages around a module first.
            waiting.append(name.rpartition(".")[0])
            path = self._locate(name)
            if path is not None:
                found[name] = path
                if path.suffix in _CODE:
                    package = name if path.stem == "__init__" else name.rpartition(".")[0]
                    waiting.extend(self._reached(read_source(path), package))
        return dict(sorted(found.items()))

    def data_files(self, modules: Mapping[str, Path]) -> dict[str, Path]:
        """Files beside the modules that their code names: in full, by an ending, or by a folder of data alone."""
        sources = [read_source(path) for path in modules.values()]
        named = {text for source in sources for text in source.strings}
        endings = tuple({text for source in sources for text in source.endings})
        found: dict[str, Path] = {}
        for top in sorted({name.partition(".")[0] for name in modules}):
            for place in self._places(top):
                for inside, folders in _data_in(place):
                    ends = {"/".join(inside[start:]) for start in range(len(inside))}
                    if not named.isdisjoint({*ends, *folders}) or inside[-1].endswith(endings):
                        found["/".join([top, *inside])] = place.joinpath(*inside)
        return {name: path for name, path in found.items() if path.is_file()}

    def _wanted(self, name: str) -> bool:
        return _within(name, self.packages) and not _within(name, self.without)

    def _reached(self, source: SourceFile, package: str) -> Iterator[str]:
        for imported in source.imports:
            yield from self._modules(imported, package)
        yield from source.modules

    def _modules(self, imported: Imported, package: str) -> Iterator[str]:
        base = imported.module
        if imported.level:
            around = (imported.anchor or package).split(".")
            kept = around[: max(0, len(around) - imported.level + 1)]
            base = ".".join([*kept, *([base] if base else [])])
            if imported.open_end and not imported.module:
                base += "."
        if imported.open_end:
            folder, _, begins = base.rpartition(".")
            names = self._submodules(folder) if self._wanted(folder) else ()
            yield from (f"{folder}.{name}" for name in names if name.startswith(begins))
            return
        yield base
        yield from (f"{base}.{name}" for name in imported.names if name != "*")
        if "*" in imported.names:
            path = self._locate(base) if self._wanted(base) else None
            # What __all__ may name.
            yield from (f"{base}.{text}" for text in (read_source(path).strings if path else ()) if text.isidentifier())

    def _locate(self, name: str) -> Path | None:
        top, *rest = name.split(".")
        spec = self._spec(top)
        if spec is None:
            return None
        if not rest:
            return _existing(Path(spec.origin)) if spec.has_location and spec.origin else None
        for place in self._places(top):
            if not place.is_dir():
                return _existing(place)
            folder = place.joinpath(*rest[:-1])
            for suffix in importlib.machinery.all_suffixes():
                for parent, file in ((folder / rest[-1], f"__init__{suffix}"), (folder, f"{rest[-1]}{suffix}")):
                    if file in self._names(parent):
                        return parent / file
        return None

    def _submodules(self, name: str) -> Iterator[str]:
        top, *rest = name.split(".")
        for place in self._places(top):
            names = {text.partition(".")[0] for text in self._names(place.joinpath(*rest))}
            yield from sorted(names - {"", "__init__", "__pycache__"})

    def _spec(self, top: str) -> importlib.machinery.ModuleSpec | None:
        if top not in self.tops:
            try:
                # Of a name without dots: nothing is imported.
                self.tops[top] = importlib.util.find_spec(top)
            except (ImportError, ValueError, AttributeError):
                self.tops[top] = None
        return self.tops[top]

    def _places(self, top: str) -> list[Path]:
        spec = self._spec(top)
        return [Path(place) for place in spec.submodule_search_locations or ()] if spec else []

    def _names(self, folder: Path) -> frozenset[str]:
        # Asked of the folder, not of the file: some systems find Compact.py where there is compact.py.
        if folder not in self.folders:
            try:
                self.folders[folder] = frozenset(path.name for path in folder.iterdir())
            except OSError:
                self.folders[folder] = frozenset()
        return self.folders[folder]


def _within(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _existing(path: Path) -> Path | None:
    """The file, or the archive that it lies in."""
    return next((place for place in (path, *path.parents) if place.is_file()), None)


def _shown(module: str, path: Path) -> str:
    *around, last = module.split(".")
    if not path.name.endswith(tuple(importlib.machinery.all_suffixes())):
        return path.name
    if path.stem == "__init__":
        around.append(last)
    return "/".join([*around, path.name])


def _data_in(place: Path) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Files that are no code, and of the folders that each lies in those without any code."""
    found: list[tuple[str, ...]] = []
    with_code: set[tuple[str, ...]] = {()}
    for folder, below, names in os.walk(place):
        below[:] = [name for name in below if not name.startswith(".") and name != "__pycache__"]
        around = Path(folder).relative_to(place).parts
        if any(name.endswith(_CODE) for name in names):
            with_code.update(around[:end] for end in range(len(around) + 1))
        found += [(*around, name) for name in names if not name.startswith(".") and not name.endswith(_CODE)]
    return [
        (inside, tuple(inside[end - 1] for end in range(1, len(inside)) if inside[:end] not in with_code))
        for inside in sorted(found)
    ]
