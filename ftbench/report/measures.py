"""The numbers behind the tables: rates and qualities of one cell, with intervals over images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ftbench.report.table import Measured
from ftbench.statistics.estimates import clustered_rate
from ftbench.storage.results import MARKED, UNDISTORTED, UNMARKED, CellResult

CHANCE = 0.5
"""Of its bits an image that lost its mark is read right by chance alone; of its words none."""
OFF_TARGET = 0.05
"""dB by which the PSNR that was reached may differ from the one that was asked for without a word."""
OFF_FLIP = 0.0005
"""The same of FLIP."""


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


def reached(result: CellResult) -> tuple[float, float] | None:
    """The dB (or FLIP) that were asked for and the mean that marked images have, where the two are apart, or None.

    A residual whose pixels saturate cannot be scaled in full, and stays above the PSNR that it was scaled to.
    """
    marked = qualities(result, "marked")
    asked, metric, off = result.settings.get("at FLIP", ""), "flip", OFF_FLIP
    if not _is_number(asked):
        of_psnr = (result.settings.get(name, "") for name in ("at dB", "target dB"))
        asked, metric, off = next(filter(_is_number, of_psnr), ""), "psnr", OFF_TARGET
    if not asked or marked.empty or metric not in marked.columns:
        return None
    found = float(image_quality(marked, metric).mean())
    return None if not math.isfinite(found) or abs(found - float(asked)) <= off else (float(asked), found)


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
        found.update(dict.fromkeys(str(value) for value in column.dropna().unique()))
    return list(found)
