"""The family's records. Defaults are one common training pool, so that a bare name means something.

The pool is SepMark's (Wu et al., ACM MM 2023): JPEG 50, resize .5, median 3, brightness, contrast and
saturation +.5, hue .1, dropout .3, salt-and-pepper .1, noise .1. Its blur, 3 taps of sigma 2, has the
variance of an untruncated Gaussian of sigma .8.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

import ftbench


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"{value} is even: a window needs a middle, so give an odd size")
    return value


class JpegParameters(ftbench.Parameters):
    """Parameters of ``jpeg``."""

    quality: int = Field(50, ge=1, le=100, description="libjpeg's quality; lower is harsher")


class GaussianBlurParameters(ftbench.Parameters):
    """Parameters of ``gaussian-blur``."""

    sigma: float = Field(0.8, ge=0, le=16, description="standard deviation in pixels; 0 changes nothing")


class MedianBlurParameters(ftbench.Parameters):
    """Parameters of ``median-blur``."""

    kernel: Annotated[int, AfterValidator(_odd)] = Field(
        3, ge=1, le=15, description="side of the square window in pixels, odd; 1 changes nothing"
    )


class GaussianNoiseParameters(ftbench.Parameters):
    """Parameters of ``gaussian-noise``."""

    sigma: float = Field(0.1, ge=0, le=1, description="standard deviation, white being 1; 0 changes nothing")


class ResizeParameters(ftbench.Parameters):
    """Parameters of ``resize``."""

    scale: float = Field(
        0.5, gt=0, le=1, description="side of the small image over that of the given one; 1 changes nothing"
    )


class CropParameters(ftbench.Parameters):
    """Parameters of ``crop``."""

    keep: float = Field(0.75, gt=0, le=1, description="share of the area that is kept; 1 changes nothing")


class FactorParameters(ftbench.Parameters):
    """Parameters of ``brightness``, ``contrast`` and ``saturation``."""

    factor: float = Field(
        1.5, ge=0, le=4, description="1 changes nothing; 0 leaves black, the mean grey or a grey image"
    )


class HueParameters(ftbench.Parameters):
    """Parameters of ``hue``."""

    shift: float = Field(0.1, ge=-0.5, le=0.5, description="turn of the hue in full circles; 0 changes nothing")


class DropoutParameters(ftbench.Parameters):
    """Parameters of ``dropout``."""

    share: float = Field(0.3, ge=0, le=1, description="chance of each pixel to turn black; 0 changes nothing")


class SaltAndPepperParameters(ftbench.Parameters):
    """Parameters of ``salt-and-pepper``."""

    share: float = Field(
        0.1, ge=0, le=1, description="chance of each pixel to turn black or white, evenly; 0 changes nothing"
    )


@ftbench.hookimpl
def ftbench_distortions() -> Iterable[ftbench.Distortion]:
    """Thirteen distortions; each but ``identity`` names the parameter that a strength grid varies."""
    yield ftbench.Distortion(
        name="identity",
        factory="ftbench_distortions.compression:Identity",
        summary="Nothing happens to the image",
        differentiable=True,
        category="none",
    )
    yield ftbench.Distortion(
        name="jpeg",
        factory="ftbench_distortions.compression:Jpeg",
        summary="Saved as an 8-bit JPEG file (4:2:0) and read again",
        parameters=JpegParameters,
        differentiable=False,
        category="compression",
        strength="quality",
        reference="ITU-T T.81; libjpeg-turbo by way of Pillow",
    )
    yield ftbench.Distortion(
        name="gaussian-blur",
        factory="ftbench_distortions.blur:GaussianBlur",
        summary="Gaussian blur, the window covering three sigma each way",
        parameters=GaussianBlurParameters,
        differentiable=True,
        category="blur",
        strength="sigma",
        reference="kornia.filters.gaussian_blur2d",
    )
    yield ftbench.Distortion(
        name="median-blur",
        factory="ftbench_distortions.blur:MedianBlur",
        summary="Median of a square window, each channel by itself",
        parameters=MedianBlurParameters,
        differentiable=True,
        category="blur",
        strength="kernel",
        reference="kornia.filters.median_blur",
    )
    yield ftbench.Distortion(
        name="gaussian-noise",
        factory="ftbench_distortions.noise:GaussianNoise",
        summary="Independent Gaussian noise on every value",
        parameters=GaussianNoiseParameters,
        differentiable=True,
        category="noise",
        strength="sigma",
    )
    yield ftbench.Distortion(
        name="resize",
        factory="ftbench_distortions.geometry:Resize",
        summary="Shrunk with antialiasing, then enlarged again, both bilinear",
        parameters=ResizeParameters,
        differentiable=True,
        category="geometry",
        strength="scale",
    )
    yield ftbench.Distortion(
        name="crop",
        factory="ftbench_distortions.geometry:Crop",
        summary="A random window of each image, enlarged to the full size",
        parameters=CropParameters,
        differentiable=True,
        category="geometry",
        strength="keep",
    )
    yield ftbench.Distortion(
        name="brightness",
        factory="ftbench_distortions.colour:Brightness",
        summary="Every value multiplied by the factor, then clipped",
        parameters=FactorParameters,
        differentiable=True,
        category="colour",
        strength="factor",
        reference="kornia.enhance.adjust_brightness_accumulative",
    )
    yield ftbench.Distortion(
        name="contrast",
        factory="ftbench_distortions.colour:Contrast",
        summary="Distance from the image's mean grey multiplied by the factor, then clipped",
        parameters=FactorParameters,
        differentiable=True,
        category="colour",
        strength="factor",
        reference="kornia.enhance.adjust_contrast_with_mean_subtraction",
    )
    yield ftbench.Distortion(
        name="saturation",
        factory="ftbench_distortions.colour:Saturation",
        summary="Distance from each pixel's grey multiplied by the factor, then clipped",
        parameters=FactorParameters,
        differentiable=True,
        category="colour",
        strength="factor",
        reference="kornia.enhance.adjust_saturation_with_gray_subtraction",
    )
    yield ftbench.Distortion(
        name="hue",
        factory="ftbench_distortions.colour:Hue",
        summary="Hue turned in HSV, saturation and value kept",
        parameters=HueParameters,
        differentiable=True,
        category="colour",
        strength="shift",
        reference="kornia.enhance.adjust_hue",
    )
    yield ftbench.Distortion(
        name="dropout",
        factory="ftbench_distortions.noise:Dropout",
        summary="A random share of pixels set to zero (not to the cover's, which no attacker has)",
        parameters=DropoutParameters,
        differentiable=True,
        category="erasure",
        strength="share",
    )
    yield ftbench.Distortion(
        name="salt-and-pepper",
        factory="ftbench_distortions.noise:SaltAndPepper",
        summary="A random share of pixels set to black or white",
        parameters=SaltAndPepperParameters,
        differentiable=True,
        category="noise",
        strength="share",
    )
