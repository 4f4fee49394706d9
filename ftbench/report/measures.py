"""The numbers behind the tables: rates and qualities of one cell, with intervals over images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftbench.report.table import Measured
from ftbench.statistics.estimates import clustered_rate
from ftbench.storage.results import MARKED, UNDISTORTED, UNMARKED, CellResult

CHANCE = 0.5
"""Of its bits an image that lost its mark is read right by chance alone; of its words none."""
OFF = {"psnr": 0.05, "flip": 0.0005}
"""By how much the mean that was reached may differ from the one that was asked for without a word."""


@dataclass(frozen=True)
class Held:
    """What marked images were held at, in evaluation or else in training."""

    metric: str
    value: float

    def said(self) -> str:
        """``38 dB``, ``FLIP 0.06``."""
        return f"FLIP {self.value:g}" if self.metric == "flip" else f"{self.value:g} dB"

    def measured(self, value: float) -> str:
        """The same of what was measured in its place, with all digits that count."""
        return f"FLIP {value:.4f}" if self.metric == "flip" else f"{value:.2f} dB"


def readings(result: CellResult, simulator: str, distortion: str = UNDISTORTED) -> pd.DataFrame:
    """The rows of one simulator and one distortion; empty where it was not evaluated."""
    rows = result.rows
    if rows.empty:
        return rows
    return rows[(rows["simulator"] == simulator) & (rows["distortion"] == distortion)]


def bit_accuracies(result: CellResult) -> dict[tuple[str, str], Measured]:
    """Raw bit accuracy of every (simulator, distortion) that was evaluated, in one pass over the rows."""
    if result.rows.empty:
        return {}
    by_image = result.rows.groupby(["simulator", "distortion", "image"], sort=False)["code_errors"]
    counted = by_image.agg(["sum", "size"])
    found: dict[tuple[str, str], Measured] = {}
    for key, block in counted.groupby(level=["simulator", "distortion"], sort=False):
        simulator, distortion = key
        trials = block["size"].to_numpy() * result.code_bits
        right = trials - block["sum"].to_numpy()
        found[str(simulator), str(distortion)] = Measured(clustered_rate(right, trials, chance=CHANCE))
    return found


def image_accuracy(rows: pd.DataFrame, length: int) -> pd.Series[float]:
    """Raw bit accuracy of each image, the mean of its draws, by image key."""
    return 1.0 - rows.groupby("image")["code_errors"].mean() / length


def qualities(result: CellResult, of: str, identity: str | None = None) -> pd.DataFrame:
    """The quality rows of ``"marked"`` or ``"fake:<simulator>"``, of one person or of all."""
    quality = result.quality
    if quality.empty:
        return quality
    chosen = quality["of"] == of
    return quality[chosen] if identity is None else quality[chosen & (quality["identity"].astype(str) == identity)]


def image_quality(rows: pd.DataFrame, metric: str) -> pd.Series[float]:
    """A metric's value for each image, the mean of its finite draws, by image key."""
    finite = rows[np.isfinite(rows[metric].to_numpy(dtype=float))]
    means: pd.Series[float] = finite.groupby("image")[metric].mean()
    return means


def held_at(result: CellResult) -> Held | None:
    """What a cell's settings say of it; None: images are as the encoder left them."""
    for when in ("at", "target"):
        for metric, unit in (("flip", "FLIP"), ("psnr", "dB")):
            asked = result.settings.get(f"{when} {unit}", "")
            if _is_number(asked):
                return Held(metric, float(asked))
    return None


def reached(result: CellResult) -> tuple[Held, float] | None:
    """What was asked for and the mean that marked images have, where the two are apart, or None.

    A residual whose pixels saturate cannot be scaled in full, and stays better than what it was scaled to.
    """
    marked, held = qualities(result, "marked"), held_at(result)
    if held is None or marked.empty or held.metric not in marked.columns:
        return None
    found = float(image_quality(marked, held.metric).mean())
    return (held, found) if math.isfinite(found) and abs(found - held.value) > OFF[held.metric] else None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def simulators(results: Sequence[CellResult]) -> list[str]:
    """The deepfakes that any cell met, in order of appearance; neither "none" nor "unmarked"."""
    seen = _distinct(result.rows["simulator"] for result in results if not result.rows.empty)
    return [name for name in seen if name not in (MARKED, UNMARKED)]


def distortions(results: Sequence[CellResult]) -> list[tuple[str, str]]:
    """(distortion, category) of every cell, in file order, those of one category together; identity first."""
    seen: dict[str, str] = {}
    for result in results:
        if not result.rows.empty:
            pairs = result.rows[["distortion", "category"]].drop_duplicates("distortion")
            for distortion, category in zip(pairs["distortion"], pairs["category"], strict=True):
                seen.setdefault(str(distortion), str(category))
    order = list(dict.fromkeys(seen.values()))
    return sorted(seen.items(), key=lambda pair: (pair[0] != UNDISTORTED, order.index(pair[1])))


def identities(results: Sequence[CellResult]) -> list[str]:
    """Who is shown in any cell, in order of appearance; unnamed people left out."""
    return [who for who in _distinct(r.quality["identity"] for r in results if not r.quality.empty) if who]


def _distinct(columns: Iterable[pd.Series[str]]) -> list[str]:
    found: dict[str, None] = {}
    for column in columns:
        found.update(dict.fromkeys(str(value) for value in column.unique() if not pd.isna(value)))
    return list(found)
