"""The family's records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

import ftbench
from ftbench_metrics.objections import DISPLAY


class FlipParameters(ftbench.Parameters):
    """Parameters of ``flip``."""

    pixels_per_degree: float = Field(
        DISPLAY,
        ge=4,
        le=400,
        description="pixels in one degree of what the eye sees; default: 0.7 m from a display that is 0.7 m and 3840 "
        "px wide, as NVIDIA's own package takes it",
    )


class LpipsParameters(ftbench.Parameters):
    """Parameters of ``lpips``."""

    weights: ftbench.InputPath = Field(
        min_length=1,
        description="torchvision's file of the network's ImageNet weights, .pth or .safetensors; nothing is downloaded",
    )
    net: Literal["alex", "vgg", "squeeze"] = Field("alex", description="the network; most papers report alex")


@ftbench.hookimpl
def ftbench_metrics() -> Iterable[ftbench.Metric]:
    """Pixel error, structural similarity, what an eye sees, and what a network does."""
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
        least=-1.0,
        most=1.0,
        reference="Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Processing 13(4), 2004",
    )
    yield ftbench.Metric(
        name="flip",
        factory="ftbench_metrics.flip:Flip",
        summary="FLIP: difference seen when two pictures take turns in one place; 0 alike, 1 the most",
        parameters=FlipParameters,
        higher_is_better=False,
        digits=3,
        least=0.0,
        most=1.0,
        reference="Andersson et al., Proc. ACM Comput. Graph. Interact. Tech. 3(2), 2020",
    )
    yield ftbench.Metric(
        name="ciede2000",
        factory="ftbench_metrics.ciede2000:Ciede2000",
        summary="Mean colour difference of pixels, sRGB under D65; 1 to 2 is just visible",
        higher_is_better=False,
        unit="ΔE",
        digits=2,
        least=0.0,
        reference="Sharma, Wu and Dalal, Color Research and Application 30(1), 2005",
    )
    yield ftbench.Metric(
        name="ms-ssim",
        factory="ftbench_metrics.structure:MsSsim",
        objection="ftbench_metrics.objections:object_to_ms_ssim",
        summary="SSIM at five scales, of images below 161 px at as many as fit; each channel, then the mean",
        higher_is_better=True,
        digits=3,
        least=0.0,
        most=1.0,
        reference="Wang, Simoncelli and Bovik, Asilomar Conference on Signals, Systems and Computers, 2003",
    )
    yield ftbench.Metric(
        name="ssim-uniform",
        factory="ftbench_metrics.structure:UniformSsim",
        objection="ftbench_metrics.objections:object_to_uniform_ssim",
        summary="SSIM as others report it: scikit-image's default settings, a uniform window of 7 px",
        higher_is_better=True,
        digits=3,
        least=-1.0,
        most=1.0,
        reference="skimage.metrics.structural_similarity(a, b, data_range=1, channel_axis=2)",
    )
    yield ftbench.Metric(
        name="lpips",
        factory="ftbench_metrics.learned:Lpips",
        objection="ftbench_metrics.objections:object_to_lpips",
        summary="LPIPS 0.1: distance of a network's features; needs a file of weights and ftbench[lpips]",
        parameters=LpipsParameters,
        higher_is_better=False,
        digits=3,
        least=0.0,
        licence="BSD-2-Clause",
        reference="Zhang, Isola, Efros, Shechtman and Wang, CVPR 2018",
    )
