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
        "", description="a file of backbone weights (.safetensors); empty: random initialisation"
    )
    up_width: float = Field(1.0, gt=0, le=4, description="factor on the channels of the up path")
    stem_channels: int = Field(64, ge=4, le=512, description="channels of the full-size branch")
    code_maps: int = Field(
        0,
        ge=0,
        le=64,
        description="learned planes of the code at each scale and at full size, beside its constant ones; "
        "0: as published",
    )
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
        5 / 256, ge=0, le=0.2, description="deviation of the training warps' control points, share of the side"
    )
    colour_shift: bool = Field(
        True, description="the first person is shown to the network in the second one's mean colour"
    )
    seed: int = Field(0, ge=0, description="another training of the same network: black-box tests")


class FaceswapPastedParameters(FaceswapParameters):
    """Parameters of ``faceswap-pasted``."""

    face_size: int = Field(
        64, ge=16, le=512, multiple_of=16, description="largest side at which the face is swapped, in pixels"
    )
    extent: float = Field(0.6, gt=0.1, le=0.6, description="height of the pasted face, share of the side")
    feather: float = Field(
        0.35, ge=0, le=1, description="share of the face's radius over which it fades into the picture"
    )
    colour: float = Field(1.0, ge=0, le=1, description="strength of the transfer of the picture's colours to the face")


class FaceswapResidualParameters(FaceswapParameters):
    """Parameters of ``faceswap-residual``."""

    latent: int = Field(
        64, ge=4, le=8192, description="channels between the networks, at a sixteenth of the image's side"
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
        objection="ftbench_faketagger.objections:object_to_conv7",
        summary="seven convolutions and one fully connected layer",
        parameters=Conv7Parameters,
        reference=PAPER,
    )


@ftbench.hookimpl
def ftbench_simulators() -> Iterator[ftbench.Simulator]:
    """Yield the deepfakes."""
    yield ftbench.Simulator(
        name="faceswap",
        factory="ftbench_faketagger.faceswap:Faceswap",
        objection="ftbench_faketagger.objections:object_to_faceswap",
        summary="identity swap of two people: one encoder, two decoders, fitted on the train split",
        parameters=FaceswapParameters,
        differentiable=True,
        trainable=True,
        needs=("identity",),
        people=2,
        reference=PAPER,
    )
    yield ftbench.Simulator(
        name="faceswap-pasted",
        factory="ftbench_faketagger.pasted:FaceswapPasted",
        objection="ftbench_faketagger.objections:object_to_pasted",
        summary="faceswap on the middle of the picture, its colours matched, pasted back under a soft mask",
        parameters=FaceswapPastedParameters,
        differentiable=True,
        trainable=True,
        needs=("identity",),
        people=2,
        reference=PAPER,
    )
    yield ftbench.Simulator(
        name="faceswap-residual",
        factory="ftbench_faketagger.faceswap_residual:FaceswapResidual",
        objection="ftbench_faketagger.objections:object_to_residual",
        summary="identity swap by another architecture: residual, normalised, fully convolutional",
        parameters=FaceswapResidualParameters,
        differentiable=True,
        trainable=True,
        needs=("identity",),
        people=2,
    )
