"""What every cell works with."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from ftbench.benchfile.schema import Benchmark
from ftbench.data.images import Data
from ftbench.machine.compute import Compute
from ftbench.parts.catalogue import Plugins
from ftbench.plan.cells import Cell
from ftbench.storage.store import CellFolder, Store


@dataclass(frozen=True)
class Bench:
    """What every cell works with."""

    benchmark: Benchmark
    data: Data
    compute: Compute
    store: Store
    plugins: Plugins
    console: Console
    sparing: bool = False
    """A batch did not fit the memory: half of it at a time."""

    def folder(self, cell: Cell) -> CellFolder:
        """Where a cell lives."""
        return self.store.cell(cell.kind, cell.key)

    def say(self, line: str, loud: bool = False) -> None:
        """Print a line, which is plain text."""
        self.console.print(line, style="bold red" if loud else None, highlight=False, markup=False, soft_wrap=True)
