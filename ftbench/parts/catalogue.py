"""The parts that plugins brought, looked up by name, and the plugins that failed."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

from ftbench.contract import records
from ftbench.contract.records import Component, Kind
from ftbench.errors import BadInput, nearest, told

BUILT_IN = "ftbench"
"""The distribution whose plugins are always loaded."""
NAMED = 60
"""Characters of a name that a message shows."""
RECORDS: dict[Kind, type[Component]] = {
    "encoder": records.Encoder,
    "decoder": records.Decoder,
    "simulator": records.Simulator,
    "distortion": records.Distortion,
    "codec": records.Codec,
    "dataset": records.Dataset,
    "metric": records.Metric,
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
        """Of every file in the part's import package, weights too: another source is another part."""
        return package_digest(self.record.factory.partition(":")[0].partition(".")[0])


@dataclass(frozen=True)
class Failure:
    """A plugin, or something in it, that could not be used or did what it may not."""

    plugin: str
    distribution: str
    version: str
    stage: str
    reason: str
    traceback: str = ""
    fatal: bool = True
    """False: a warning; everything that the plugin brought can be used."""
    late: bool = False
    """It was left because its time was up, so nobody knows what it brings."""


@dataclass(frozen=True)
class Plugins:
    """Every part there is, and every plugin that failed."""

    manager: pluggy.PluginManager
    parts: Sequence[Provided]
    failures: Sequence[Failure]
    silenced: set[tuple[str, str]] = field(default_factory=set)
    """(observer, hook) that failed once: a broken tracker is told of once, not at every step."""

    def of(self, kind: Kind) -> list[Provided]:
        """The parts of a kind, by name."""
        return sorted((p for p in self.parts if p.record.kind == kind), key=lambda p: p.record.name)

    def find(self, kind: Kind, name: str, built_in_wins: bool = False) -> Provided:
        """Look a part up as ``name`` or ``name@distribution``; raises BadInput with the nearest names.

        ``built_in_wins``: of several of one name, take the one that ftbench brings.
        """
        bare, _, distribution = name.partition("@")
        named = [p for p in self.of(kind) if p.record.name == bare]
        found = [p for p in named if not distribution or p.distribution == distribution]
        if built_in_wins and len(found) > 1:
            found = [p for p in found if p.distribution == BUILT_IN] or found
        if len(found) == 1:
            return found[0]
        # Of a file that was damaged, a name may be all of it.
        bare, distribution = (text if len(text) <= NAMED else f"{text[: NAMED - 1]}…" for text in (bare, distribution))
        if len(found) > 1:
            names = " or ".join(f"{bare}@{p.distribution}" for p in found)
            raise BadInput(f"{kind} {bare!r} is provided more than once; write {names}")
        if named:
            who = ", ".join(p.distribution for p in named)
            raise BadInput(f"{kind} {bare!r} is not in distribution {distribution!r}, but in {who}")
        late = [f for f in self.failures if f.late]
        if late:
            who = " and ".join(f"plugin {f.plugin} ({f.distribution} {f.version})" for f in late)
            raise BadInput(
                f"{kind} {bare!r} is in no plugin that was loaded, and may be in {who}, not loaded because it "
                f"{late[0].reason.removeprefix('hangs: it ')}; try again, with more time on a slow machine: "
                "FTBENCH_PLUGIN_SECONDS=60"
            )
        options = [p.record.name for p in self.of(kind)]
        near = ", ".join(nearest(bare, options)) or ", ".join(options) or "none"
        broken = "; ".join(f"{f.plugin} ({f.distribution}), which failed: {f.reason}" for f in self.failures if f.fatal)
        raise BadInput(f"there is no {kind} {bare!r}; nearest: {near}" + (f"; it may be in {broken}" if broken else ""))

    def tell(self, hook: str, **values: Any) -> dict[str, str]:
        """Tell every observer; what one raises is logged once and stops nobody. Gives who failed now, and how."""
        failed: dict[str, str] = {}
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            arguments = {name: values[name] for name in implementation.argnames}
            try:
                implementation.function(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                who = (implementation.plugin_name, hook)
                failed[implementation.plugin_name] = told(error)
                if who not in self.silenced:
                    log.warning("observer %s failed in %s: %s: %s", *who, type(error).__name__, error)
                    log.debug("observer %s failed in %s", *who, exc_info=True)
                self.silenced.add(who)
        return failed


@functools.cache
def package_digest(package: str, only: tuple[str, ...] = ()) -> str:
    """Digest of an import package's files, or of some of them, compiled ones left out; ``""`` if there are none."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    files = [file for place in places for file in Path(place).rglob("*") if _is_source(file.relative_to(place), file)]
    if spec and spec.origin and not places:
        files = [Path(spec.origin)]
    digest = hashlib.sha256()
    for file in sorted(files):
        name = file.relative_to(places[0]).as_posix() if places else file.name
        if only and name not in only:
            continue
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest() if files else ""


def _is_source(inside: Path, file: Path) -> bool:
    # Python and editors leave files of their own beside the sources.
    hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
    return not hidden and file.suffix != ".pyc" and file.is_file()
