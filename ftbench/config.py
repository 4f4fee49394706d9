"""The benchmark file: what it may say, and the defaults of what it leaves out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NamePattern = r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$"


class Section(BaseModel):
    """A mapping of the file: unknown keys are errors, values are never converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Reference(BaseModel):
    """A part by name (``name@distribution`` where two provide it); every other key is a parameter of it."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str = Field(min_length=1)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the file says of the part beside its name."""
        return dict(self.model_extra or {})


def _listed(value: Any) -> Any:
    # An axis of one value may be written without brackets, and a part without parameters as its name.
    values = value if isinstance(value, list) else [value]
    return [{"name": item} if isinstance(item, str) else item for item in values]


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _bare_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Part = Annotated[Reference, BeforeValidator(_named)]
Axis = Annotated[list[Reference], BeforeValidator(_listed), Field(min_length=1)]


class DatasetSection(Reference):
    """Which covers; other keys are the data set's own parameters."""

    size: int = Field(ge=8, le=2048, description="side of the square images, in pixels")
    people: list[str] | None = Field(
        None, description="the people shown; default: what a two-person part needs, by number of images"
    )


class MessageSection(Section):
    """The payload."""

    bits: int = Field(ge=1, le=4096, description="k, length of the payload")


class Loss(Section):
    """Weights of the two terms of the training loss."""

    message: float = Field(1.0, ge=0, description="λ, weight of the binary cross-entropy of every reading")
    image: float = Field(0.1, ge=0, description="α, weight of the squared error of the marked image")
    reduction: Literal["sum", "mean"] = Field(
        "sum", description="sum: over pixels and over bits of an image; mean: over them"
    )
    stated_at: int = Field(
        64,
        ge=8,
        description="side of the image, in pixels, that a summed α is meant for; at another side it is scaled "
        "so that it weighs the mean squared error of a pixel alike",
    )

    def image_weight(self) -> float:
        """The weight of the *mean* squared error of an image, in units of one summed message term."""
        return self.image * 3 * self.stated_at**2 if self.reduction == "sum" else self.image

    def message_weight(self, bits: int) -> float:
        """The weight of the *mean* binary cross-entropy over an image's bits, for each reading."""
        return self.message * bits if self.reduction == "sum" else self.message


class Augmentation(Section):
    """Random changes of training covers; each number is half the width of a uniform draw."""

    rotate: float = Field(10.0, ge=0, le=180, description="degrees")
    scale: float = Field(0.15, ge=0, lt=1, description="share of the size")
    shift: float = Field(0.05, ge=0, le=0.5, description="share of the side")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a mirror image")
    gain: float = Field(0.25, ge=0, lt=1, description="share of the brightness")
    colour: float = Field(0.07, ge=0, le=1, description="offset of each colour channel, of 1")


class Curriculum(Section):
    """When the image term sets in."""

    kind: Literal["message-first", "none"] = "message-first"
    read_at: float = Field(0.9, gt=0.5, le=1, description="bit accuracy of the readings that starts the ramp")
    ramp: float = Field(0.4, ge=0, le=1, description="share of the steps over which the image weight rises")
    floor: float = Field(0.003, ge=0, le=1, description="share of the image weight before the ramp")


class Optimiser(Section):
    """Adam with decoupled weight decay, gradients clipped after the backward pass."""

    learning_rate: float = Field(1e-3, gt=0)
    betas: Annotated[list[float], Field(min_length=2, max_length=2)] = [0.9, 0.999]
    weight_decay: float = Field(1e-5, ge=0)
    schedule: Literal["cosine", "stable-decay", "constant"] = Field(
        "cosine", description="stable-decay: constant, then a straight line to zero"
    )
    decay: float = Field(0.4, gt=0, le=1, description="share of the steps over which stable-decay falls")
    warmup: float = Field(0.02, ge=0, le=0.5, description="share of the steps over which the rate rises")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient, of the loss of a mean image")


class FitSection(Section):
    """How trainable simulators are fitted on the train split."""

    steps: int = Field(2000, ge=1)
    batch_size: int = Field(64, ge=2, description="images a step, shared evenly by the people")
    seed: int = Field(0, ge=0)
    optimiser: Optimiser = Optimiser(learning_rate=1e-3, betas=[0.5, 0.999])
    augment: Augmentation = Augmentation()
    validate_every: int = Field(100, ge=1, description="steps between looks at the val split")


class TrainSection(Section):
    """How a pair of encoder and decoder is trained."""

    steps: int = Field(2000, ge=1)
    batch_size: int = Field(64, ge=2, description="images a step, shared evenly by the people")
    optimiser: Optimiser = Optimiser()
    ema: float = Field(0.99, ge=0, lt=1, description="decay of the averaged weights that are kept; 0: none")
    curriculum: Curriculum = Curriculum()
    augment: Augmentation = Augmentation()
    distortions: Axis = Field(
        default_factory=lambda: [Reference(name="identity")],
        description="one is drawn every step; a parameter written as [low, high] is drawn between them",
    )
    validate_every: int = Field(100, ge=1, description="steps between looks at the val split")


class EvaluateSection(Section):
    """What a trained pair is tested under."""

    simulators: Axis = Field(description="none, and parts of the matrix or of other parameters")
    distortions: Axis = Field(
        default_factory=lambda: [Reference(name="identity")],
        description="a parameter written as a list is a grid of strengths",
    )
    metrics: Axis = Field(default_factory=lambda: [Reference(name="psnr"), Reference(name="ssim")])
    draws: int = Field(4, ge=1, le=1000, description="payloads drawn an image")
    seed: int = Field(0, ge=0, description="of payloads and random distortions")
    limit: int | None = Field(None, ge=1, description="test images used at most; default: all")


class Matrix(Section):
    """Every combination of these axes is trained; any axis may be a list."""

    encoder: Axis
    decoder: Axis
    codec: Axis = Field(default_factory=lambda: [Reference(name="none")])
    simulator: Axis = Field(description="the deepfake to train against; none for none")
    loss: Annotated[list[Loss], BeforeValidator(_bare_list), Field(min_length=1)] = [Loss()]
    seed: Annotated[list[Annotated[int, Field(ge=0)]], BeforeValidator(_bare_list), Field(min_length=1)] = [0]


class ComputeSection(Section):
    """How cells are computed: part of their identity, and settled once for a results folder."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of training; auto: bfloat16 where the processor has instructions for it"
    )
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="auto: the processors that this process may use"
    )
    compile: Literal["none", "default"] = Field("none", description="torch.compile's mode")


class Benchmark(Section):
    """A benchmark file, its scale applied."""

    name: str = Field(pattern=NamePattern, max_length=64, description="also the folder under results/")
    title: str = ""
    dataset: DatasetSection
    message: MessageSection
    matrix: Matrix
    fit: FitSection = FitSection()
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection
    compute: ComputeSection = ComputeSection()
    accept_licences: list[str] = Field(default=["MIT"], description="licences of parts that may be used")


class BenchmarkFile(Benchmark):
    """A benchmark file as it is written: with its scales."""

    scales: dict[Annotated[str, Field(pattern=NamePattern)], dict[str, Any]] = Field(
        default_factory=dict, description="named overrides of the rest of the file"
    )
