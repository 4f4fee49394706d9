"""What the report is made from: one record a finished cell, and what every table and figure must state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ftbench.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MARKED = "none"
"""The simulator of rows whose marked image met no deepfake."""
UNMARKED = "unmarked"
"""The simulator of the control rows: the decoder read the cover itself."""
UNDISTORTED = "identity"
STALLED = "stalled"

ROW_COLUMNS = (
    "image", "name", "identity", "draw", "simulator", "distortion", "category",
    "code_errors", "payload_errors",
)  # fmt: skip
QUALITY_COLUMNS = ("image", "name", "identity", "draw", "of")


@dataclass(frozen=True)
class CellResult:
    """One evaluated (encoder, decoder, codec) and its training. Raises BadInput when a column is missing."""

    cell: str
    """Identity, hexadecimal."""
    label: str
    """What a reader knows the setting by, such as ``"λ=1 α=0.1"``."""
    settings: Mapping[str, str]
    """Columns of the tables in order: encoder, decoder, codec, trained against, λ, α, seed."""
    status: str
    """``"done"``, or ``"stalled"`` where training never left bit accuracy one half."""
    bits: int
    """k payload bits."""
    code_bits: int
    """n code bits."""
    rows: pd.DataFrame
    """One row an (image, draw, simulator, distortion): ``ROW_COLUMNS``. ``image`` is the image's key,
    ``simulator`` a name, ``"none"`` or ``"unmarked"``, ``distortion`` ``"identity"`` or such as
    ``"jpeg quality=50"``, ``code_errors`` in 0..n, ``payload_errors`` in 0..k."""
    quality: pd.DataFrame
    """One row an (image, draw, of): ``QUALITY_COLUMNS``, then one column a metric. ``of`` is ``"marked"``
    (against the cover) or ``"fake:<simulator>"`` (fake of the marked against fake of the cover)."""
    curve: pd.DataFrame
    """Training curve: ``step`` and any of loss, message_loss, image_loss, psnr, accuracy_marked,
    accuracy_swapped, the last three also with ``val_`` before; NaN where nothing was measured."""

    def __post_init__(self) -> None:
        for label, frame, needed in (
            ("rows", self.rows, ROW_COLUMNS),
            ("quality", self.quality, QUALITY_COLUMNS),
            ("curve", self.curve, ("step",)),
        ):
            missing = [column for column in needed if column not in frame.columns]
            if missing and not (frame.empty and len(frame.columns) == 0):
                raise BadInput(
                    f"cell {self.cell[:12]} ({self.label}): {label} lack the column(s) {', '.join(missing)}; "
                    "evaluate the cell again"
                )
        if self.bits < 1 or self.code_bits < 1:
            raise BadInput(f"cell {self.cell[:12]} ({self.label}): payload and code need at least one bit")

    @property
    def stalled(self) -> bool:
        """True where the numbers are those of a pair that never learned to read."""
        return self.status == STALLED

    @property
    def coded(self) -> bool:
        """True where a channel code stands between payload and image."""
        return self.code_bits != self.bits or self.settings.get("codec", "none") != "none"


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

    def line(self) -> str:
        """Everything in one line of text."""
        facts = (
            f"Benchmark {self.benchmark}",
            f"data {self.data} ({self.data_digest[:12]})",
            f"scale {self.scale}",
            f"{self.size}×{self.size} px",
            _count(self.images, "image"),
            _count(self.draws, "draw") + " each",
            ("seed " if len(self.seeds) == 1 else "seeds ") + ", ".join(map(str, self.seeds)),
            f"training steps: {self.steps}",
        )
        return " · ".join(facts) + "." + "".join(f" {_sentence(note)}" for note in self.notes)


@dataclass(frozen=True)
class MetricInfo:
    """How a metric's column is named and printed."""

    name: str
    unit: str
    digits: int
    higher_is_better: bool


PSNR_SSIM = (MetricInfo("psnr", "dB", 2, True), MetricInfo("ssim", "", 3, True))


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
