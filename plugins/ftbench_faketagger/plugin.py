"""The paper's parts as a plugin like any other: records only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

import ftbench

PAPER = "Wang et al., FakeTagger, ACM MM 2021, arXiv:2009.09869"


class UNetParameters(ftbench.Parameters):
    """Parameters of ``unet-resnet18``."""

    backbone: str = Field("resnet18", description="any timm model that gives feature maps")
    backbone_options: dict[str, int | float | bool | str | list[int]] = Field(
        default_factory=dict, description="handed to timm, e.g. channels: [16, 32, 64, 128]"
    )
    weights: ftbench.InputPath = Field(
        "", description="a file of backbone weights (.safetensors, .pth); empty: random initialisation"
    )
    up_width: float = Field(1.0, gt=0, le=4, description="factor on the channels of the up path")
    stem_channels: int = Field(64, ge=4, le=512, description="channels of the full-size branch")
    residual: float = Field(
        0.3, ge=0, le=1, description="largest change of a pixel, of 1; 0 paints the whole image instead"
    )


class Conv7Parameters(ftbench.Parameters):
    """Parameters of ``conv7``."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every convolution")


class FaceswapParameters(ftbench.Parameters):
    """Parameters of ``faceswap``."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every convolution")
    latent: int = Field(1024, ge=8, le=8192, description="length of the vector between the networks")
    warp: float = Field(
        0.02, ge=0, le=0.2, description="deviation of the training warps' control points, share of the side"
    )


@ftbench.hookimpl
def ftbench_encoders() -> Iterator[ftbench.Encoder]:
    """Yield the image encoder."""
    yield ftbench.Encoder(
        name="unet-resnet18",
        factory="ftbench_faketagger.unet:UNet",
        objection="ftbench_faketagger.unet:object_to_unet",
        summary="U-Net on a timm backbone, the code at all five scales; random initialisation unless given",
        parameters=UNetParameters,
        reference=PAPER,
    )


@ftbench.hookimpl
def ftbench_decoders() -> Iterator[ftbench.Decoder]:
    """Yield the image decoder."""
    yield ftbench.Decoder(
        name="conv7",
        factory="ftbench_faketagger.conv7:Conv7",
        objection="ftbench_faketagger.conv7:object_to_conv7",
        summary="seven convolutions and one fully connected layer",
        parameters=Conv7Parameters,
        reference=PAPER,
    )


@ftbench.hookimpl
def ftbench_simulators() -> Iterator[ftbench.Simulator]:
    """Yield the deepfake."""
    yield ftbench.Simulator(
        name="faceswap",
        factory="ftbench_faketagger.faceswap:Faceswap",
        objection="ftbench_faketagger.faceswap:object_to_faceswap",
        summary="identity swap of two people: one encoder, two decoders, fitted on the train split",
        parameters=FaceswapParameters,
        differentiable=True,
        trainable=True,
        needs=("identity",),
        people=2,
        reference=PAPER,
    )
