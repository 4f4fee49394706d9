"""What is left of an image after a simulator and a distortion: quality rows of ``evaluate.quality_after``."""

from __future__ import annotations

from collections.abc import Sequence

from ftbench.report.measures import mean_quality, qualities
from ftbench.report.result import display_labels
from ftbench.report.table import CSV_ONLY, Column, Measured, Table, make_table
from ftbench.storage.results import AFTER, MARKED, PSNR_SSIM, CellResult, MetricInfo

REFERENCE_NOTE = (
    "Against the cover, or the deepfake of the cover, as it is without a distortion: what moves or turns an image is "
    "far from it however clear it stays."
)


def after_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table | None:
    """One row a (setting, simulator, distortion); None where no cell measured it.

    CSV names: ``<metric>_all`` with ``_value``, ``_low``, ``_high``, ``_n``.
    """
    columns = [
        Column("cell", "cell", part=CSV_ONLY),
        Column("label", "setting"),
        Column("simulator", "simulator"),
        Column("distortion", "distortion"),
    ]
    for metric in metrics:
        title = f"{metric.name.upper()} {metric.unit}".strip()
        columns.append(
            Column(f"{metric.name}_all", title, digits=metric.digits, counts_identical=metric.unit == "dB"),
        )
    rows: list[dict[str, str | Measured]] = []
    for label, result in zip(display_labels(results), results, strict=True):
        taken = qualities(result, AFTER)
        if taken.empty:
            continue
        for (simulator, distortion), found in taken.groupby(["simulator", "distortion"], sort=False):
            shown = "marked" if simulator == MARKED else str(simulator)
            row: dict[str, str | Measured] = {"cell": result.cell, "label": label, "simulator": shown}
            row["distortion"] = str(distortion)
            rows.append(row | {f"{one.name}_all": mean_quality(found, one.name) for one in metrics})
    if not rows:
        return None
    return make_table("after", "Image quality after a distortion", columns, rows, [REFERENCE_NOTE])
