"""The family's records."""

from __future__ import annotations

from collections.abc import Iterable

import ftbench


@ftbench.hookimpl
def ftbench_metrics() -> Iterable[ftbench.Metric]:
    """Pixel error and structural similarity."""
    yield ftbench.Metric(
        name="psnr",
        factory="ftbench_metrics.quality:Psnr",
        summary="Peak signal-to-noise ratio of each image; identical images give infinity",
        higher_is_better=True,
        unit="dB",
        digits=2,
    )
    yield ftbench.Metric(
        name="ssim",
        factory="ftbench_metrics.quality:Ssim",
        objection="ftbench_metrics.objections:object_to_ssim",
        summary="Structural similarity, Gaussian window of 11 px, each channel, then the mean",
        higher_is_better=True,
        digits=3,
        reference="Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Processing 13(4), 2004",
    )
