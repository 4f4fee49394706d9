"""Deepfakes by entire synthesis."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import ftbench


class ResynthesiseParameters(ftbench.Parameters):
    """Parameters of ``resynthesise``."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every convolution")
    latent: int = Field(16, ge=1, le=512, description="channels of the latent, at a quarter of the image's side")
    noise: float = Field(
        0.06, gt=0, le=0.5, description="error in a pixel that the fit allows for, of 1: more of it repaints more"
    )
    strength: float = Field(
        1.0, ge=0, le=8, description="standard deviations of the latent that are drawn anew; 0 paints its mean"
    )
    seed: int = Field(0, ge=0, description="another training of the same network: black-box tests")
    trained_on: Literal["train", "reserve"] = Field(
        "train", description="whose photos it is fitted on; reserve: people set aside by dataset.reserve"
    )


class ResynthesiseQuantisedParameters(ftbench.Parameters):
    """Parameters of ``resynthesise-2``."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every block")
    depth: int = Field(3, ge=1, le=16, description="blocks of the encoder, and as many of the decoder")
    codes: int = Field(512, ge=2, le=65536, description="entries of each codebook")
    levels: int = Field(3, ge=1, le=16, description="codebooks, each of what those before it left over")
    length: int = Field(16, ge=1, le=256, description="numbers in a code")
    strength: float = Field(
        1.0, ge=0, le=8, description="noise on the latent before the look-up, in what the codes leave over of it"
    )
    seed: int = Field(0, ge=0, description="another training of the same network: black-box tests")
    trained_on: Literal["train", "reserve"] = Field(
        "train", description="whose photos it is fitted on; reserve: people set aside by dataset.reserve"
    )


RECORDS: tuple[ftbench.Simulator, ...] = (
    ftbench.Simulator(
        name="resynthesise",
        factory="ftbench_deepfakes.resynthesise:Resynthesise",
        objection="ftbench_deepfakes.objections:object_to_resynthesise",
        summary="entire synthesis: a variational autoencoder repaints the whole picture from a latent that it draws",
        parameters=ResynthesiseParameters,
        differentiable=True,
        trainable=True,
        deterministic=False,
        reference="Zhao et al., NeurIPS 2024, arXiv:2306.01953; Kingma and Welling, ICLR 2014",
    ),
    ftbench.Simulator(
        name="resynthesise-2",
        factory="ftbench_deepfakes.resynthesise_quantised:ResynthesiseQuantised",
        objection="ftbench_deepfakes.objections:object_to_quantised",
        summary="entire synthesis by another architecture: vector-quantised, of ConvNeXt blocks",
        parameters=ResynthesiseQuantisedParameters,
        differentiable=True,
        trainable=True,
        deterministic=False,
        reference="van den Oord et al., NeurIPS 2017; Lee et al., CVPR 2022",
    ),
)
