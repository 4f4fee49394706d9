"""Every figure of a report that its results have something to draw for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ftbench.report.figures.bits import ByBit, bit_map
from ftbench.report.figures.curves import curves, trainings
from ftbench.report.figures.distortions import distortion_plot, panels
from ftbench.report.figures.equal import equal_quality, traces
from ftbench.report.figures.pictures import picture_grid
from ftbench.report.figures.residuals import residual_figure
from ftbench.report.figures.transfer import matrix, transfer_matrix
from ftbench.report.measures import distortions
from ftbench.report.result import Caption, Samples
from ftbench.report.scores import scores_of
from ftbench.storage.results import CellResult


def every_figure(
    folder: Path,
    results: Sequence[CellResult],
    caption: Caption,
    samples: Mapping[str, Samples],
    bits: Mapping[str, ByBit],
) -> list[Path]:
    """Write them into ``folder``; their paths. Nothing is drawn of a single point, or of nothing."""
    scores = [scores_of(result) for result in results]
    plots: list[Path] = []
    if any((one.cover != one.marked).any() for one in samples.values()):
        plots.append(residual_figure(folder / "residuals.png", samples, caption))
    if trainings(results):
        plots.append(curves(folder / "curves.png", results, caption))
    if panels([name for name, _ in distortions(results)]):
        plots.append(distortion_plot(folder / "distortions.png", results, caption))
    if matrix(results, scores):
        plots.append(transfer_matrix(folder / "transfer.png", results, caption, scores))
    for metric in ("psnr", "flip"):
        if found := traces(results, metric, scores):
            plots.append(equal_quality(folder / f"{metric}.png", found, metric, caption))
    if any(one.right.size for one in bits.values()):
        plots.append(bit_map(folder / "bits.png", bits, caption))
    grid = [picture_grid(folder / "samples.png", samples, caption)] if samples else []
    return [*grid, *plots, *(path.with_suffix(".svg") for path in plots)]
