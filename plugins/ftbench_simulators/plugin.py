"""Simulators beside the paper's: records only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

import ftbench


class ReEmbedParameters(ftbench.Parameters):
    """Who marks once more."""

    by: str | None = Field(
        None,
        description="encoder of the matrix whose trained pair marks once more, in tests; none: the pair under test",
    )


class AveragingParameters(ftbench.Parameters):
    """How much is taken off."""

    strength: float = Field(1.0, ge=0, le=10, description="how often the mean residual is taken off")


class RegenerateParameters(ftbench.Parameters):
    """Parameters of ``regenerate``."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every convolution")
    noise: float = Field(0.1, ge=0, le=0.5, description="deviation of the noise that is added and taken away, of 1")
    seed: int = Field(0, ge=0, description="another training of the same network: black-box tests")
    trained_on: Literal["train", "reserve"] = Field(
        "train", description="whose photos it is fitted on; reserve: people set aside by dataset.reserve"
    )


class SwapGraphicsParameters(ftbench.Parameters):
    """How much of a face is taken over."""

    reach: float = Field(1.0, ge=0.5, le=1.3, description="factor on the oval of the face that is taken over")


@ftbench.hookimpl
def ftbench_simulators() -> Iterator[ftbench.Simulator]:
    """Yield the attacks that take the place of a deepfake."""
    yield ftbench.Simulator(
        name="re-embed",
        factory="ftbench_simulators.re_embed:ReEmbed",
        summary="the marked image is marked once more with another payload, by the same pair or by another",
        parameters=ReEmbedParameters,
        differentiable=True,
        trainable=False,
        needs=("remarked",),
        reference="the overwriting attack, as in re-embedding studies of SepMark, MBRS and HiDDeN (AAAI 2026)",
    )
    yield ftbench.Simulator(
        name="averaging",
        factory="ftbench_simulators.averaging:Averaging",
        summary="the mean residual of 32 images that carry the same payload is taken off",
        parameters=AveragingParameters,
        differentiable=True,
        trainable=False,
        needs=("averaged",),
        reference="Yang et al., Can Simple Averaging Defeat Modern Watermarks?, NeurIPS 2024",
    )
    yield ftbench.Simulator(
        name="regenerate",
        factory="ftbench_simulators.regenerate:Regenerate",
        objection="ftbench_simulators.objections:object_to_regenerate",
        summary="regeneration: noise over the whole picture, taken away again by a learned denoiser",
        parameters=RegenerateParameters,
        differentiable=True,
        trainable=True,
        deterministic=False,
        reference="Zhao et al., NeurIPS 2024, arXiv:2306.01953",
    )
    yield ftbench.Simulator(
        name="swap-graphics",
        factory="ftbench_simulators.swap_graphics:SwapGraphics",
        objection="ftbench_simulators.objections:object_to_graphics",
        summary="face swap by graphics alone: landmarks, triangles carried over, colours matched, seams dissolved",
        parameters=SwapGraphicsParameters,
        differentiable=False,
        trainable=False,
        needs=("donor", "landmarks", "donor_landmarks"),
        reference="after FaceSwap in FaceForensics++, Rössler et al., ICCV 2019; cv2.seamlessClone, Pérez et al., 2003",
    )
