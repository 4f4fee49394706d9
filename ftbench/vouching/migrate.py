"""Cells whose names hung on files and releases, found by their keys from now on: what each folder is to be called.

Nothing is read or written here. Of several cells that the same settings made, from other states of the code, one gets
the key: the one that most finished work hangs on, then the newest. A cell follows the inputs that it was made with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftbench.errors import BadInput
from ftbench.plan.keys import NUMBERS, cell_key, in_any_order, part_key
from ftbench.storage.cellfile import CellFile, Evidence, Migrated, Unreadable, cell_json, understood

_GONE = ("data_source", "harness")
"""Digests of sources, which are evidence now."""
_PART = {"name", "distribution", "version", "source", "parameters"}


@dataclass(frozen=True)
class Renaming:
    """What becomes of each folder."""

    keys: dict[str, str] = field(default_factory=dict)
    """folder -> new key, inputs before what needs them."""
    left: dict[str, str] = field(default_factory=dict)
    """folder -> why it keeps its name."""
    known: dict[str, str] = field(default_factory=dict)
    """old identity -> new key."""


def new_settings(old: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a cell without sources and releases; parts of other distributions keep their source's digest.

    What an evaluation tests with is in the one order that counts for all.
    """
    kept = {name: _without_sources(value) for name, value in old.items() if name not in _GONE}
    if "metrics" in old:
        kept["metrics"] = in_any_order(_called(old["metrics"], kept["metrics"]))
        for axis in ("simulators", "distortions"):
            kept[axis] = in_any_order(one for one in kept[axis] if one is not None)
    return kept


def _called(old: list[Any], new: list[Any]) -> Iterator[list[Any]]:
    """Metrics with what rows call them, which the first cells did not say."""
    names = [one["name"] for one in old if isinstance(one, Mapping)]
    for before, after in zip(old, new, strict=True):
        if isinstance(before, Mapping):
            name = before["name"]
            yield [name if names.count(name) == 1 else f"{name}@{before['distribution']}", after]
        else:
            yield after


def new_cell(
    old: Mapping[str, Any], keys: Mapping[str, str], commit: str = "", weights: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What ``cell.json`` says from now on; ``keys`` maps old identities to new keys.

    ``commit``: what the cell was made with, where that is known; ``weights``: old identity -> digest of the weights of
    a cell that it needed. Raises KeyError where an input has no new key.
    """
    settings, inputs = new_settings(old["settings"]), [keys[needed] for needed in old["inputs"]]
    evidence = Evidence(
        inputs={keys[needed]: weights[needed] for needed in old["inputs"] if weights and needed in weights},
        migrated=Migrated(identity=old["identity"], commit=commit),
    )
    key = cell_key(old["kind"], settings, inputs)
    return cell_json(old["kind"], old.get("label", ""), key, inputs, settings, evidence)


def renames(cells: Mapping[str, Any], finished: Mapping[str, float] | None = None) -> Renaming:
    """New keys for a store's folders.

    ``cells``: folder -> what its ``cell.json`` holds. ``finished``: folder -> when its cell was done, in seconds; a
    folder that is not there is unfinished.
    """
    result = Renaming()
    whole: dict[str, Mapping[str, Any]] = {}
    for folder, cell in sorted(cells.items()):
        held, fault = _of_today(folder, cell)
        if held:
            # Of a migration that was broken off, what hangs on it finds it so.
            migrated = held.evidence.migrated
            result.known[migrated.identity if migrated else held.identity] = held.identity
        elif broken := fault or _fault(cell):
            result.left[folder] = broken
        else:
            whole[folder] = cell
    ranks = _ranks(whole, finished or {})
    taken = result.known
    for kind in NUMBERS:
        claims: dict[str, list[str]] = {}
        for folder, cell in whole.items():
            if cell["kind"] != kind:
                continue
            lost = next((needed for needed in cell["inputs"] if needed not in taken), None)
            if lost is None:
                claims.setdefault(str(new_cell(cell, taken)["identity"]), []).append(folder)
            else:
                result.left[folder] = f"it was made with cell {lost[:12]}, which is not there or got no key"
        for key, folders in claims.items():
            first, *others = sorted(folders, key=lambda folder: ranks[folder], reverse=True)
            result.keys[first] = taken[whole[first]["identity"]] = key
            for folder in others:
                result.left[folder] = f"{first} was made with the same settings and gets the key"
    return result


def _without_sources(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _part(value) if _PART <= value.keys() <= {*_PART, "at"} else dict(value)
    return [_without_sources(each) for each in value] if isinstance(value, list) else value


def _part(old: Mapping[str, Any]) -> dict[str, Any]:
    return part_key(
        old["name"],
        old["parameters"],
        distribution=old["distribution"],
        # Its record could not declare one yet.
        version=None,
        source=lambda: str(old["source"]),
        at=old.get("at"),
    )


def _of_today(folder: str, cell: Any) -> tuple[CellFile | None, str]:
    """A cell that has its key already, or why it cannot be understood; neither of one of the older form."""
    if not (isinstance(cell, Mapping) and "form" in cell):
        return None, ""
    try:
        return understood(cell, Path(folder)), ""
    except Unreadable as error:
        return None, f"its cell.json does not say what it is ({error})"
    except BadInput:
        return None, "a newer ftbench wrote it"


def _digest(whole: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _fault(cell: Any) -> str | None:
    """Why what stands in a cell.json is no cell of the older form, or None."""
    try:
        whole = {name: cell[name] for name in ("kind", "settings", "inputs")}
        if cell["kind"] not in NUMBERS or not isinstance(cell["settings"], dict):
            return "its cell.json does not say what the cell is"
        # Later ones took what an evaluation's tests need in any order.
        ordered = {**whole, "inputs": [*whole["inputs"][:1], *sorted(whole["inputs"][1:])]}
        if cell["identity"] not in map(_digest, (whole, ordered)):
            return "its cell.json was changed: the settings do not give the identity that stands beside them"
        new_settings(cell["settings"])
    except (TypeError, KeyError, AttributeError):
        return "its cell.json does not say what the cell is"
    return None


def _ranks(cells: Mapping[str, Mapping[str, Any]], finished: Mapping[str, float]) -> dict[str, tuple[int, float, str]]:
    """Folder -> how much finished work hangs on it, when it was done, and its name, so that no order is by chance."""
    named = {str(cell["identity"]): folder for folder, cell in cells.items()}
    hanging: dict[str, set[str]] = {folder: set() for folder in cells}
    for folder in cells:
        if folder not in finished:
            continue
        waiting, seen = [folder], set()
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                hanging[each].add(folder)
                waiting += [named[needed] for needed in cells[each]["inputs"] if needed in named]
    return {folder: (len(hanging[folder]), finished.get(folder, 0.0), folder) for folder in cells}
