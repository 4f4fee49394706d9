"""A plugin's module as ``ftbench plugins`` meets it: imported, registered, its hooks iterated. Imports no torch."""

from __future__ import annotations

import importlib.metadata
import os
import random
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

import pluggy

from ftbench.contract import hooks as hookspecs
from ftbench.contract.records import Component
from ftbench.errors import nearest
from ftbench.parts.catalogue import RECORDS
from ftbench.parts.discovery import GROUP, MOST_RECORDS
from ftbench.parts.local_file import LocalFile
from ftbench.parts.surroundings import Surroundings
from ftbench.testing import places
from ftbench.testing.finding import Finding
from ftbench.testing.output import captured_output

HEAVY = frozenset(
    {
        "torch",
        "torchvision",
        "timm",
        "kornia",
        "numpy",
        "scipy",
        "pandas",
        "matplotlib",
        "PIL",
        "cv2",
        "onnxruntime",
        "tensorflow",
        "jax",
    }
)
"""What listing must not wait for."""


FILTERS = "the filters of warnings"


@dataclass
class Listing:
    """What one entry point brings, and what is wrong with it."""

    entry: str
    findings: list[Finding] = field(default_factory=list)
    records: list[Component] = field(default_factory=list)
    torch: bool = False
    """It imported torch, and may have changed it."""


def examine_listing(name: str, value: str) -> Listing:
    """Load and list the entry point ``name = value`` in this process, which it may end or hang."""
    listing = Listing(f"{name} = {value}")
    module = value.partition(":")[0]
    where, folders = places.of_module(module), places.package_folders(module)

    def broken(check: str, promised: str, happened: str, place: str = "") -> None:
        listing.findings.append(Finding(check, promised, happened, place or where))

    watch = _ImportWatch()
    before, process = _surroundings(), Surroundings.now(modules=True)
    with captured_output() as printed, watch:
        plugin = _loaded(name, value, broken, folders)
        if plugin is not None:
            listing.records = list(_listed(plugin, broken, folders))
    if watch.first:
        listing.torch = "torch" in watch.seen
        told = ", ".join(sorted(watch.seen))
        broken("lazy import", "no heavy library imported by listing", f"it imported {told}", watch.first)
    if printed.text.strip():
        first = printed.text.strip().splitlines()[0][:60]
        broken("standard output", "nothing printed to standard output", f"it printed {first!r}", printed.where)
    for what, old in before.items():
        # A library's own filters are not the plugin's; that it was imported is found already.
        if _surroundings()[what] != old and not (what == FILTERS and watch.first):
            broken("process", f"{what} left alone", "it changed it")
    for misdeed in process.restored():
        # What it does to torch is looked at beside torch.
        if "torch's" not in misdeed:
            broken("process", "a process left as it was", f"it {misdeed}")
    return listing


def examine_beside_torch(name: str, value: str) -> list[Finding]:
    """What loading and listing do to torch, loaded before."""
    from ftbench.testing.world import watched

    where = places.of_module(value.partition(":")[0])
    with watched(torch_draws=False) as misdeeds:
        plugin = _loaded(name, value, lambda *_: None, ())
        if plugin is not None:
            list(_listed(plugin, lambda *_: None, ()))
    return [Finding(m.check, m.promised, m.happened, m.where or where) for m in misdeeds if "torch" in m.promised]


def records_of(name: str, value: str) -> list[Component]:
    """The records of an entry point that was found to list well enough."""
    plugin = _loaded(name, value, lambda *_: None, ())
    return [] if plugin is None else list(_listed(plugin, lambda *_: None, ()))


def _loaded(name: str, value: str, broken: Any, folders: Sequence[str]) -> Any:
    try:
        if places.is_file(value):
            return LocalFile(Path(value), Path(value).read_bytes()).load()
        return importlib.metadata.EntryPoint(name, value, GROUP).load()
    except (Exception, SystemExit) as error:
        broken("import", "a module that can be imported", places.sentence(error), places.raised(error, folders))
    return None


def _listed(plugin: Any, broken: Any, folders: Sequence[str]) -> Iterator[Component]:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    promised = "hooks that fit their specification"
    try:
        manager.register(plugin)
    except Exception as error:
        broken("hooks", promised, places.sentence(error), places.raised(error, folders) or places.of_object(plugin))
        return
    known = {name for name in vars(hookspecs) if name.startswith("ftbench_")}
    functions: dict[Any, list[str]] = {}
    hooks: dict[str, list[Any]] = {}
    for caller in manager.get_hookcallers(plugin) or ():
        for implementation in caller.get_hookimpls():
            functions.setdefault(implementation.function, []).append(caller.name)
            hooks.setdefault(caller.name, []).append(implementation.function)
            if implementation.optionalhook:
                known.add(caller.name)
    _check_hooks(plugin, functions, set(hooks), known, broken)
    for kind, record_type in RECORDS.items():
        for function in hooks.get(f"ftbench_{kind}s", ()):
            # An alias yields another kind's records, and was found already.
            if len(functions.get(function, ())) > 1 and function.__name__ != f"ftbench_{kind}s":
                continue
            yield from _yielded(function, record_type, broken, folders)


def _check_hooks(
    plugin: Any, functions: dict[Any, list[str]], registered: set[str], known: set[str], broken: Any
) -> None:
    """Each known hook once, and marked as one."""
    for function, names in functions.items():
        if len(names) > 1:
            happened = f"{' and '.join(sorted(names))} are one function"
            broken("hooks", "each hook registered once", happened, places.of_object(function))
        elif names[0] not in known:
            near = ", ".join(nearest(names[0], known)) or ", ".join(sorted(known))
            happened = f"{names[0]} is none; nearest: {near}"
            broken("hooks", "hooks that this harness knows", happened, places.of_object(function))
    for name in sorted(known - registered):
        bare = getattr(plugin, name, None)
        if isinstance(bare, FunctionType):
            happened = f"{name} is not, so nobody calls it"
            broken("hooks", "hooks marked with @ftbench.hookimpl", happened, places.of_object(bare))
            registered.add(name)
    if not registered:
        broken("hooks", "at least one hook", "it has none", places.of_object(plugin))


def _yielded(function: Any, record_type: type[Component], broken: Any, folders: Sequence[str]) -> Iterator[Component]:
    promised = f"{function.__name__} yields ftbench.{record_type.__name__} records"
    where = places.of_object(function)
    try:
        for number, record in enumerate(function()):
            if number >= MOST_RECORDS:
                broken("records", f"at most {MOST_RECORDS} records of a hook", "its generator goes on", where)
                return
            if isinstance(record, record_type):
                yield record
            else:
                broken("records", promised, f"it yielded {_short(record)}", where)
    except (Exception, SystemExit) as error:
        broken("records", promised, places.sentence(error), places.raised(error, folders) or where)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _surroundings() -> dict[str, Any]:
    return {
        FILTERS: list(warnings.filters),
        "the environment": dict(os.environ),
        "Python's global random state": random.getstate(),
    }


class _ImportWatch:
    """Sees heavy libraries being imported, and where the first import stands."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.first = ""

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in HEAVY and name not in self.seen:
            self.seen.add(name)
            frame: Any = sys._getframe(1)
            while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
                frame = frame.f_back
            if frame is not None and not self.first:
                self.first = places.shown(frame.f_code.co_filename, frame.f_lineno)
