"""Cells whose files are not what was written, and cells that ended the process which worked on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ftbench.plan.cells import Cell, Plan
from ftbench.storage.store import CellFolder, Held
from ftbench.vouching.standing import Standings


def set_damage_aside(cell: Cell, folder: CellFolder, keeps: Mapping[str, Callable[[bytes], object]]) -> list[str]:
    """Make a finished cell unfinished whose files are not what was written; every file is read for it.

    ``keeps``: the files that it must have, and how each is read. Returns a sentence for each damaged file.
    """
    if not folder.faults(keeps):
        return []
    said = []
    try:
        with folder.locked():
            # Another run may have mended it before this one held it.
            for name, reason in folder.faults(keeps).items():
                moved = folder.set_aside([name])
                kept = f"; kept beside it as {moved[0]}" if moved else ""
                said.append(
                    f"{cell.kind} {cell.label.removeprefix('fit ')} ({folder.path.name}): {name} is damaged "
                    f"({reason}){kept}; the cell is made anew"
                )
    except Held:
        return []
    return said


def risky_ones(plan: Plan, standings: Standings) -> set[str]:
    """Unfinished cells that ended the process that worked on them, and what needs those."""
    risky: set[str] = set()
    for cell in plan.cells:
        needs = any(needed.key in risky for needed in cell.inputs)
        if standings.of(cell).summary is None and (needs or standings.folder(cell).ended_its_process()):
            risky.add(cell.key)
    return risky
