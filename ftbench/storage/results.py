"""What an evaluated cell holds, as tables are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftbench.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


MARKED = "none"
"""The simulator of rows whose marked image met no deepfake."""
UNMARKED = "unmarked"
"""The simulator of the control rows: the decoder read the cover itself."""
UNDISTORTED = "identity"
ROWS, QUALITY, SAMPLES = "rows.csv.gz", "quality.csv.gz", "samples.npz"
"""The files of an evaluation's cell."""
CURVE = "curve.csv"
"""In the cell of a training or a fit."""
AFTER = "after"
"""What quality rows of a damaged image are ``of``; its simulator and distortion stand in columns of their own."""
FAKE, LEFT, CHANGED, FORGED = "fake:", "left:", "changed:", "forged:"
"""What quality rows of an attack's outcome are ``of``; the simulator follows."""
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
    (against the cover), ``"fake:<simulator>"`` (fake of the marked against fake of the cover), of attacks on marks
    ``"left:"`` and ``"changed:<simulator>"`` (what they leave, against the cover and against the marked image) or
    ``"forged:<simulator>"`` (a cover with a copied mark against the cover), or ``"after"``: then
    ``simulator`` and ``distortion`` say after what, and the reference is that of the same image undistorted."""
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


@dataclass(frozen=True)
class MetricInfo:
    """How a metric's column is named and printed."""

    name: str
    unit: str
    digits: int
    higher_is_better: bool


PSNR_SSIM = (MetricInfo("psnr", "dB", 2, True), MetricInfo("ssim", "", 3, True))
