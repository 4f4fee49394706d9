"""Who reads best over everything that was done to the images: one row a setting, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ftbench.report.measures import bit_accuracies, bit_accuracy, mean_quality, qualities, simulators
from ftbench.report.pairs import reached_label
from ftbench.report.result import MARKED, PSNR_SSIM, UNDISTORTED, UNMARKED, CellResult, MetricInfo, display_labels
from ftbench.report.summary import distortions
from ftbench.report.table import CSV_ONLY, Column, Measured, Table, make_table

SIMULATORS, DISTORTIONS = "simulators", "distortions"
ORDER_NOTE = (
    "Best first, by the mean over {first}; each counts alike. Where brackets overlap it may be chance: the pairs "
    "table has the differences over the same images."
)


def overall_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table | None:
    """Mean and worst bit accuracy after every simulator, and of marked images after every distortion.

    None where there is one setting alone, or no two simulators and no two distortions to average over. CSV names:
    ``<simulators|distortions>_bit_accuracy`` and ``worst_…``, with ``_value``, ``_low``, ``_high`` and ``_n``, and
    ``worst_<…>_name``. Intervals are over images; a worst one's is its own, chosen after it was seen.
    """
    met = {
        SIMULATORS: len(simulators(results)),
        DISTORTIONS: sum(name != UNDISTORTED for name, _ in distortions(results)),
    }
    kinds = {kind: count for kind, count in met.items() if count > 1}
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
            Column(f"{kind}_bit_accuracy", f"{of}mean over {count} {kind}, %", digits=2, scale=100.0),
            Column(f"worst_{kind}_bit_accuracy", f"worst of the {kind}, %", digits=2, scale=100.0),
            Column(f"worst_{kind}_name", "which"),
        ]
    labels = display_labels(results, loud=False)
    labels = [reached_label(label, result) for label, result in zip(labels, results, strict=True)]
    rows = [_row(label, result, list(kinds), metrics) for label, result in zip(labels, results, strict=True)]
    first = next(iter(kinds))
    rows.sort(key=lambda row: _value(row[f"{first}_bit_accuracy"]), reverse=True)
    notes = [ORDER_NOTE.format(first=first)]
    if any(result.rows.empty for result in results):
        notes.append("A setting without rows stands last.")
    return make_table("overall", "Who reads best over everything", columns, rows, notes)


def _row(
    label: str, result: CellResult, kinds: Sequence[str], metrics: Sequence[MetricInfo]
) -> dict[str, str | Measured]:
    status = result.status.upper() if result.stalled else result.status
    row: dict[str, str | Measured] = {"label": label, "status": status, "cell": result.cell}
    row |= {f"{metric.name}_all": mean_quality(qualities(result, "marked"), metric.name) for metric in metrics}
    for kind in kinds:
        part = replace(result, rows=_rows(result.rows, kind))
        row[f"{kind}_bit_accuracy"] = bit_accuracy(part.rows, "code_errors", result.code_bits)
        single = bit_accuracies(part)
        if single:
            worst = min(single, key=lambda named: _value(single[named]))
            name = worst[0] if kind == SIMULATORS else worst[1]
            row |= {f"worst_{kind}_bit_accuracy": single[worst], f"worst_{kind}_name": name}
    return row


def _rows(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """What was read after the simulators without a distortion, or after the distortions without a simulator."""
    if rows.empty:
        return rows
    plain, marked = rows["distortion"] == UNDISTORTED, rows["simulator"] == MARKED
    return rows[marked & ~plain] if kind == DISTORTIONS else rows[plain & ~marked & (rows["simulator"] != UNMARKED)]


def _value(entry: str | Measured) -> float:
    return entry.estimate.value if isinstance(entry, Measured) and entry.estimate else -1.0
