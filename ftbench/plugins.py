"""Finds plugins, keeps broken ones apart, and looks parts up by name.

A plugin can fail in three places: when its entry point is loaded, when it is registered, and while a hook's
records are iterated. Each is caught on its own, so that listing and every other plugin go on.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pluggy

from ftbench import components, hookspecs
from ftbench.components import Component, Kind
from ftbench.errors import BadInput
from ftbench.explain import nearest

GROUP = "ftbench"
RECORDS: dict[Kind, type[Component]] = {
    "encoder": components.Encoder,
    "decoder": components.Decoder,
    "simulator": components.Simulator,
    "distortion": components.Distortion,
    "codec": components.Codec,
    "dataset": components.Dataset,
    "metric": components.Metric,
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Provided:
    """A part and who brought it."""

    record: Component
    plugin: str
    distribution: str
    version: str
    commit: str
    """The commit that the distribution was installed from, where its installer recorded one (PEP 610)."""

    def source_digest(self) -> str:
        """Of every Python file in the part's import package: another source is another part."""
        return package_digest(self.record.factory.partition(":")[0].partition(".")[0])


@dataclass(frozen=True)
class Failure:
    """A plugin, or one of its hooks, that could not be used."""

    plugin: str
    distribution: str
    version: str
    stage: str
    reason: str
    traceback: str


@dataclass(frozen=True)
class Plugins:
    """Every part there is, and every plugin that failed."""

    manager: pluggy.PluginManager
    parts: Sequence[Provided]
    failures: Sequence[Failure]

    def of(self, kind: Kind) -> list[Provided]:
        """The parts of a kind, by name."""
        return sorted((p for p in self.parts if p.record.kind == kind), key=lambda p: p.record.name)

    def find(self, kind: Kind, name: str) -> Provided:
        """Look a part up as ``name`` or ``name@distribution``; raises BadInput with the nearest names."""
        bare, _, distribution = name.partition("@")
        named = [p for p in self.of(kind) if p.record.name == bare]
        found = [p for p in named if not distribution or p.distribution == distribution]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            both = " and ".join(f"{bare}@{p.distribution}" for p in found)
            raise BadInput(f"{kind} {bare!r} is provided more than once; choose {both}")
        if named:
            who = ", ".join(p.distribution for p in named)
            raise BadInput(f"{kind} {bare!r} is not in distribution {distribution!r}, but in {who}")
        options = [p.record.name for p in self.of(kind)]
        near = ", ".join(nearest(bare, options)) or ", ".join(options) or "none"
        broken = "; ".join(f"{f.plugin} ({f.distribution}) failed: {f.reason}" for f in self.failures)
        raise BadInput(f"there is no {kind} {bare!r}; nearest: {near}" + (f"; it may be in {broken}" if broken else ""))

    def tell(self, hook: str, **values: Any) -> None:
        """Tell every observer; what one raises is logged and stops nobody."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            arguments = {name: values[name] for name in implementation.argnames}
            try:
                implementation.function(**arguments)
            except Exception:
                log.exception("observer %s failed in %s", implementation.plugin_name, hook)


def discover() -> Plugins:
    """Load every plugin of the entry-point group; nothing that one does wrong gets out of here."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    parts: list[Provided] = []
    failures: list[Failure] = []
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        distribution = entry.dist.metadata["Name"] if entry.dist else "unknown"
        version = entry.dist.version if entry.dist else "unknown"

        def failed(
            stage: str,
            error: BaseException,
            plugin: str = entry.name,
            of: tuple[str, str] = (distribution, version),
        ) -> None:
            text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            failures.append(Failure(plugin, *of, stage, text, traceback.format_exc()))

        try:
            module = entry.load()
        except (Exception, SystemExit) as error:
            failed("load", error)
            continue
        try:
            name = manager.register(module, name=f"{entry.name}@{distribution}")
        except Exception as error:
            failed("register", error)
            continue
        origin = (entry.name, distribution, version, _commit(entry.dist))
        for kind, record_type in RECORDS.items():
            hook = getattr(manager.hook, f"ftbench_{kind}s")
            for implementation in hook.get_hookimpls():
                if implementation.plugin_name != name:
                    continue
                try:
                    for record in implementation.function():
                        if not isinstance(record, record_type):
                            raise TypeError(f"yielded {record!r}, not an ftbench.{record_type.__name__}")
                        parts.append(Provided(record, *origin))
                except (Exception, SystemExit) as error:
                    failed(f"ftbench_{kind}s", error)
    return Plugins(manager, tuple(parts), tuple(failures))


@functools.cache
def package_digest(package: str, only: tuple[str, ...] = ()) -> str:
    """Digest of the Python sources of an import package, or of some of its files; ``""`` if there are none."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    files = [file for place in places for file in Path(place).rglob("*.py")]
    if spec and spec.origin and not places:
        files = [Path(spec.origin)]
    digest = hashlib.sha256()
    for file in sorted(files):
        name = file.relative_to(places[0]).as_posix() if places else file.name
        if only and name not in only:
            continue
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest() if files else ""


def _commit(distribution: importlib.metadata.Distribution | None) -> str:
    text = distribution.read_text("direct_url.json") if distribution else None
    if not text:
        return ""
    try:
        return cast(str, json.loads(text).get("vcs_info", {}).get("commit_id", ""))
    except (json.JSONDecodeError, AttributeError):
        return ""
