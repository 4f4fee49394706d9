"""Parts that run an ONNX file: records and parameters only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

import ftbench

Range = Literal["unit", "signed", "byte", "imagenet"]
Layout = Literal["nchw", "nhwc"]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]

REFERENCE = "ONNX, the open format of exported networks; run by onnxruntime"
FROM_INPUT = "default: as the input's"


class ExportedParameters(ftbench.Parameters):
    """What every exported network is told: its file, its image input, and how it wants its images."""

    model: ftbench.InputPath = Field(min_length=1, description="the network: one .onnx file, its weights inside")
    title: str = Field(
        "", max_length=40, description="tells two exported networks apart in tables, which never show a path"
    )
    input: str = Field("", description="name of the image input; empty: the only one of four dimensions")
    output: str = Field("", description="name of the output; empty: the only one")
    input_range: Range = Field(
        "unit", description="values that the network takes: unit [0, 1], signed [-1, 1], byte [0, 255], imagenet's"
    )
    mean: Triple | None = Field(
        None,
        description="of R, G, B in [0, 1], taken off before std divides: in place of input_range, together with std",
    )
    std: Triple | None = Field(None, description="of R, G, B in [0, 1]")
    colours: Literal["rgb", "bgr"] = Field("rgb", description="order of the channels, in and out")
    layout: Layout = Field("nchw", description="nhwc: channels last, as TensorFlow has them")
    resize_to: int = Field(
        0,
        ge=0,
        le=4096,
        description="side in pixels that the network's images are brought to, and what it gives back again; "
        "0: the benchmark's, as is",
    )
    resampling: Literal["bilinear", "bicubic", "area", "nearest"] = Field(
        "bilinear", description="how images are resized; bilinear and bicubic without aliasing"
    )
    constants: dict[str, float | list[float]] = Field(
        default_factory=dict, description="what further inputs are always given, by name: a number or a list"
    )
    threads: int = Field(0, ge=0, le=1024, description="of onnxruntime; 0: the benchmark's compute.threads")

    @model_validator(mode="after")
    def _both_or_neither(self) -> ExportedParameters:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std belong together; give both or neither")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("std must be greater than 0")
        return self


class ImageOutput(ExportedParameters):
    """A network that gives an image."""

    output_range: Range | None = Field(None, description=f"values that the network gives; {FROM_INPUT}")
    output_layout: Layout | None = Field(None, description=FROM_INPUT)


class SimulatorParameters(ImageOutput):
    """Parameters of the simulator ``exported``."""

    source: ftbench.InputPath = Field(
        "", description="a photograph of the face to be pasted, cropped as the network wants it, or its vector as .npy"
    )
    source_input: str = Field("", description="name of the input that takes it")
    source_range: Range | None = Field(None, description=f"values of a photograph there; {FROM_INPUT}")
    identity_input: str = Field(
        "",
        description="name of an input that is told who is shown: the person's index, whole (b,) or (b,1), "
        "or one-hot (b,people)",
    )


class EncoderParameters(ImageOutput):
    """Parameters of the encoder ``exported``."""

    message_input: str = Field("", description="name of the input for the code; empty: the only one of two dimensions")
    message: Literal["bits", "signed"] = Field("bits", description="bits: 0 and 1; signed: -1 and 1")
    result: Literal["marked", "residual"] = Field(
        "marked", description="what it gives: the marked image, or what is to be added to the cover"
    )


class DecoderParameters(ExportedParameters):
    """Parameters of the decoder ``exported``."""

    result: Literal["logits", "probabilities", "bits", "signed"] = Field(
        "logits", description="what it gives a bit: a logit, a probability, 0 to 1, or -1 to 1"
    )


@ftbench.hookimpl
def ftbench_encoders() -> Iterator[ftbench.Encoder]:
    """Yield the exported encoder."""
    yield ftbench.Encoder(
        name="exported",
        factory="ftbench_exported.networks:ExportedEncoder",
        objection="ftbench_exported.objections:object_to_encoder",
        summary="an encoder from an ONNX file, as it is",
        parameters=EncoderParameters,
        trainable=False,
        reference=REFERENCE,
    )


@ftbench.hookimpl
def ftbench_decoders() -> Iterator[ftbench.Decoder]:
    """Yield the exported decoder."""
    yield ftbench.Decoder(
        name="exported",
        factory="ftbench_exported.networks:ExportedDecoder",
        objection="ftbench_exported.objections:object_to_decoder",
        summary="a decoder from an ONNX file, as it is",
        parameters=DecoderParameters,
        trainable=False,
        differentiable=False,
        reference=REFERENCE,
    )


@ftbench.hookimpl
def ftbench_simulators() -> Iterator[ftbench.Simulator]:
    """Yield the exported simulator."""
    yield ftbench.Simulator(
        name="exported",
        factory="ftbench_exported.networks:ExportedSimulator",
        objection="ftbench_exported.objections:object_to_simulator",
        summary="a deepfake network from an ONNX file, as it is",
        parameters=SimulatorParameters,
        differentiable=False,
        trainable=False,
        # Given to the network only where identity_input names an input for it.
        needs=("identity",),
        reference=REFERENCE,
    )
