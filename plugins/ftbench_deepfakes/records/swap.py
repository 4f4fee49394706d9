"""Deepfakes by identity swap between any two people."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import ftbench

SIMSWAP = "Chen et al., SimSwap, ACM MM 2020, arXiv:2106.06340; Li et al., FaceShifter, 2019, arXiv:1912.13457"


class SwapAnyWarpedParameters(ftbench.Parameters):
    """Parameters of ``swap-any-2``."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every convolution")
    blocks: int = Field(4, ge=1, le=32, description="residual blocks that mend the moved face")
    veil: int = Field(
        3, ge=1, le=64, description="soft cells a side in which the cover's own face is seen: its light, not who it is"
    )
    seed: int = Field(0, ge=0, description="another training of the same network: black-box tests")
    trained_on: Literal["train", "reserve"] = Field(
        "train", description="whose photos it is fitted on; reserve: people set aside by dataset.reserve"
    )


class SwapAnyParameters(SwapAnyWarpedParameters):
    """Parameters of ``swap-any``."""

    blocks: int = Field(3, ge=1, le=32, description="modulated residual blocks at the smallest maps")
    code: int = Field(192, ge=8, le=2048, description="length of the donor's code")


RECORDS: tuple[ftbench.Simulator, ...] = (
    ftbench.Simulator(
        name="swap-any",
        factory="ftbench_deepfakes.swap_any:SwapAny",
        objection="ftbench_deepfakes.objections:object_to_swap_any",
        summary="identity swap of any two people: a learned code of the donor's face modulates the painter",
        parameters=SwapAnyParameters,
        differentiable=True,
        trainable=True,
        needs=("identity", "donor"),
        per_person=2,
        reference=SIMSWAP,
    ),
    ftbench.Simulator(
        name="swap-any-2",
        factory="ftbench_deepfakes.swap_any_warped:SwapAnyWarped",
        objection="ftbench_deepfakes.objections:object_to_swap_any",
        summary="the same by another architecture: the donor's pixels moved into place and mended",
        parameters=SwapAnyWarpedParameters,
        differentiable=True,
        trainable=True,
        needs=("identity", "donor"),
        per_person=2,
    ),
)
