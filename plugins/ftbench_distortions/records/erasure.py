"""Parts of the image that are gone."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import ftbench


class DropoutParameters(ftbench.Parameters):
    """Parameters of ``dropout``."""

    share: float = Field(0.3, ge=0, le=1, description="chance of each pixel to turn black; 0 changes nothing")


class EraseParameters(ftbench.Parameters):
    """Parameters of ``erase``."""

    share: float = Field(0.1, ge=0, le=1, description="share of the area that turns black; 0 changes nothing")
    place: Literal["random", "centre"] = Field("random", description="where the block lies")


class OverlayTextParameters(ftbench.Parameters):
    """Parameters of ``overlay-text``."""

    height: float = Field(0.2, gt=0, le=1, description="size of the letters, share of the image's height")
    opacity: float = Field(1.0, ge=0, le=1, description="1 hides what is below; 0 changes nothing")
    text: str = Field(
        "SAMPLE", pattern=r"^[!-~]{1,40}$", description="what is written: 1 to 40 ASCII characters, no spaces"
    )


RECORDS = (
    ftbench.Distortion(
        name="dropout",
        factory="ftbench_distortions.noise:Dropout",
        summary="A random share of pixels set to zero (not to the cover's, which no attacker has)",
        parameters=DropoutParameters,
        differentiable=True,
        category="erasure",
        strength="share",
    ),
    ftbench.Distortion(
        name="erase",
        factory="ftbench_distortions.erasure:Erase",
        summary="One black block of the image's aspect, as cutout draws it",
        parameters=EraseParameters,
        differentiable=True,
        category="erasure",
        strength="share",
        reference="DeVries and Taylor, 2017, arXiv:1708.04552",
    ),
    ftbench.Distortion(
        name="overlay-text",
        factory="ftbench_distortions.erasure:OverlayText",
        summary="Black or white letters at a random place, in Pillow's own font",
        parameters=OverlayTextParameters,
        differentiable=True,
        category="erasure",
        strength="height",
    ),
)
