"""Changes of where things are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import ftbench

Outside = Literal["black", "reflected"]
"""What is seen where the image has moved away."""
OUTSIDE = "what is seen where the image has moved away: black, or its mirror image"


class ResizeParameters(ftbench.Parameters):
    """Parameters of ``resize``."""

    scale: float = Field(
        0.5, gt=0, le=1, description="side of the small image over that of the given one; 1 changes nothing"
    )


class CropParameters(ftbench.Parameters):
    """Parameters of ``crop``."""

    keep: float = Field(0.75, gt=0, le=1, description="share of the area that is kept; 1 changes nothing")
    enlarge: bool = Field(True, description="false: the window stays where it was, with black around it")


class RotationParameters(ftbench.Parameters):
    """Parameters of ``rotation``."""

    angle: float = Field(10.0, ge=-180, le=180, description="degrees, counter-clockwise; 0 changes nothing")
    outside: Outside = Field("black", description=OUTSIDE)


class PerspectiveParameters(ftbench.Parameters):
    """Parameters of ``perspective``."""

    # Corners that move further may span a figure that is no longer convex, which no camera sees.
    move: float = Field(
        0.1, ge=0, le=0.3, description="largest move of each corner inwards, share of the side; 0 changes nothing"
    )
    outside: Outside = Field("black", description=OUTSIDE)


class FlipParameters(ftbench.Parameters):
    """Parameters of ``flip``."""

    axis: Literal["horizontal", "vertical", "both"] = Field(
        "horizontal", description="horizontal: left and right change places; vertical: top and bottom"
    )


class TranslationParameters(ftbench.Parameters):
    """Parameters of ``translation``."""

    shift: float = Field(0.1, ge=0, le=0.5, description="move along both axes, share of the side; 0 changes nothing")
    outside: Outside = Field("black", description=OUTSIDE)


class CollageParameters(ftbench.Parameters):
    """Parameters of ``collage``."""

    scale: float = Field(
        0.75, gt=0, le=1, description="side of the pasted image over that of the whole; 1 changes nothing"
    )


RECORDS = (
    ftbench.Distortion(
        name="resize",
        factory="ftbench_distortions.geometry:Resize",
        summary="Shrunk with antialiasing, then enlarged again, both bilinear",
        parameters=ResizeParameters,
        differentiable=True,
        category="geometry",
        strength="scale",
    ),
    ftbench.Distortion(
        name="crop",
        factory="ftbench_distortions.geometry:Crop",
        summary="A random window of each image, enlarged to the full size unless told to stay in place",
        parameters=CropParameters,
        differentiable=True,
        category="geometry",
        strength="keep",
    ),
    ftbench.Distortion(
        name="rotation",
        factory="ftbench_distortions.warp:Rotation",
        summary="Turned about the centre in a frame of the same size, bilinear; corners black unless reflected",
        parameters=RotationParameters,
        differentiable=True,
        category="geometry",
        strength="angle",
    ),
    ftbench.Distortion(
        name="perspective",
        factory="ftbench_distortions.warp:Perspective",
        summary="Seen at a slant: every corner moved inwards at random, bilinear; black around it unless reflected",
        parameters=PerspectiveParameters,
        differentiable=True,
        category="geometry",
        strength="move",
    ),
    ftbench.Distortion(
        name="flip",
        factory="ftbench_distortions.placement:Flip",
        summary="Mirrored",
        parameters=FlipParameters,
        differentiable=True,
        category="geometry",
    ),
    ftbench.Distortion(
        name="translation",
        factory="ftbench_distortions.placement:Translation",
        summary="Moved by whole pixels towards a random corner; black left behind unless reflected",
        parameters=TranslationParameters,
        differentiable=True,
        category="geometry",
        strength="shift",
    ),
    ftbench.Distortion(
        name="collage",
        factory="ftbench_distortions.placement:Collage",
        summary="Shrunk and pasted at a random place onto a background of random soft colours",
        parameters=CollageParameters,
        differentiable=True,
        category="geometry",
        strength="scale",
    ),
)
