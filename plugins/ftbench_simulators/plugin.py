"""Simulators beside the paper's: records only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

import ftbench
from ftbench_simulators.objections import MOST_PAIRS


class ReEmbedParameters(ftbench.Parameters):
    """Who marks once more."""

    by: str | None = Field(
        None,
        description="encoder of the matrix whose trained pair marks once more, in tests; none: the pair under test",
    )


class AveragingParameters(ftbench.Parameters):
    """How much is taken off, and how much is known."""

    strength: float = Field(1.0, ge=0, le=10, description="how often the mean residual is taken off")
    pairs: int | None = Field(
        None,
        ge=1,
        le=MOST_PAIRS,
        description="train images known before and after marking with the attacked payload, in training others of the "
        "batch; none: 32 of the images under test, drawn with repetition, and in tests alone",
    )
    flat: bool = Field(False, description="known covers are flat colours that the attacker chose; needs pairs")

    @model_validator(mode="after")
    def _says_how_many(self) -> AveragingParameters:
        if self.flat and self.pairs is None:
            raise ValueError("flat covers are made, so say how many: give pairs")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Named only where they are asked for: keys of before they came are what they were.
        said: dict[str, Any] = handler(self)
        return {name: value for name, value in said.items() if (name, value) not in (("pairs", None), ("flat", False))}


class CopyParameters(ftbench.Parameters):
    """What is copied, and how strongly it is laid on."""

    pairs: int = Field(
        1, ge=1, le=MOST_PAIRS, description="train images known before and after marking, whose mean residual is copied"
    )
    flat: bool = Field(False, description="known covers are flat colours that the attacker chose")
    strength: float = Field(1.0, gt=0, le=10, description="how often the residual is laid on")


class SubspaceParameters(ftbench.Parameters):
    """What is known, and how much of it is taken off."""

    pairs: int = Field(256, ge=1, le=MOST_PAIRS, description="train images known before and after marking")
    components: int = Field(16, ge=1, le=1024, description="principal components of their residuals, taken off")
    flat: bool = Field(False, description="known covers are flat colours that the attacker chose")


class RemoveByPairsParameters(ftbench.Parameters):
    """What is known, and the network that is fitted to it."""

    pairs: int = Field(256, ge=1, le=MOST_PAIRS, description="train images known before and after marking")
    steps: int = Field(500, ge=1, le=1_000_000, description="steps of the fit, of 16 pictures or all there are")
    width: int = Field(32, ge=8, le=512, multiple_of=8, description="channels of every convolution")
    flat: bool = Field(False, description="known covers are flat colours that the attacker chose")


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
        summary="the mean residual of images that carry the same payload is taken off",
        parameters=AveragingParameters,
        differentiable=True,
        trainable=False,
        needs=("averaged",),
        reference="Yang et al., Can Simple Averaging Defeat Modern Watermarks?, NeurIPS 2024",
    )
    yield ftbench.Simulator(
        name="copy",
        factory="ftbench_simulators.copied:Copy",
        summary="forgery: the residual of another image that carries the payload is laid on an unmarked cover",
        parameters=CopyParameters,
        differentiable=True,
        trainable=False,
        needs=("cover", "averaged"),
        reference="after Kutter, Voloshynovskiy, Herrigel, The Watermark Copy Attack, SPIE 3971, 2000",
    )
    yield ftbench.Simulator(
        name="subspace",
        factory="ftbench_simulators.subspace:Subspace",
        objection="ftbench_simulators.objections:object_to_subspace",
        summary="the principal components of known images' residuals are taken off, whatever the payload",
        parameters=SubspaceParameters,
        differentiable=True,
        trainable=False,
        needs=("known",),
        studies_batches=True,
        reference="after Doerr and Dugelay, Security Pitfalls of Frame-by-Frame Video Watermarking, IEEE TSP 52, 2004",
    )
    yield ftbench.Simulator(
        name="remove-by-pairs",
        factory="ftbench_simulators.remove_by_pairs:RemoveByPairs",
        objection="ftbench_simulators.objections:object_to_remove_by_pairs",
        summary="a small network fitted on known images after and before marking takes the mark off",
        parameters=RemoveByPairsParameters,
        differentiable=True,
        trainable=False,
        needs=("known",),
        reference="known-original attack: Cayre, Fontaine, Furon, Watermarking Security, IEEE TSP 53, 2005",
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
