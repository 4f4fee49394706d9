"""What the distribution brings: records only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import ftbench
from pydantic import Field

from ftbench_plugin_demo.regions import Region

LICENCE = "BSD-3-Clause"


class BigEyesParameters(ftbench.Parameters):
    """Parameters of ``big-eyes``."""

    amount: float = Field(0.3, ge=0, le=0.5, description="0 changes nothing, 0.5 doubles the middle of an eye")


class RegionRepaintParameters(ftbench.Parameters):
    """Parameters of ``region-repaint``."""

    region: Region = Field("mouth", description="which part of the face is painted anew")
    box: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        None, description="another place for it: x and y of the middle, half width, half height, shares of the side"
    )
    feather: float = Field(0.25, ge=0, le=1, description="width of the seam around it, share of the region's radius")
    width: float = Field(1.0, gt=0, le=8, description="factor on the channels of the network")
    jitter: float = Field(0.04, ge=0, le=0.1, description="largest shift of the region in training, share of the side")


@ftbench.hookimpl
def ftbench_simulators() -> Iterator[ftbench.Simulator]:
    """Yield the face editors."""
    yield ftbench.Simulator(
        name="big-eyes",
        factory="ftbench_plugin_demo.big_eyes:BigEyes",
        summary="both eyes enlarged by a smooth local warp",
        parameters=BigEyesParameters,
        differentiable=True,
        trainable=False,
        licence=LICENCE,
    )
    yield ftbench.Simulator(
        name="region-repaint",
        factory="ftbench_plugin_demo.repaint:RegionRepaint",
        objection="ftbench_plugin_demo.repaint:object_to_repaint",
        summary="a region of the face cut out and painted anew from what surrounds it, by a network fitted on train",
        parameters=RegionRepaintParameters,
        differentiable=True,
        trainable=True,
        licence=LICENCE,
        reference="Pathak et al., Context Encoders, CVPR 2016; Yu et al., Gated Convolution, ICCV 2019",
    )
