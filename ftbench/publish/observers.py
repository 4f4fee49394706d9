"""What ``--track`` asks for: installed observers by name, and where each writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftbench import stopping
from ftbench.contract.hooks import OBSERVERS
from ftbench.errors import BadInput, nearest
from ftbench.parts.catalogue import Plugins


def asked(assignments: Sequence[str], plugins: Plugins, folder: str) -> dict[str, str]:
    """``NAME`` or ``NAME=WHERE`` each -> name to where, ``""`` for the default.

    Raises BadInput when no plugin of that name observes runs, when a name comes twice, or when the plugin has an
    objection, such as a library that is not installed.
    """
    track: dict[str, str] = {}
    for assignment in assignments:
        name, equals, where = (side.strip() for side in assignment.partition("="))
        if name in track:
            raise BadInput(f"--track names {name} twice; a run is tracked by each tracker once")
        if equals and not where:
            raise BadInput(f"--track {assignment}: say where after the =, or leave it out for the default place")
        _check_name(name, plugins)
        track[name] = where
    for name, where in track.items():
        _check_place(name, where, plugins, folder)
    return track


def start(plugins: Plugins, track: Mapping[str, str], **values: Any) -> None:
    """Tell every observer that a run begins; ``values``: what ``ftbench_run_started`` says beside ``track``.

    Raises BadInput when a tracker that was asked for cannot begin: a run that would go untracked is not begun. The
    others are told that it stopped.
    """
    failed = plugins.tell("ftbench_run_started", track=track, **values)
    named = {plugin.partition("@")[0]: reason for plugin, reason in failed.items()}
    for name in track:
        if name in named:
            sentence = f"--track {name}: it cannot begin ({named[name]}), and nothing would be tracked"
            plugins.tell("ftbench_run_stopped", reason=sentence)
            raise BadInput(f"{sentence}; mend that, or leave --track {name} out")


@contextlib.contextmanager
def told_when_stopped(plugins: Plugins) -> Iterator[None]:
    """Tell observers of a run that ends before its tables; what ended it goes on."""
    try:
        yield
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, KeyboardInterrupt):
            reason = "its time is up" if stopping.out_of_time() else "interrupted"
        plugins.tell("ftbench_run_stopped", reason=reason)
        raise


def observers(plugins: Plugins) -> dict[str, list[str]]:
    """Name of each plugin that observes runs -> who brought it; more than one where distributions share a name."""
    found: dict[str, list[str]] = {}
    for hook in OBSERVERS:
        for implementation in getattr(plugins.manager.hook, hook).get_hookimpls():
            name, _, distribution = implementation.plugin_name.partition("@")
            if distribution not in found.setdefault(name, []):
                found[name].append(distribution)
    return found


def _check_name(name: str, plugins: Plugins) -> None:
    found = observers(plugins)
    if len(found.get(name, ())) > 1:
        who = " and ".join(found[name])
        raise BadInput(f"--track {name}: provided by {who}; FTBENCH_PLUGINS chooses which plugins are loaded")
    if name not in found:
        near = ", ".join(nearest(name, found)) or ", ".join(sorted(found)) or "none"
        broken = [f for f in plugins.failures if f.plugin == name]
        why = f"; a plugin of that name failed: {broken[0].reason}" if broken else ""
        raise BadInput(f"--track {name}: no installed plugin of that name observes runs; nearest: {near}{why}")


def _check_place(name: str, where: str, plugins: Plugins, folder: str) -> None:
    values: Mapping[str, str] = {"where": where, "folder": folder}
    for implementation in plugins.manager.hook.ftbench_track_objection.get_hookimpls():
        if implementation.plugin_name.partition("@")[0] != name:
            continue
        try:
            sentence = implementation.function(**{key: values[key] for key in implementation.argnames})
        except Exception as error:
            sentence = f"its check failed: {type(error).__name__}: {error}"
        if sentence:
            raise BadInput(f"--track {name}: {sentence}")
