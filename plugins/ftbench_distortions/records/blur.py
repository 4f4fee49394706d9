"""Filters: what smooths an image, or sharpens it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

import ftbench
from ftbench_distortions.records.windows import OddSize


def _odd_or_none(value: int) -> int:
    if value and value % 2 == 0:
        raise ValueError(
            f"{value} is even: a window needs a middle, so give an odd size, or 0 for three sigma each way"
        )
    return value


class GaussianBlurParameters(ftbench.Parameters):
    """Parameters of ``gaussian-blur``."""

    sigma: float = Field(0.8, ge=0, le=16, description="standard deviation in pixels; 0 changes nothing")
    kernel: Annotated[int, AfterValidator(_odd_or_none)] = Field(
        0, ge=0, le=97, description="side of the square window in pixels, odd; 0: three sigma each way"
    )


class MedianBlurParameters(ftbench.Parameters):
    """Parameters of ``median-blur``."""

    kernel: OddSize = Field(3, ge=1, le=17, description="side of the square window in pixels, odd; 1 changes nothing")


class BoxBlurParameters(ftbench.Parameters):
    """Parameters of ``box-blur``."""

    kernel: OddSize = Field(3, ge=1, le=31, description="side of the square window in pixels, odd; 1 changes nothing")


class MotionBlurParameters(ftbench.Parameters):
    """Parameters of ``motion-blur``."""

    length: OddSize = Field(5, ge=1, le=31, description="length of the path in pixels, odd; 1 changes nothing")
    angle: float = Field(0.0, ge=-180, le=180, description="direction of the path in degrees; 0: along a row")


class SharpnessParameters(ftbench.Parameters):
    """Parameters of ``sharpness``."""

    factor: float = Field(3.0, ge=0, le=20, description="1 changes nothing, more sharpens, less smooths")


class PixelateParameters(ftbench.Parameters):
    """Parameters of ``pixelate``."""

    block: int = Field(4, ge=1, le=64, description="side of the blocks in pixels; 1 changes nothing")


RECORDS = (
    ftbench.Distortion(
        name="gaussian-blur",
        factory="ftbench_distortions.blur:GaussianBlur",
        summary="Gaussian blur; the window covers three sigma each way unless given",
        parameters=GaussianBlurParameters,
        differentiable=True,
        category="blur",
        strength="sigma",
        reference="kornia.filters.gaussian_blur2d",
    ),
    ftbench.Distortion(
        name="median-blur",
        factory="ftbench_distortions.blur:MedianBlur",
        summary="Median of a square window, each channel by itself",
        parameters=MedianBlurParameters,
        differentiable=True,
        category="blur",
        strength="kernel",
    ),
    ftbench.Distortion(
        name="box-blur",
        factory="ftbench_distortions.blur:BoxBlur",
        summary="Mean of a square window",
        parameters=BoxBlurParameters,
        differentiable=True,
        category="blur",
        strength="kernel",
        reference="kornia.filters.box_blur",
    ),
    ftbench.Distortion(
        name="motion-blur",
        factory="ftbench_distortions.blur:MotionBlur",
        summary="Mean along a straight path, as of a camera that moved",
        parameters=MotionBlurParameters,
        differentiable=True,
        category="blur",
        strength="length",
        reference="kornia.filters.motion_blur",
    ),
    ftbench.Distortion(
        name="sharpness",
        factory="ftbench_distortions.blur:Sharpness",
        summary="Distance from a smoothed copy multiplied by the factor, then clipped; borders are kept",
        parameters=SharpnessParameters,
        differentiable=True,
        category="blur",
        strength="factor",
        reference="kornia.enhance.sharpness, after Pillow's ImageEnhance.Sharpness",
    ),
    ftbench.Distortion(
        name="pixelate",
        factory="ftbench_distortions.blur:Pixelate",
        summary="Every square block painted in its mean colour",
        parameters=PixelateParameters,
        differentiable=True,
        category="blur",
        strength="block",
    ),
)
