"""The pieces of work that a benchmark is made of, and the plan that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ftbench.benchfile.schema import Benchmark
from ftbench.plan.resolve import ResolvedPart

CellKind = Literal["fit", "train", "evaluate"]


@dataclass(frozen=True)
class Cell:
    """One piece of work; equal identities give equal results."""

    kind: CellKind
    label: str
    settings: Mapping[str, Any]
    """Everything that decides its result, as JSON."""
    parts: Mapping[str, Any]
    """The chosen parts by role, to build objects from."""
    inputs: tuple[Cell, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    """What a table row says of it."""

    @cached_property
    def identity(self) -> str:
        """Hash of settings, parts' sources and the inputs' identities."""
        inputs = [cell.identity for cell in self.inputs]
        if self.kind == "evaluate":
            # The pair under test, then what its tests need, in whatever order they are listed.
            inputs[1:] = sorted(inputs[1:])
        whole = {"kind": self.kind, "settings": self.settings, "inputs": inputs}
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """A benchmark's cells, inputs before what needs them."""

    benchmark: Benchmark
    cells: tuple[Cell, ...]

    @property
    def evaluations(self) -> tuple[Cell, ...]:
        """One a row of the tables."""
        return tuple(cell for cell in self.cells if cell.kind == "evaluate")


def chosen_parts(cells: Sequence[Cell]) -> list[ResolvedPart]:
    """Every chosen part of some cells, as often as it is used."""
    held = [
        entry
        for cell in cells
        for role in cell.parts.values()
        for entry in (role if isinstance(role, list) else [role])
    ]
    parts = (entry[0] if isinstance(entry, tuple) else entry for entry in held)
    return [part for part in parts if isinstance(part, ResolvedPart)]
