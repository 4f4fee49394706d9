"""Vouching for cells by hand: what is there, or was there before, stands from now on."""

from __future__ import annotations

from datetime import UTC, datetime

from ftbench.errors import BadInput
from ftbench.plan.cells import Cell, Plan
from ftbench.storage.cellfile import Accepted, cell_json
from ftbench.storage.earlier import take_back
from ftbench.vouching.standing import Standings
from ftbench.vouching.strays import strays


def accept(plan: Plan, standings: Standings) -> dict[str, str]:
    """Vouch for every finished cell of a plan that would be made again; label -> what spoke against it.

    Where a cell is unfinished and a finished one is kept beside it, that one is put back. Raises BadInput, and Held
    where a run is working on a cell.
    """
    lost = strays(plan, standings)
    if lost:
        raise BadInput("\n".join(lost))
    told = {cell.key: _accepted(cell, standings) for cell in plan.cells}
    return {cell.label: told[cell.key] for cell in plan.cells if told[cell.key]}


def _accepted(cell: Cell, standings: Standings) -> str:
    folder = standings.folder(cell)
    if not folder.path.is_dir():
        return ""
    with folder.locked():
        back = take_back(folder)
        found = standings.anew(cell)
        if folder.summary is None or found.summary is not None:
            return "put back" if back else ""
        accepted = Accepted(when=datetime.now(UTC).isoformat(timespec="seconds"), over=[found.again])
        evidence = standings.evidence(cell).model_copy(update={"accepted": accepted})
        inputs = [needed.key for needed in cell.inputs]
        folder.restamp(cell_json(cell.kind, cell.label, cell.key, inputs, cell.settings, evidence))
        standings.anew(cell)
    return f"put back, though {found.again}" if back else found.again
