"""Is one setting better than another? Paired over the images that both were evaluated on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ftbench.report.measures import image_accuracy, image_quality, qualities, readings, simulators
from ftbench.report.result import MARKED, PSNR_SSIM, CellResult, MetricInfo, display_labels
from ftbench.report.table import CSV_ONLY, NO_CELL, Column, Measured, Table, make_table, unique_names
from ftbench.statistics import Estimate, paired_difference

PAIRS_NOTE = (
    "Each difference is first minus second, paired by image over the same draws; "
    "a tie is a difference whose interval includes 0."
)
JOIN = ["image", "draw"]


def verdict(difference: Estimate | None) -> str:
    """``"higher"``, ``"lower"``, or ``"tie"`` where the interval includes 0; a dash where there is none.

    One image has no spread to judge by, nor has an interval that is not finite: ``"undecided"``.
    """
    if difference is None:
        return "—"
    if difference.n < 2 or not (math.isfinite(difference.low) and math.isfinite(difference.high)):
        return "undecided"
    if difference.low <= 0.0 <= difference.high:
        return "tie"
    return "higher" if difference.low > 0.0 else "lower"


def pairs_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table:
    """One row a pair of settings: paired differences (first − second) of quality and of raw bit accuracy.

    Pairs whose marked images are not the same images and draws are left out and named in a note.
    CSV names: ``<metric>_difference``, ``marked_raw_bit_accuracy_difference`` and
    ``<simulator>_raw_bit_accuracy_difference``, each with ``_value``, ``_low``, ``_high`` and ``_n``, and the
    same stems with ``_verdict``. Differences of accuracy lie in −1..1, in print in percentage points.
    """
    attacks = {MARKED: "marked"} | unique_names(simulators(results), taken=("marked", "unmarked"))
    columns = [
        Column("first_cell", "first cell", part=CSV_ONLY),
        Column("second_cell", "second cell", part=CSV_ONLY),
        Column("first", "first"),
        Column("second", "second"),
    ]
    for metric in metrics:
        unit = f" {metric.unit}" if metric.unit else ""
        columns += _compared(metric.name, metric.name.upper() + unit, metric.digits, 1.0, "Image quality")
    for simulator, key in attacks.items():
        where = "marked" if simulator == MARKED else f"after {simulator}"
        columns += _compared(f"{key}_raw_bit_accuracy", f"bits pp, {where}", 2, 100.0, "Bits read")
    rows, notes = [], [PAIRS_NOTE]
    for (first_label, first), (second_label, second) in itertools.combinations(
        zip(display_labels(results), results, strict=True), 2
    ):
        if not same_pictures(readings(first, MARKED), readings(second, MARKED)):
            notes.append(f"{first_label} and {second_label} were not read on the same images and draws: not compared.")
            continue
        row: dict[str, str | Measured] = {
            "first_cell": first.cell,
            "second_cell": second.cell,
            "first": first_label,
            "second": second_label,
        }
        differences = {metric.name: quality_difference(first, second, metric.name) for metric in metrics}
        for simulator, key in attacks.items():
            differences[f"{key}_raw_bit_accuracy"] = _accuracy_difference(first, second, simulator)
        for key, difference in differences.items():
            row[f"{key}_difference"] = Measured(difference)
            row[f"{key}_verdict"] = verdict(difference)
        rows.append(row)
    nothing = "No two settings could be compared." if results else NO_CELL
    return make_table(
        "pairs", "Settings compared in pairs", columns, rows, notes if rows else notes[1:], nothing=nothing
    )


def _compared(key: str, title: str, digits: int, scale: float, part: str) -> tuple[Column, Column]:
    return (
        Column(f"{key}_difference", f"Δ {title}", digits, scale, signed=True, part=part),
        Column(f"{key}_verdict", "first is", part=part),
    )


def same_pictures(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether both frames have the same images and draws, and any."""
    if first.empty or second.empty:
        return False
    return set(zip(first["image"], first["draw"], strict=True)) == set(
        zip(second["image"], second["draw"], strict=True)
    )


def _accuracy_difference(first: CellResult, second: CellResult, simulator: str) -> Estimate | None:
    a, b = readings(first, simulator), readings(second, simulator)
    if not same_pictures(a, b):
        return None
    return _paired(image_accuracy(a, first.code_bits), image_accuracy(b, second.code_bits))


def quality_difference(first: CellResult, second: CellResult, metric: str) -> Estimate | None:
    """Quality of the marked images, first − second, paired by image; None where it was not taken on the same."""
    a, b = qualities(first, "marked"), qualities(second, "marked")
    if not same_pictures(a, b) or metric not in a.columns or metric not in b.columns:
        return None
    # A draw counts only where the metric is finite on both sides, so that both means are of the same draws.
    both = a[[*JOIN, metric]].merge(b[[*JOIN, metric]], on=JOIN, suffixes=("_a", "_b"), validate="one_to_one")
    finite = both[np.isfinite(both[[f"{metric}_a", f"{metric}_b"]].to_numpy(dtype=float)).all(axis=1)]
    return _paired(
        image_quality(finite.rename(columns={f"{metric}_a": metric}), metric),
        image_quality(finite.rename(columns={f"{metric}_b": metric}), metric),
    )


def _paired(a: pd.Series[float], b: pd.Series[float]) -> Estimate | None:
    """Both indexed by image key."""
    if a.empty:
        return None
    return paired_difference(a.to_numpy(), b.reindex(a.index).to_numpy())
