"""Which cells of a plan are there and stand, and why the others are to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.parts.evidence import Rerun, against, why_again
from ftbench.plan.cells import Cell
from ftbench.storage import failure
from ftbench.storage.cellfile import CELL, CellFile, Evidence, Unreadable, read_cell
from ftbench.storage.failure import Failure
from ftbench.storage.store import PICKLED, UNFINISHED, CellFolder, Damaged, Store
from ftbench.vouching.evidence import evidence_of, factories_of

ACCEPTED, MIGRATED = "accepted by hand", "migrated"


@dataclass(frozen=True)
class Standing:
    """A cell as it is found."""

    summary: Mapping[str, Any] | None = None
    """Of a finished cell that stands."""
    again: str = ""
    """Why what is there is made again; empty where nothing is there, or it stands or goes on."""
    remark: str = ""
    """What a reader should know of a cell that stands."""

    @property
    def state(self) -> str:
        """In a few words."""
        if self.summary is None:
            return f"to do: {self.again}" if self.again else "to do"
        return f"{self.summary['status']}, {self.remark}" if self.remark else str(self.summary["status"])


class Standings:
    """What is known of a plan's cells; each is looked at once, until it is forgotten."""

    def __init__(self, store: Store, plugins: Plugins, rerun: Rerun = "code") -> None:
        self.store, self.rerun = store, rerun
        self._factories = factories_of(plugins.parts)
        self._found: dict[str, Standing] = {}

    def of(self, cell: Cell) -> Standing:
        """A cell by itself. Raises BadInput where its folder is of a newer ftbench or another cell's."""
        if cell.key not in self._found:
            self._found[cell.key] = self._look(cell)
        return self._found[cell.key]

    def expected(self, cell: Cell) -> Standing:
        """A cell, which is to do as well where one that it needs is."""
        found = self.of(cell)
        waits = next((needed for needed in cell.inputs if self.expected(needed).summary is None), None)
        if found.summary is None or waits is None:
            return found
        return Standing(again=f"unless {waits.label.removeprefix('fit ')!r} comes out as it was")

    def anew(self, cell: Cell) -> Standing:
        """A cell by itself, looked at again."""
        self._found.pop(cell.key, None)
        return self.of(cell)

    def folder(self, cell: Cell) -> CellFolder:
        """Where a cell lives."""
        return self.store.cell(cell.kind, cell.key)

    def failure(self, cell: Cell) -> Failure | None:
        """Why an unfinished cell failed last time; None where it did not."""
        return failure.read(self.folder(cell)) if self.of(cell).summary is None else None

    def fails_again(self, cell: Cell) -> Failure | None:
        """Why another try of a cell would end as the last did: None where it may not."""
        last = self.failure(cell)
        return last if last and last.comes_again(self.evidence(cell)) else None

    def evidence(self, cell: Cell) -> Evidence:
        """What a cell would be made with now."""
        return evidence_of(cell, self._factories, ((one.key, self.folder(one)) for one in cell.inputs))

    def _look(self, cell: Cell) -> Standing:
        folder = self.folder(cell)
        try:
            held = read_cell(folder.path)
        except Unreadable as error:
            return Standing(again=f"{CELL} does not say what it was made with ({error})")
        if held is None:
            return Standing(again=f"{CELL} is missing" if folder.summary else "")
        try:
            folder.read(CELL)
        except Damaged as error:
            return Standing(again=f"{CELL} is damaged ({error.reason})")
        if held.identity != cell.key:
            raise BadInput(
                f"{folder.path} holds another cell than its name says, {held.kind} {held.label!r}; rename it to "
                f"{self.store.cell(held.kind, held.identity).path.name}, or move it away"
            )
        return self._judged(cell, folder, held)

    def _judged(self, cell: Cell, folder: CellFolder, held: CellFile) -> Standing:
        summary = folder.summary
        if summary is None and (wrong := folder.faults({})):
            name, reason = next(iter(wrong.items()))
            return Standing(again=f"{name} is damaged ({reason})")
        begun = next((name for name in (UNFINISHED, PICKLED) if folder.file(name).exists()), "")
        if summary is None and not begun:
            return Standing()
        old, new = held.evidence, self.evidence(cell)
        again = why_again(old, new, self.rerun, {one.key: one.label for one in cell.inputs})
        if summary is None and not again and begun == PICKLED:
            raise BadInput(
                f"{folder.file(PICKLED)} is the checkpoint of an earlier release, of a kind that can hold code and is "
                "read no more; finish its training with the release that began it, or rename or remove it to train "
                "from the beginning"
            )
        if again or summary is None:
            return Standing(again=again)
        kept = [MIGRATED] if old.migrated else [ACCEPTED] if old.accepted else []
        other = "" if old.migrated else against(old, new)
        return Standing(summary, remark="; ".join([*kept, *([f"kept, though {other}"] if other else [])]))
