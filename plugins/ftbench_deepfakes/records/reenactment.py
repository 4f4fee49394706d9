"""Deepfakes by the face of one image with the pose and expression of another."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import ftbench

SIAROHIN = "Siarohin et al., First Order Motion Model for Image Animation, NeurIPS 2019, arXiv 2003.00196"


class ReenactmentParameters(ftbench.Parameters):
    """What both reenactments take."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every convolution")
    strength: float = Field(
        1.75,
        ge=0,
        le=3,
        description="factor on the motion that is found, which falls short of the driver's; 0 leaves the pose as it is",
    )
    seed: int = Field(0, ge=0, description="another training of the same network: black-box tests")
    trained_on: Literal["train", "reserve"] = Field(
        "train", description="whose photos it is fitted on: reserve is the people that dataset.reserve sets aside"
    )


class ReenactParameters(ReenactmentParameters):
    """Parameters of ``reenact``."""

    points: int = Field(4, ge=2, le=8, description="rows and columns of the grid of key points")
    spread: float = Field(
        0.12, ge=0.03, le=0.5, description="deviation of the functions that carry the points' motion, share of the side"
    )


class ReenactSplineParameters(ReenactmentParameters):
    """Parameters of ``reenact-2``."""

    code: int = Field(24, ge=2, le=256, description="numbers that tell a driver's pose and expression")


RECORDS: tuple[ftbench.Simulator, ...] = (
    ftbench.Simulator(
        name="reenact",
        factory="ftbench_deepfakes.reenact:Reenact",
        objection="ftbench_deepfakes.objections:object_to_reenact",
        summary="the face of the image in the donor's pose and expression: learned key points move its pixels",
        parameters=ReenactParameters,
        differentiable=True,
        trainable=True,
        needs=("identity", "donor"),
        per_person=2,
        reference=SIAROHIN,
    ),
    ftbench.Simulator(
        name="reenact-2",
        factory="ftbench_deepfakes.reenact_spline:ReenactSpline",
        objection="ftbench_deepfakes.objections:object_to_reenact",
        summary="the same by another architecture: a short code of pose and expression bends spline grids",
        parameters=ReenactSplineParameters,
        differentiable=True,
        trainable=True,
        needs=("identity", "donor"),
        per_person=2,
    ),
)
