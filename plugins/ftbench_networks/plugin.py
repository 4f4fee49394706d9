"""The field's networks as a plugin like any other: records only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

import ftbench

HIDDEN = "Zhu et al., HiDDeN, ECCV 2018, arXiv:1807.09937"
MBRS = "Jia et al., MBRS, ACM MM 2021, arXiv:2108.08211"
SEPMARK = "Wu et al., SepMark, ACM MM 2023, arXiv:2305.06321"
TIMM = "Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861"


class HiddenEncoderParameters(ftbench.Parameters):
    """Parameters of the encoder ``hidden``."""

    channels: int = Field(64, ge=1, le=512, description="filters of every block")
    blocks: int = Field(4, ge=1, le=16, description="blocks before the message is joined")
    residual: float = Field(
        0.0, ge=0, le=1, description="largest change of a pixel, of 1; 0: the whole image is painted, as published"
    )


class HiddenDecoderParameters(ftbench.Parameters):
    """Parameters of the decoder ``hidden``."""

    channels: int = Field(64, ge=1, le=512, description="filters of every block but the last")
    blocks: int = Field(7, ge=1, le=16, description="blocks before the one with a filter a bit")


class SepmarkTracerParameters(ftbench.Parameters):
    """Parameters of ``sepmark-tracer``."""

    channels: int = Field(16, ge=1, le=128, description="width at full size; it doubles at each of four halvings")
    blocks: int = Field(2, ge=1, le=8, description="layers of each stage")


class SepmarkEncoderParameters(SepmarkTracerParameters):
    """Parameters of ``sepmark``."""

    message_channels: int = Field(64, ge=1, le=512, description="width of the code at every scale")


class MbrsDecoderParameters(ftbench.Parameters):
    """Parameters of the decoder ``mbrs``."""

    channels: int = Field(64, ge=1, le=512, description="width at full size; it doubles at each halving")
    diffusion: int = Field(16, ge=1, le=64, description="side of the map that is read; the size is it times 1, 2, 4, …")


class MbrsEncoderParameters(ftbench.Parameters):
    """Parameters of the encoder ``mbrs``."""

    channels: int = Field(64, ge=1, le=512, description="width of every layer")
    blocks: int = Field(4, ge=1, le=16, description="squeeze-and-excitation blocks of cover and message each")
    diffusion: int = Field(
        16, ge=1, le=64, description="side of the map that the code is spread over; the size is it times 1, 2, 4, …"
    )


class CompactDecoderParameters(ftbench.Parameters):
    """Parameters of the decoder ``compact``."""

    channels: int = Field(64, ge=8, le=512, description="width of every layer")
    blocks: int = Field(6, ge=1, le=24, description="residual blocks, dilated by 1, 2, 4, 1, …")
    side: int | None = Field(
        None, ge=16, description="side in pixels that the network works at, the image's or less; none: the image's"
    )


class CompactEncoderParameters(CompactDecoderParameters):
    """Parameters of the encoder ``compact``."""

    maps: int = Field(8, ge=1, le=64, description="channels of the code's own map")
    residual: float = Field(0.3, gt=0, le=1, description="largest change of a pixel that is as visible as the average")
    attenuation: float = Field(
        0.5, ge=0, le=2, description="exponent on the just noticeable difference that the change follows; 0: none"
    )


class TimmDecoderParameters(ftbench.Parameters):
    """Parameters of ``timm-decoder``."""

    backbone: str = Field("resnet18", description="any timm classifier")
    backbone_options: dict[str, int | float | bool | str | list[int]] = Field(
        default_factory=dict, description="handed to timm, e.g. channels: [16, 32, 64, 128]"
    )
    weights: ftbench.InputPath = Field(
        "",
        description="a file of its weights (.safetensors), read but for the head; empty: random initialisation",
    )


@ftbench.hookimpl
def ftbench_encoders() -> Iterator[ftbench.Encoder]:
    """Yield the encoders."""
    yield ftbench.Encoder(
        name="hidden",
        factory="ftbench_networks.hidden:HiddenEncoder",
        summary="HiDDeN's: plain convolutions, the code as constant planes",
        parameters=HiddenEncoderParameters,
        reference=HIDDEN,
    )
    yield ftbench.Encoder(
        name="sepmark",
        factory="ftbench_networks.sepmark:SepmarkEncoder",
        objection="ftbench_networks.objections:object_to_sepmark",
        summary="SepMark's: a U-Net with instance normalisation, a map of the code at each scale",
        parameters=SepmarkEncoderParameters,
        reference=SEPMARK,
    )
    yield ftbench.Encoder(
        name="mbrs",
        factory="ftbench_networks.mbrs:MbrsEncoder",
        objection="ftbench_networks.objections:object_to_mbrs",
        summary="MBRS's: squeeze-and-excitation blocks, the code diffused over a small map and enlarged",
        parameters=MbrsEncoderParameters,
        reference=MBRS,
    )
    yield ftbench.Encoder(
        name="compact",
        factory="ftbench_networks.compact:CompactEncoder",
        objection="ftbench_networks.objections:object_to_compact",
        summary="dilated residual blocks at a quarter of the size, the change where an eye notices it least",
        parameters=CompactEncoderParameters,
    )


@ftbench.hookimpl
def ftbench_decoders() -> Iterator[ftbench.Decoder]:
    """Yield the decoders."""
    yield ftbench.Decoder(
        name="hidden",
        factory="ftbench_networks.hidden:HiddenDecoder",
        summary="HiDDeN's: plain convolutions, averaged over the image",
        parameters=HiddenDecoderParameters,
        reference=HIDDEN,
    )
    yield ftbench.Decoder(
        name="sepmark-tracer",
        factory="ftbench_networks.sepmark:SepmarkTracer",
        objection="ftbench_networks.objections:object_to_sepmark",
        summary="the robust one of SepMark's two decoders: a U-Net with instance normalisation",
        parameters=SepmarkTracerParameters,
        reference=SEPMARK,
    )
    yield ftbench.Decoder(
        name="mbrs",
        factory="ftbench_networks.mbrs:MbrsDecoder",
        objection="ftbench_networks.objections:object_to_mbrs",
        summary="MBRS's: squeeze-and-excitation blocks down to a small map",
        parameters=MbrsDecoderParameters,
        reference=MBRS,
    )
    yield ftbench.Decoder(
        name="compact",
        factory="ftbench_networks.compact:CompactDecoder",
        objection="ftbench_networks.objections:object_to_compact",
        summary="dilated residual blocks at a quarter of the size",
        parameters=CompactDecoderParameters,
    )
    yield ftbench.Decoder(
        name="timm-decoder",
        factory="ftbench_networks.timm_decoder:TimmDecoder",
        objection="ftbench_networks.timm_decoder:object_to_timm",
        summary="any timm classifier, its classes the bits; random initialisation unless given weights",
        parameters=TimmDecoderParameters,
        reference=TIMM,
    )
