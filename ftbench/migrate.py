"""Cells whose names hung on files and releases, found by their keys from now on: what each folder is to be called.

Nothing is read or written here. Of several cells that the same settings made, from other states of the code, one gets
the key: the one that most finished work hangs on, then the newest. A cell follows the inputs that it was made with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftbench.identity import NUMBERS, cell_key, part_key

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


def new_settings(old: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a cell without sources and releases; parts of other distributions keep their source's digest."""
    return {name: _without_sources(value) for name, value in old.items() if name not in _GONE}


def new_cell(old: Mapping[str, Any], keys: Mapping[str, str], commit: str = "") -> dict[str, Any]:
    """What ``cell.json`` says from now on; ``keys`` maps old identities to new keys.

    ``commit``: what the cell was made with, where that is known. Raises KeyError where an input has no new key.
    """
    settings, inputs = new_settings(old["settings"]), [keys[needed] for needed in old["inputs"]]
    return {
        "kind": old["kind"],
        "label": old.get("label", ""),
        "identity": cell_key(old["kind"], settings, inputs),
        "inputs": inputs,
        "settings": settings,
        "evidence": {"migrated": {"identity": old["identity"], "commit": commit}},
    }


def renames(cells: Mapping[str, Any], finished: Mapping[str, float] | None = None) -> Renaming:
    """New keys for a store's folders.

    ``cells``: folder -> what its ``cell.json`` holds. ``finished``: folder -> when its cell was done, in seconds; a
    folder that is not there is unfinished.
    """
    result = Renaming()
    whole: dict[str, Mapping[str, Any]] = {}
    for folder, cell in sorted(cells.items()):
        fault = _fault(cell)
        if fault:
            result.left[folder] = fault
        else:
            whole[folder] = cell
    ranks = _ranks(whole, finished or {})
    taken: dict[str, str] = {}
    """old identity -> new key."""
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


def _fault(cell: Any) -> str | None:
    """Why what stands in a cell.json is no cell of the older form, or None."""
    try:
        whole = {name: cell[name] for name in ("kind", "settings", "inputs")}
        if "evidence" in cell:
            return "it has its key already"
        if cell["kind"] not in NUMBERS or not isinstance(cell["settings"], dict):
            return "its cell.json does not say what the cell is"
        if hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest() != cell["identity"]:
            return "its cell.json was changed: the settings do not give the identity that stands beside them"
        new_settings(cell["settings"])
    except (TypeError, KeyError, AttributeError):
        return "its cell.json does not say what the cell is"
    return None


def _ranks(cells: Mapping[str, Mapping[str, Any]], finished: Mapping[str, float]) -> dict[str, Sequence[Any]]:
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
