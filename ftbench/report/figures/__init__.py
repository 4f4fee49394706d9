"""The report's pictures: samples, residuals, training curves, bits read against strength, quality and simulator."""

from ftbench.report.figures.bits import ByBit, bit_map, by_bit
from ftbench.report.figures.curves import curves, trainings
from ftbench.report.figures.distortions import distortion_plot, panels
from ftbench.report.figures.equal import equal_quality, traces
from ftbench.report.figures.pictures import difference, picture_grid
from ftbench.report.figures.residuals import residual_figure
from ftbench.report.figures.transfer import matrix, transfer_matrix

__all__ = [
    "ByBit",
    "bit_map",
    "by_bit",
    "curves",
    "difference",
    "distortion_plot",
    "equal_quality",
    "matrix",
    "panels",
    "picture_grid",
    "residual_figure",
    "traces",
    "trainings",
    "transfer_matrix",
]
