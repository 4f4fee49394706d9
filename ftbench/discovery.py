"""Finds and loads plugins, and keeps broken ones apart.

A plugin can fail in three places: when its entry point is loaded, when it is registered, and while a hook's
records are iterated. Each is caught on its own, so that listing and every other plugin go on.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pluggy

from ftbench import hookspecs
from ftbench.components import Component
from ftbench.errors import BadInput, nearest, told
from ftbench.isolation import Interrupted, TookTooLong, guarded, last_word, time_limit
from ftbench.local import LocalFile
from ftbench.plugins import BUILT_IN, RECORDS, Failure, Plugins, Provided
from ftbench.stopping import Stopped

GROUP = "ftbench"
"""The entry-point group."""
ONLY, STRICT = "FTBENCH_PLUGINS", "FTBENCH_STRICT_PLUGINS"
UNKNOWN = "unknown"
MOST_RECORDS = 1000
"""Records that one hook may yield: a generator without an end is noticed."""


@dataclass(frozen=True)
class Policy:
    """Which plugins are loaded, beside the built-in ones."""

    only: tuple[str, ...] | None = None
    """Names of plugins or distributions; None: every installed one."""
    strict: bool = False
    """A plugin that fails is an error, not a row of a list."""

    @classmethod
    def from_environment(cls) -> Policy:
        """``FTBENCH_PLUGINS=a,b`` and ``FTBENCH_STRICT_PLUGINS=1``, which the command line's options set too."""
        named = os.environ.get(ONLY)
        only = None if named is None else tuple(name.strip() for name in named.split(",") if name.strip())
        return cls(only, os.environ.get(STRICT, "") not in ("", "0"))


@dataclass(frozen=True)
class _Origin:
    """Where a plugin comes from, and how it is loaded."""

    plugin: str
    distribution: str
    version: str
    commit: str
    load: Callable[[], Any]

    @classmethod
    def of_entry(cls, entry: importlib.metadata.EntryPoint) -> _Origin:
        return cls(entry.name, *distribution_of(entry), _commit(entry.dist), lambda: _load(entry))

    @classmethod
    def of_file(cls, file: LocalFile) -> _Origin:
        return cls(file.path.stem, file.path.name, file.version, "", file.load)


