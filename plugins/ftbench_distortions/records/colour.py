"""Changes of colour and light, the same for every pixel of a colour."""

from __future__ import annotations

from pydantic import Field

import ftbench


class FactorParameters(ftbench.Parameters):
    """Parameters of ``brightness``, ``contrast`` and ``saturation``."""

    factor: float = Field(
        1.5, ge=0, le=4, description="1 changes nothing; 0 leaves black, the mean grey or a grey image"
    )


class HueParameters(ftbench.Parameters):
    """Parameters of ``hue``."""

    shift: float = Field(0.1, ge=-0.5, le=0.5, description="turn of the hue in full circles; 0 changes nothing")


class GammaParameters(ftbench.Parameters):
    """Parameters of ``gamma``."""

    gamma: float = Field(1.5, ge=0.1, le=10, description="1 changes nothing, more darkens, less brightens")


class GrayscaleParameters(ftbench.Parameters):
    """Parameters of ``grayscale``."""

    amount: float = Field(1.0, ge=0, le=1, description="share of the way to grey; 0 changes nothing")


class PosterizeParameters(ftbench.Parameters):
    """Parameters of ``posterize``."""

    bits: int = Field(4, ge=1, le=8, description="bits kept of each 8-bit value; 8 changes nothing")


RECORDS = (
    ftbench.Distortion(
        name="brightness",
        factory="ftbench_distortions.colour:Brightness",
        summary="Every value multiplied by the factor, then clipped",
        parameters=FactorParameters,
        differentiable=True,
        category="colour",
        strength="factor",
        reference="kornia.enhance.adjust_brightness_accumulative",
    ),
    ftbench.Distortion(
        name="contrast",
        factory="ftbench_distortions.colour:Contrast",
        summary="Distance from the image's mean grey multiplied by the factor, then clipped",
        parameters=FactorParameters,
        differentiable=True,
        category="colour",
        strength="factor",
        reference="kornia.enhance.adjust_contrast_with_mean_subtraction",
    ),
    ftbench.Distortion(
        name="saturation",
        factory="ftbench_distortions.colour:Saturation",
        summary="Distance from each pixel's grey multiplied by the factor, then clipped",
        parameters=FactorParameters,
        differentiable=True,
        category="colour",
        strength="factor",
        reference="kornia.enhance.adjust_saturation_with_gray_subtraction",
    ),
    ftbench.Distortion(
        name="hue",
        factory="ftbench_distortions.colour:Hue",
        summary="Hue turned in HSV, saturation and value kept",
        parameters=HueParameters,
        differentiable=True,
        category="colour",
        strength="shift",
        reference="kornia.enhance.adjust_hue",
    ),
    ftbench.Distortion(
        name="gamma",
        factory="ftbench_distortions.colour:Gamma",
        summary="Every value raised to the power gamma",
        parameters=GammaParameters,
        differentiable=True,
        category="colour",
        strength="gamma",
    ),
    ftbench.Distortion(
        name="grayscale",
        factory="ftbench_distortions.colour:Grayscale",
        summary="Every pixel mixed with its grey (ITU-R 601 luma)",
        parameters=GrayscaleParameters,
        differentiable=True,
        category="colour",
        strength="amount",
    ),
    ftbench.Distortion(
        name="posterize",
        factory="ftbench_distortions.colour:Posterize",
        summary="The lower bits of every 8-bit value set to zero",
        parameters=PosterizeParameters,
        differentiable=False,
        category="colour",
        strength="bits",
        reference="PIL.ImageOps.posterize",
    ),
)
