"""Who reads best over everything that was done to the images: one row a setting, best first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ftbench.report.measures import bit_accuracies, bit_accuracy, mean_quality, qualities, simulators
from ftbench.report.result import MARKED, PSNR_SSIM, UNDISTORTED, UNMARKED, CellResult, MetricInfo, display_labels
from ftbench.report.table import CSV_ONLY, Column, Measured, Table, make_table

DEEPFAKES, DISTORTIONS = "deepfakes", "distortions"
ORDER_NOTE = (
    "Best first, by the mean over {first}; each counts alike. Where brackets overlap it may be chance: the pairs "
    "table has the differences over the same images."
)


def overall_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table | None:
    """Mean and worst bit accuracy after every deepfake, and of marked images after every distortion.

    None where there is one setting alone, or no two deepfakes and no two distortions to average over. CSV names:
    ``<deepfakes|distortions>_bit_accuracy`` and ``worst_…``, with ``_value``, ``_low``, ``_high`` and ``_n``, and
    ``worst_<…>_name``. Intervals are over images; a worst one's is its own, chosen after it was seen.
    """
    damages = {name for result in results for _, name in bit_accuracies(result)} - {UNDISTORTED}
    counts = {DEEPFAKES: len(simulators(results)), DISTORTIONS: len(damages)}
    kinds = {kind: count for kind, count in counts.items() if count > 1}
    if len(results) < 2 or not kinds:
        return None
    columns = [Column("label", "setting"), Column("status", "status"), Column("cell", "cell", part=CSV_ONLY)]
    columns += [
        Column(f"{metric.name}_all", f"{metric.name.upper()} {metric.unit}".strip(), digits=metric.digits)
        for metric in metrics
    ]
    for kind, count in kinds.items():
        of = "bits, marked, " if kind == DISTORTIONS else "bits, "
        columns += [
            _rate(f"{kind}_bit_accuracy", f"{of}mean over {count} {kind}, %"),
            _rate(f"worst_{kind}_bit_accuracy", "after the worst, %"),
            Column(f"worst_{kind}_name", "which"),
        ]
    labels = display_labels(results, loud=False)
    rows = [_row(label, result, kinds, metrics) for label, result in zip(labels, results, strict=True)]
    first = next(iter(kinds))
    rows.sort(key=lambda row: _value(row[f"{first}_bit_accuracy"]), reverse=True)
    notes = [ORDER_NOTE.format(first=first)]
    if any(result.rows.empty for result in results):
        notes.append("A setting without rows stands last.")
    return make_table("overall", "Who reads best over everything", columns, rows, notes)


def _row(
    label: str, result: CellResult, kinds: dict[str, int], metrics: Sequence[MetricInfo]
) -> dict[str, str | Measured]:
    status = result.status.upper() if result.stalled else result.status
    row: dict[str, str | Measured] = {"label": label, "status": status, "cell": result.cell}
    row |= {f"{metric.name}_all": mean_quality(qualities(result, "marked"), metric.name) for metric in metrics}
    single = bit_accuracies(result)
    for kind in kinds:
        row[f"{kind}_bit_accuracy"] = bit_accuracy(_rows(result, kind), "code_errors", result.code_bits)
        found = {
            (simulator if kind == DEEPFAKES else name): entry
            for (simulator, name), entry in single.items()
            if _belongs(kind, simulator, name)
        }
        if found:
            worst = min(found, key=lambda name: _value(found[name]))
            row |= {f"worst_{kind}_bit_accuracy": found[worst], f"worst_{kind}_name": worst}
    return row


def _belongs(kind: str, simulator: str, distortion: str) -> bool:
    if kind == DEEPFAKES:
        return distortion == UNDISTORTED and simulator not in (MARKED, UNMARKED)
    return simulator == MARKED and distortion != UNDISTORTED


def _rows(result: CellResult, kind: str) -> pd.DataFrame:
    rows = result.rows
    if rows.empty:
        return rows
    plain, marked = rows["distortion"] == UNDISTORTED, rows["simulator"] == MARKED
    if kind == DISTORTIONS:
        return rows[marked & ~plain]
    return rows[plain & ~marked & (rows["simulator"] != UNMARKED)]


def _value(entry: str | Measured) -> float:
    return entry.estimate.value if isinstance(entry, Measured) and entry.estimate else -1.0


def _rate(key: str, title: str) -> Column:
    return Column(key, title, digits=2, scale=100.0)
