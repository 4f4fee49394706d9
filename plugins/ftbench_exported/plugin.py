"""Parts that run an ONNX file: records and parameters only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

import ftbench
from ftbench_exported.recipes import RECIPES

Range = Literal["unit", "signed", "byte", "imagenet"]
Layout = Literal["nchw", "nhwc"]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]

TemplateName = Literal["arcface-112", "arcface-128", "arcface-112-v1", "mtcnn-512", "ffhq-512"]
RecipeName = Literal[
    "inswapper-128",
    "simswap-256",
    "simswap-512",
    "ghost-256",
    "hififace-256",
    "hyperswap-256",
    "uniface-256",
    "blendswap-256",
    "gfpgan",
    "gpen-256",
    "gpen-512",
    "restoreformer",
    "codeformer",
]
SETTLED = (
    *("input_range", "output_range", "mean", "std", "colours", "layout", "output_layout", "resize_to", "align"),
    "source_range",
)
"""What a recipe says."""
PLACED = ("framing", "mask", "mask_blur", "mask_output", "match_colours")
"""What is said of a face that is cut out and pasted."""
NEWER = ("recipe", "recogniser", "converter", "align", *PLACED, "enhance", "enhancer")
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
        "",
        description="a photograph of the face to be pasted, cropped as the network wants it, or its vector as .npy; "
        "with a recipe a crop with eyes at 42 % of its height, in place of a donor for each image",
    )
    source_input: str = Field("", description="name of the input that takes it")
    source_range: Range | None = Field(None, description=f"values of a photograph there; {FROM_INPUT}")
    identity_input: str = Field(
        "",
        description="name of an input that is told who is shown: the person's index, whole (b,) or (b,1), "
        "or one-hot (b,people)",
    )
    recipe: RecipeName | None = Field(
        None, description="a public network, used as its own tool uses it; ftbench recipes lists them"
    )
    recogniser: ftbench.InputPath = Field(
        "", description="for a recipe that puts a face in by its vector: the .onnx file that makes it, ArcFace's kind"
    )
    converter: ftbench.InputPath = Field(
        "", description="for a recipe whose vectors are another recogniser's: the .onnx file that translates"
    )
    align: TemplateName | None = Field(
        None, description="the face is laid on this template for the network, and pasted back; empty: the whole image"
    )
    framing: Literal["crop", "landmarks"] = Field(
        "crop", description="where the face lies: as in every crop with eyes at 42 % of its height, or told by the data"
    )
    mask: Literal["box", "ellipse"] = Field("box", description="shape of what is pasted, soft at its edge")
    mask_blur: float = Field(0.3, ge=0, le=1, description="how soft: a quarter of it, of the side, is faded")
    mask_output: str = Field("", description="output that gives the network's own mask, used where it is the smaller")
    match_colours: bool = Field(
        False, description="give the pasted face mean and deviation of the one below it, in Lab"
    )
    enhance: RecipeName | None = Field(None, description="recipe of a network that the fake goes through as well")
    enhancer: ftbench.InputPath = Field("", description="its .onnx file")

    def also_needs(self) -> tuple[str, ...]:
        """The face that is put in, and where the faces lie, where the data are to tell."""
        put_in = self.recipe is not None and RECIPES[self.recipe].source is not None and not self.source
        own = self.framing == "landmarks"
        named = {"donor": put_in, "landmarks": own, "donor_landmarks": own and put_in}
        return tuple(name for name, wanted in named.items() if wanted)

    @model_validator(mode="after")
    def _settled_once(self) -> SimulatorParameters:
        fields = type(self).model_fields
        if self.recipe is not None:
            for name in SETTLED:
                if getattr(self, name) != fields[name].default:
                    raise ValueError(f"recipe {self.recipe} settles {name}; leave it out")
            if self.source and RECIPES[self.recipe].source is None:
                raise ValueError(f"recipe {self.recipe} puts no face in; leave source out")
        elif self.recogniser or self.converter:
            raise ValueError("recogniser and converter belong to a recipe; name one: ftbench recipes lists them")
        if self.align is None and self.recipe is None:
            for name in PLACED:
                if getattr(self, name) != fields[name].default:
                    raise ValueError(f"{name} is for a face that is aligned; name a recipe, or a template under align")
        if (self.enhance is None) != (not self.enhancer):
            raise ValueError("enhance and enhancer belong together: the recipe, and the file")
        if self.enhance is not None and RECIPES[self.enhance].kind != "enhance":
            raise ValueError(f"enhance: recipe {self.enhance} puts a face in; name one that enhances: gfpgan")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is newer than the first cells and not used: their keys stay."""
        values: dict[str, Any] = written(self)
        fields = type(self).model_fields
        return {name: value for name, value in values.items() if name not in NEWER or value != fields[name].default}


class StandInParameters(SimulatorParameters):
    """Parameters of ``exported-stand-in``: those of the file, and of the network that imitates it."""

    width: float = Field(0.5, gt=0, le=4, description="factor on the channels of every convolution of the stand-in")
    seed: int = Field(0, ge=0, description="another training of the same stand-in")
    trained_on: Literal["train", "reserve"] = Field(
        "train", description="whose photos it is fitted on; reserve: people set aside by dataset.reserve"
    )

    @model_validator(mode="after")
    def _on_crops(self) -> StandInParameters:
        if self.framing == "landmarks":
            raise ValueError("a stand-in is fitted on crops, whose landmarks nobody tells it; leave framing out")
        if self.identity_input:
            raise ValueError("a stand-in is not told who is shown; leave identity_input out, or train straight through")
        return self


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
        summary="a deepfake network from an ONNX file, as it is or by a recipe",
        parameters=SimulatorParameters,
        differentiable=False,
        trainable=False,
        # Given to the network only where identity_input names an input for it.
        needs=("identity",),
        reference=REFERENCE,
    )
    yield ftbench.Simulator(
        name="exported-stand-in",
        factory="ftbench_exported.stand_in:ExportedStandIn",
        objection="ftbench_exported.objections:object_to_stand_in",
        summary="a network fitted to imitate an ONNX file that exported runs, so that training has a gradient",
        parameters=StandInParameters,
        differentiable=True,
        trainable=True,
        loss_tells="of what the file changes is not imitated on val",
        reference=REFERENCE,
    )
