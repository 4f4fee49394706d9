"""What the report is made from: one record a finished cell, and what every table and figure must state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ftbench.errors import BadInput
from ftbench.storage.results import CellResult

if TYPE_CHECKING:
    import numpy as np

    from ftbench.contract.protocols import Split


class Stated(Protocol):
    """Anything that says in one line what a table was made from."""

    def line(self) -> str:
        """Everything in one line of text."""
        ...


@dataclass(frozen=True)
class Caption:
    """What every table and figure must state."""

    benchmark: str
    data: str
    data_digest: str
    scale: str
    size: int
    """Pixels along a side."""
    images: int
    draws: int
    """Payloads drawn for each image."""
    seeds: tuple[int, ...]
    steps: str
    notes: tuple[str, ...] = ()
    made_by: str = ""
    """Release and commit of the harness."""
    split: Split = "test"
    """Whose images."""

    def line(self) -> str:
        """Everything in one line of text."""
        facts = (
            f"Benchmark {self.benchmark}",
            f"data {self.data} ({self.data_digest[:12]})",
            f"scale {self.scale}",
            f"{self.size}×{self.size} px",
            _count(self.images, "image") + (" of val, to choose settings by" if self.split == "val" else ""),
            _count(self.draws, "draw") + " each",
            ("seed " if len(self.seeds) == 1 else "seeds ") + ", ".join(map(str, self.seeds)),
            f"training steps: {self.steps}",
            *([self.made_by] if self.made_by else []),
        )
        return " · ".join(facts) + "." + "".join(f" {_sentence(note)}" for note in self.notes)


@dataclass(frozen=True)
class Samples:
    """Pictures of one setting: uint8 RGB (rows, h, w, 3) each. Raises BadInput when shapes disagree."""

    names: tuple[str, ...]
    """One a row."""
    cover: np.ndarray
    marked: np.ndarray
    swapped_cover: np.ndarray | None = None
    swapped_marked: np.ndarray | None = None
    """Both None where no simulator was evaluated."""

    def __post_init__(self) -> None:
        shape = self.cover.shape
        if len(shape) != 4 or shape[3] != 3 or shape[0] != len(self.names):
            raise BadInput(f"sample covers have shape {shape}; need ({len(self.names)}, h, w, 3), one a row name")
        if (self.swapped_cover is None) != (self.swapped_marked is None):
            raise BadInput("samples hold the swapped cover or the swapped marked image alone; give both or neither")
        for label in ("cover", "marked", "swapped_cover", "swapped_marked"):
            pictures = getattr(self, label)
            if pictures is not None and (pictures.shape != shape or pictures.dtype != "uint8"):
                raise BadInput(f"samples: {label} is {pictures.dtype} {pictures.shape}; need uint8 {shape}")


def display_labels(results: Sequence[CellResult], loud: bool = True) -> list[str]:
    """One heading a result, in order: its label, told apart where two share one, STALLED if ``loud``."""
    labels = [result.label for result in results]
    return [
        label
        + (f" ({result.cell[:8]})" if labels.count(label) > 1 else "")
        + (" STALLED" if loud and result.stalled else "")
        for label, result in zip(labels, results, strict=True)
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."
