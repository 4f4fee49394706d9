"""Cells that a plan would make although the store holds them under another name: told before anything is made."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftbench.errors import BadInput
from ftbench.plan.cells import Cell, EvaluateCell, Plan
from ftbench.storage.cellfile import CELL, Unreadable, understood
from ftbench.storage.earlier import is_earlier
from ftbench.storage.store import CellFolder, Store
from ftbench.vouching.migrate import renames
from ftbench.vouching.standing import Standings

NEW_METRICS = ("flip", "ciede2000")
BY_DEFAULT = (
    "it is there measured by PSNR and SSIM alone, before FLIP and CIEDE2000 were measured by default; "
    "evaluate.metrics: [psnr, ssim] takes it as it is"
)


def cell_files(store: Store) -> dict[str, Any]:
    """Folder -> what its ``cell.json`` holds, of any form; None where it is no JSON. Without what was kept aside."""
    found: dict[str, Any] = {}
    for folder in sorted(store.root.iterdir()) if store.root.is_dir() else ():
        if (folder / CELL).is_file() and not is_earlier(folder):
            try:
                found[folder.name] = json.loads((folder / CELL).read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                found[folder.name] = None
    return found


def finished(store: Store, folders: dict[str, Any]) -> dict[str, float]:
    """Folder -> when its cell was done, in seconds; unfinished ones are left out."""
    done = {name: CellFolder(store.root / name) for name in folders}
    return {
        name: folder.file("done.json").stat().st_mtime for name, folder in done.items() if folder.summary is not None
    }


def strays(plan: Plan, standings: Standings) -> list[str]:
    """One sentence for each cell to do that the store holds under another name, or all of them in an earlier form."""
    store = standings.store
    wanted = {cell.key: cell for cell in plan.cells if standings.of(cell).summary is None}
    held = cell_files(store) if wanted else {}
    claims: defaultdict[str, list[str]] = defaultdict(list)
    for name, said in held.items():
        key = _key(said, store.root / name)
        if key in wanted and name != store.cell(wanted[key].kind, key).path.name:
            claims[key].append(name)
    sentences = []
    for key, names in claims.items():
        cell, right = wanted[key], store.cell(wanted[key].kind, key).path
        if right.is_dir() and CellFolder(right).summary is not None:
            # It is to be made again; a copy under another name is no reason to wait.
            continue
        what, alone = f"{cell.kind} {cell.label.removeprefix('fit ')!r}", len(names) == 1
        sentences.append(
            f"{names[0]} in {store.root} claims to be {what}; rename it to {right.name}, or move it away"
            if alone
            else f"{' and '.join(names)} in {store.root} claim to be {what}; rename the right one to {right.name}, and "
            "move the others away"
        )
    older = renames({name: said for name, said in held.items() if isinstance(said, dict)})
    waiting = [key for key in older.keys.values() if key in wanted]
    if waiting:
        many = f"{len(waiting)} of these cells are" if len(waiting) > 1 else "one of these cells is"
        sentences.append(
            f"{many} in {store.root} under the name of an earlier release; ftbench store migrate --out "
            f"{store.root.parent} gives such cells their new names, and nothing is made anew"
        )
    return sentences


def other_packages(plan: Plan, standings: Standings) -> dict[str, str]:
    """Key of a cell to do -> what is another than in a cell that the store holds.

    A part without a version, or the metrics that are measured where a file names none.
    """
    wanted = {cell.key: cell for cell in plan.cells if standings.of(cell).summary is None}
    fewer = {key: BY_DEFAULT for key, cell in wanted.items() if _measured_before(cell, standings.store)}
    wanted = {key: cell for key, cell in wanted.items() if set(_sources(cell.settings))}
    made: dict[str, Any] = {}
    for said in cell_files(standings.store).values() if wanted else ():
        if isinstance(said, dict) and said.get("kind") and isinstance(said.get("settings"), dict):
            made[_sourceless(said["kind"], said["settings"])] = said["settings"]
    reasons = fewer
    for key, cell in wanted.items():
        before = made.get(_sourceless(cell.kind, cell.settings))
        others = sorted(set(_sources(cell.settings)) - set(_sources(before)))
        if before is not None and others:
            name, distribution, _ = others[0]
            reasons[key] = (
                f"{distribution} changed since it was made, and {name!r} of it declares no version, so that each "
                "change of its package is another part"
            )
    return reasons


def _measured_before(cell: Cell, store: Store) -> bool:
    if not isinstance(cell, EvaluateCell):
        return False
    before = tuple(chosen for chosen in cell.metrics if chosen.record.name not in NEW_METRICS)
    if len(before) != len(cell.metrics) - len(NEW_METRICS):
        return False
    return store.cell(cell.kind, replace(cell, metrics=before).key).summary is not None


def _sources(settings: Any) -> Iterator[tuple[str, str, str]]:
    """Name, distribution and digest of each part in a cell's settings that declares no version."""
    if isinstance(settings, dict):
        if {"name", "distribution", "source"} <= settings.keys():
            yield str(settings["name"]), str(settings["distribution"]), str(settings["source"])
        settings = list(settings.values())
    for value in settings if isinstance(settings, list | tuple) else ():
        yield from _sources(value)


def _sourceless(kind: str, settings: Any) -> str:
    text = json.dumps([kind, settings], sort_keys=True)
    for _, _, source in set(_sources(settings)):
        text = text.replace(json.dumps(source), '""')
    return text


def _key(said: Any, folder: Path) -> str:
    """The key that a ``cell.json`` claims; empty where it is of another form or cannot be read."""
    try:
        return understood(said, folder).identity
    except (Unreadable, BadInput):
        return ""
