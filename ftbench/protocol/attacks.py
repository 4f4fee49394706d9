"""Which of the attacks that were run is the one that the protocol wants."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ftbench.protocol.rules import Wanted
from ftbench.report.scores import Attack
from ftbench.storage.results import MARKED

Parts = Mapping[str, Sequence[Mapping[str, Any]]]
"""Name of a simulator -> the parameters of each that a folder names."""


def simulators_of(manifest: Mapping[str, Any]) -> Parts:
    """The simulators among the parts of a manifest, of any release."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    listed = manifest.get("parts")
    for part in listed if isinstance(listed, list) else ():
        if isinstance(part, dict) and part.get("kind") == "simulator":
            parameters = part.get("parameters")
            found.setdefault(str(part.get("name")), []).append(parameters if isinstance(parameters, dict) else {})
    return found


def found(wanted: Wanted, attacks: Iterable[Attack], parts: Parts) -> tuple[Attack | None, str]:
    """The attack that is wanted, or None and why none of these is, in a few words.

    Of several that are strong enough the first is taken: a benchmark file names them in its own order, and who chose
    it had not seen the results.
    """
    why = "not run"
    for attack in attacks:
        if split(attack[1]) != split(wanted.distortion) or not _is_named(attack[0], wanted.simulator):
            continue
        short = _short_of(wanted, attack[0], parts)
        if not short:
            return attack, ""
        why = short
    return None, why


def parameters_of(simulator: str, parts: Parts) -> list[Mapping[str, Any]]:
    """The parameters of every part that a simulator's label may mean."""
    name, given = split(simulator)
    return [one for one in parts.get(name, ()) if all(_number(one.get(key)) == value for key, value in given.items())]


def split(label: str) -> tuple[str, Mapping[str, float | str]]:
    """``jpeg quality=50`` -> its name and parameters, numbers as numbers."""
    name, *words = label.split(" ")
    given: dict[str, float | str] = {}
    for word in words:
        key, _, value = word.partition("=")
        given[key] = _number(value)
    return name, given


def _is_named(simulator: str, wanted: str) -> bool:
    (name, given), (right, asked) = split(simulator), split(wanted)
    # Whose pair marks again is another attack, not a strength.
    return name == right and given.get("by") == asked.get("by")


def _short_of(wanted: Wanted, simulator: str, parts: Parts) -> str:
    """In what the simulator is less than what is wanted; empty where it is enough."""
    if wanted.simulator == MARKED or not (wanted.strength or wanted.fitted_on):
        return ""
    alike = parameters_of(simulator, parts)
    if not alike:
        return "of a strength that the folder does not say"
    for parameters in alike:
        for key, least in wanted.strength:
            value = _number(parameters.get(key))
            if not isinstance(value, float) or not value >= least - 1e-9 * abs(least):
                said = f"{value:g}" if isinstance(value, float) else "not said"
                return f"{key} {said}, at least {least:g} wanted"
        on = parameters.get("trained_on")
        if wanted.fitted_on and on != wanted.fitted_on:
            return f"fitted on {on or 'nobody known'}, {wanted.fitted_on} wanted"
    return ""


def _number(value: object) -> float | str:
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except ValueError:
        number = math.nan
    return number if math.isfinite(number) else str(value)
