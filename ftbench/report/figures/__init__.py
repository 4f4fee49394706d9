"""The report's pictures: sample images, training curves, accuracy against distortion."""

from ftbench.report.figures.curves import curves
from ftbench.report.figures.distortions import distortion_plot
from ftbench.report.figures.pictures import difference, picture_grid

__all__ = ["curves", "difference", "distortion_plot", "picture_grid"]