def distribution_of(entry: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that brought an entry point; ``unknown`` where nobody can read them."""
    name = version = None
    # Written by other installers, or by hand: anything may be missing.
    with contextlib.suppress(Exception):
        # Read once: each look at the metadata reads the whole file anew.
        if entry.dist:
            metadata = entry.dist.metadata
            name = metadata["Name"]
            version = metadata["Version"]
    return name or UNKNOWN, version or UNKNOWN


def discover(policy: Policy | None = None, local: Sequence[LocalFile] = ()) -> Plugins:
    """Load the plugins of the entry-point group and of ``local`` files; nothing that one does wrong gets out of here.

    ``policy``: default from the environment. Raises BadInput when it names a plugin that is not installed, or is
    strict and something failed.
    """
    policy = policy or Policy.from_environment()
    origins = [*_installed(policy), *map(_Origin.of_file, local)]
    discovery = _Discovery()
    for origin in origins:
        discovery.add(origin)
    discovery.warn_of_newer_hooks()
    if policy.strict and discovery.failures:
        told = "; ".join(
            f"{f.plugin} ({f.distribution} {f.version}) at {f.stage}: {f.reason}" for f in discovery.failures
        )
        raise BadInput(f"strict about plugins, and not all is well: {told}; mend or uninstall these")
    return Plugins(discovery.manager, tuple(discovery.parts), tuple(discovery.failures))


def _installed(policy: Policy) -> list[_Origin]:
    origins = [_Origin.of_entry(entry) for entry in importlib.metadata.entry_points(group=GROUP)]
    origins.sort(key=lambda origin: (origin.plugin, origin.distribution))
    if policy.only is None:
        return origins
    known = {name for origin in origins for name in (origin.plugin, origin.distribution)}
    asked = set(map(normal, policy.only))
    for name in policy.only:
        if normal(name) not in map(normal, known):
            near = ", ".join(nearest(name, known)) or ", ".join(sorted(known))
            raise BadInput(
                f"{ONLY} names {name!r}, and no installed plugin or distribution has that name; near: {near}"
            )
    return [o for o in origins if o.distribution == BUILT_IN or {normal(o.plugin), normal(o.distribution)} & asked]


def normal(name: str) -> str:
    """A distribution's name as installers compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class _Discovery:
    """Parts and failures as they are found, one plugin after the other."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.parts: list[Provided] = []
        self.failures: list[Failure] = []
        self.origins: dict[str, _Origin] = {}

    def add(self, origin: _Origin) -> None:
        """Load, register and list one plugin."""
        name = f"{origin.plugin}@{origin.distribution}"
        loaded = self._held(origin, "load", origin.load)
        if loaded is None:
            return
        if self._held(origin, "register", lambda: self.manager.register(loaded, name=name)) is None:
            return
        self.origins[name] = origin
        if not self.manager.get_hookcallers(loaded):
            reason = "has no hook of ftbench, so it brings nothing; mark its functions with @ftbench.hookimpl"
            self._fail(origin, "hooks", reason, fatal=False)
        for kind, record_type in RECORDS.items():
            hook = f"ftbench_{kind}s"
            for implementation in getattr(self.manager.hook, hook).get_hookimpls():
                if implementation.plugin_name == name:
                    self._list(origin, hook, implementation.function, record_type)

    def warn_of_newer_hooks(self) -> None:
        """A hook that no spec names was written for another release; the rest of its plugin works."""
        for hook, caller in sorted(vars(self.manager.hook).items()):
            if isinstance(caller, pluggy.HookCaller) and not caller.has_spec():
                for implementation in caller.get_hookimpls():
                    origin = self.origins.get(implementation.plugin_name)
                    if origin and not implementation.optionalhook:
                        near = nearest(hook, [name for name in dir(hookspecs) if name.startswith("ftbench_")])
                        hint = f" (misspelt {near[0]}?)" if near else ""
                        reason = f"this release of ftbench knows no hook {hook}{hint}; it is never called"
                        self._fail(origin, "hooks", reason, fatal=False)

    def _list(self, origin: _Origin, hook: str, function: Callable[[], Any], record_type: type[Component]) -> None:
        def collect() -> bool:
            for number, record in enumerate(function()):
                if not isinstance(record, record_type):
                    raise TypeError(f"yielded {record!r}, not an ftbench.{record_type.__name__}")
                if number >= MOST_RECORDS:
                    raise OverflowError(f"yields more than {MOST_RECORDS} records; has its generator an end?")
                self._take(origin, hook, record)
            return True

        self._held(origin, hook, collect)

    def _take(self, origin: _Origin, hook: str, record: Component) -> None:
        same = [
            part
            for part in self.parts
            if (part.record.kind, part.record.name, part.distribution)
            == (record.kind, record.name, origin.distribution)
        ]
        # ``name@distribution`` could not tell the two apart.
        if same:
            reason = f"{record.kind} {record.name!r} comes a second time; plugin {same[0].plugin} already has it"
            if reason not in {failure.reason for failure in self.failures if failure.plugin == origin.plugin}:
                self._fail(origin, hook, reason, fatal=False)
        else:
            self.parts.append(Provided(record, origin.plugin, origin.distribution, origin.version, origin.commit))

    def _held(self, origin: _Origin, stage: str, function: Callable[[], Any]) -> Any:
        """What the plugin's code returns, or None after noting what it raised instead."""
        result = None
        misdeeds: list[str] = []
        # Our own are there to be waited for, however busy the machine is.
        seconds = None if origin.distribution == BUILT_IN else time_limit()
        try:
            with last_word(f"plugin {origin.plugin} ({origin.distribution})", seconds), guarded(seconds) as misdeeds:
                result = function()
        except (Interrupted, Stopped):
            raise
        except BaseException as error:
            late = isinstance(error, TookTooLong)
            self._fail(origin, stage, _told(error), traceback.format_exc(), late=late)
        for misdeed in misdeeds:
            self._fail(origin, stage, misdeed, fatal=False)
        return result

    def _fail(
        self, origin: _Origin, stage: str, reason: str, text: str = "", fatal: bool = True, late: bool = False
    ) -> None:
        of = (origin.plugin, origin.distribution, origin.version)
        self.failures.append(Failure(*of, stage, reason, text, fatal, late))


def _told(error: BaseException) -> str:
    if isinstance(error, TookTooLong):
        return f"hangs: it {error}, and was left"
    if isinstance(error, SystemExit):
        return f"SystemExit: called exit({'' if error.code is None else error.code})"
    return told(error)


def _load(entry: importlib.metadata.EntryPoint) -> Any:
    if not importlib.metadata.EntryPoint.pattern.match(entry.value):
        raise ValueError(f"the entry point {entry.value!r} is not of the form 'module' or 'module:attribute'")
    return entry.load()


def _commit(distribution: importlib.metadata.Distribution | None) -> str:
    try:
        text = distribution.read_text("direct_url.json") if distribution else None
        return cast(str, json.loads(text).get("vcs_info", {}).get("commit_id", "")) if text else ""
    except (OSError, ValueError, AttributeError):
        return ""
