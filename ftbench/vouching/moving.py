"""Gives the cells of an earlier store the names that they are found by now; nothing else of them changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ftbench.errors import BadInput, CannotWrite
from ftbench.storage.cellfile import CELL, Unreadable, understood
from ftbench.storage.places import is_remote
from ftbench.storage.store import CellFolder, Damaged, Held, Store
from ftbench.vouching.evidence import weights_digest
from ftbench.vouching.migrate import new_cell, renames
from ftbench.vouching.strays import cell_files, finished


@dataclass(frozen=True)
class Moved:
    """What a migration did."""

    names: Mapping[str, str]
    """Folder as it was -> as it is."""
    left: Mapping[str, str]
    """Folder -> why it keeps its name."""


def migrate(root: Path) -> Moved:
    """Migrate a store. May be repeated: what was broken off goes on. Raises BadInput where there is no store."""
    if is_remote(root):
        raise BadInput(f"{root}: a store of an earlier release is renamed where it lies on a disk, and copied then")
    store = Store(root)
    if not root.is_dir():
        raise BadInput(f"there is no store {root}; name its results folder with --out")
    cells = cell_files(store)
    done = finished(store, cells)
    plan = renames(cells, done)
    weights = {
        str(cells[name]["identity"]): digest
        for name in plan.keys
        if name in done and (digest := weights_digest(CellFolder(root / name)))
    }
    names, left = dict[str, str](), dict(plan.left)
    for name in plan.keys:
        folder, old = CellFolder(root / name), cells[name]
        try:
            with folder.locked():
                folder.read(CELL)
                folder.restamp(new_cell(old, plan.known, _commit(folder), weights))
        except Damaged as error:
            left[name] = f"{CELL} is damaged ({error.reason})"
        except Held:
            left[name] = "another run is working on it; wait for it, then migrate again"
    for name, right in _misnamed(store).items():
        if right.exists():
            left[name] = f"{right.name} is there already"
        else:
            _rename(store.root / name, right)
            names[name] = right.name
    return Moved(names, left)


def _misnamed(store: Store) -> dict[str, Path]:
    """Folder -> where its cell belongs, of cells that say so."""
    found: dict[str, Path] = {}
    for name, said in cell_files(store).items():
        try:
            held = understood(said, store.root / name)
        except (Unreadable, BadInput):
            # Told of with those that keep their names.
            continue
        right = store.cell(held.kind, held.identity).path
        if right.name != name:
            found[name] = right
    return found


def _rename(folder: Path, right: Path) -> None:
    try:
        folder.rename(right)
    except OSError as error:
        raise CannotWrite(f"cannot rename {folder} to {right.name}: {error.strerror or error}") from error


def _commit(folder: CellFolder) -> str:
    made = (folder.summary or {}).get("made_with")
    return str(made.get("commit", "")) if isinstance(made, dict) else ""
