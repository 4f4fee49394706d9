"""The benchmark file: what it may say, and the defaults of what it leaves out."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ftbench.benchfile.layout import ReportSection
from ftbench.benchfile.loss import Loss
from ftbench.benchfile.reference import Axis, Groups, Part, Reference, Section, as_list, no_device

NamePattern = r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$"
PoolUse = Literal["with", "whole", "without"]


class DatasetSection(Reference):
    """Which covers; other keys are the data set's own parameters."""

    size: int = Field(ge=8, le=2048, description="side of the square images, in pixels")
    people: list[str] | None = Field(
        None, description="the people shown; default: what a two-person part needs, by number of images"
    )
    reserve: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="share of the train people who are set aside: only simulators with trained_on: reserve see them",
    )


class MessageSection(Section):
    """The payload."""

    bits: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], BeforeValidator(as_list), Field(min_length=1)] = Field(
        description="k, length of the payload; a list is one more axis of the matrix"
    )


class Augmentation(Section):
    """Random changes of training covers; each number is half the width of a uniform draw."""

    rotate: float = Field(10.0, ge=0, le=180, description="degrees")
    scale: float = Field(0.15, ge=0, lt=1, description="share of the size")
    shift: float = Field(0.05, ge=0, le=0.5, description="share of the side")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a mirror image")
    gain: float = Field(0.25, ge=0, lt=1, description="share of the brightness")
    colour: float = Field(0.07, ge=0, le=1, description="offset of each colour channel, of 1")
    mix: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="largest share of another image of the same person that is blended in",
    )


class Curriculum(Section):
    """When image quality sets in: its weight rises, or the PSNR does, or the FLIP falls."""

    kind: Literal["message-first", "image-first", "none"] = Field(
        "message-first",
        description="image-first: the image term alone for the ramp's share of the steps, as the source",
    )
    read_at: float = Field(0.9, gt=0.5, le=1, description="bit accuracy of marked images that starts the ramp")
    ramp: float = Field(0.4, ge=0, le=1, description="share of the steps over which weight, PSNR or FLIP changes")
    floor: float = Field(0.003, ge=0, le=1, description="share of the image weight before the ramp")
    start_psnr: float = Field(16.0, ge=5, le=60, description="dB held before the ramp, where there is a target_psnr")
    start_flip: float = Field(0.4, gt=0, lt=1, description="FLIP held before the ramp, where there is a target_flip")


class Optimiser(Section):
    """Adam with decoupled weight decay, gradients clipped after the backward pass."""

    learning_rate: float = Field(1e-3, gt=0)
    betas: Annotated[list[float], Field(min_length=2, max_length=2)] = Field([0.9, 0.999])
    weight_decay: float = Field(1e-5, ge=0)
    schedule: Literal["cosine", "one-cycle", "stable-decay", "constant"] = Field(
        "cosine",
        description="one-cycle: a cosine up over three tenths, then down; stable-decay: constant, then a line to zero",
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
    accumulate: int = Field(
        1,
        ge=1,
        le=64,
        description="parts that a batch is worked on in, their gradients added up: the memory holds less, a step takes "
        "longer",
    )
    validate_every: int = Field(100, ge=1, description="steps between looks at the val split")


class CodeSection(Section):
    """How trainable channel codes are fitted, before any image is seen."""

    steps: int = Field(3000, ge=1)
    batch_size: int = Field(512, ge=2, description="payloads a step")
    seed: int = Field(0, ge=0)
    optimiser: Optimiser = Optimiser(learning_rate=1e-2, schedule="one-cycle")
    validate_every: int = Field(250, ge=1, description="steps between looks at fixed payloads and flips")


class TrainSection(Section):
    """How a pair of encoder and decoder is trained."""

    steps: int = Field(2000, ge=1)
    batch_size: int = Field(64, ge=2, description="images a step, shared evenly by the people")
    optimiser: Optimiser = Optimiser()
    start: str | None = Field(
        None,
        description="file of weights that the pair begins with, a trained pair's of the same parts and sizes; what the "
        "file holds counts, not where it lies; default: drawn by the seed",
    )
    complement: bool = Field(
        True,
        description="half as many covers a step, each with a code and with its complement: what a cover itself says "
        "to the decoder then cancels out of the gradient",
    )
    same_code: float = Field(
        0.0, ge=0, le=1, description="share of the steps in which covers carry one code, four in a row"
    )
    ema: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="decay of the averaged weights that are kept, in a short training less; 0: none",
    )
    curriculum: Curriculum = Curriculum()
    augment: Augmentation = Augmentation()
    distortions: Axis = Field(
        default_factory=lambda: [Reference(name="identity")],
        description="drawn anew every step; a parameter written as [low, high] is drawn between them",
    )
    pieces: int = Field(
        8,
        ge=1,
        le=64,
        description="that a batch is split into, each with a distortion of its own, and with a simulator of its own "
        "where there are several",
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=64,
        description="parts that a batch is worked on in, their gradients added up: the memory holds less, a step takes "
        "longer",
    )
    validate_every: int = Field(100, ge=1, description="steps between looks at the val split")

    def under(self, loss: Loss, pool: PoolUse = "with") -> TrainSection:
        """How a setting trains: its loss may have steps, ramp and same_code of its own, its pool may forbid pieces."""
        ramp = self.curriculum.ramp if loss.ramp is None else loss.ramp
        curriculum = self.curriculum.model_copy(update={"ramp": ramp})
        pieces = 1 if pool == "whole" else self.pieces
        own = {"steps": loss.steps or self.steps, "curriculum": curriculum, "pieces": pieces}
        return self.model_copy(update={**own, "same_code": self.shares_codes(loss)})

    def shares_codes(self, loss: Loss) -> float:
        """The share of a setting's steps in which covers carry one code."""
        return self.same_code if loss.same_code is None else loss.same_code


def _held(value: Any) -> Any:
    # A whole number is as good a PSNR as any; strict unions would take it for neither alternative.
    values = value if isinstance(value, list) else [value]
    return [float(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in values]


class EvaluateSection(Section):
    """What a trained pair is tested under."""

    simulators: Axis = Field(description="none, and parts of the matrix or of other parameters")
    distortions: Axis = Field(
        default_factory=lambda: [Reference(name="identity")],
        description="a parameter written as a list is a grid of strengths",
    )
    metrics: Axis = Field(
        default_factory=lambda: [Reference(name=name) for name in ("psnr", "ssim", "flip", "ciede2000")]
    )
    psnr: Annotated[
        list[Literal["own"] | Annotated[float, Field(ge=10, le=60)]], BeforeValidator(_held), Field(min_length=1)
    ] = Field(
        ["own"], description="dB that residuals are rescaled to, for comparisons at equal quality; own: as trained"
    )
    flip: Annotated[list[Literal["own"] | Annotated[float, Field(gt=0, lt=1)]], BeforeValidator(_held)] = Field(
        [],
        description="mean FLIP that residuals are rescaled to, for comparisons at equal visibility: in place of psnr, "
        "or beside it where the file gives both",
    )
    quality_after: bool = Field(
        False, description="measure image quality after every simulator and distortion, too: a table of its own"
    )
    split: Literal["test", "val"] = Field(
        "test", description="images of which split; val is for choosing settings, and its tables say so"
    )
    draws: int = Field(4, ge=1, le=1000, description="payloads drawn an image")
    seed: int = Field(0, ge=0, description="of payloads and random distortions")
    limit: int | None = Field(None, ge=1, description="images used at most; default: all")

    def held(self) -> list[tuple[float | Literal["own"], float | None]]:
        """What each pair is tested at: a PSNR or its own quality, and a FLIP that takes the place of both or None."""
        # A file that asks for a FLIP alone does not ask for everything twice.
        decibels = [] if self.flip and "psnr" not in self.model_fields_set else self.psnr
        found: list[tuple[float | Literal["own"], float | None]] = [(psnr, None) for psnr in decibels]
        found += [("own", None) if flip == "own" else ("own", flip) for flip in self.flip]
        return list(dict.fromkeys(found))


class Couple(Section):
    """An encoder and the decoder that reads it."""

    encoder: Part
    decoder: Part


class Taken(Section):
    """Which entry of each axis a combination has, counted from 0; an axis that is not named: any."""

    codec: int | None = Field(None, ge=0)
    simulator: int | None = Field(None, ge=0)
    loss: int | None = Field(None, ge=0)
    seed: int | None = Field(None, ge=0)


class Matrix(Section):
    """Every combination of these axes is trained, or those that ``only`` lists; any axis may be a list."""

    encoder: Axis | None = None
    decoder: Axis | None = None
    pairs: Annotated[list[Couple], BeforeValidator(as_list), Field(min_length=1)] | None = Field(
        None, description="encoders each with its own decoder, in place of every encoder with every decoder"
    )
    codec: Axis = Field(default_factory=lambda: [Reference(name="none")])
    simulator: Groups = Field(
        description="the deepfake to train against; none for none; a list inside the list: one of them, drawn anew "
        "every step; trainings: n beside a name: n trainings of it, with a seed each"
    )
    loss: Annotated[list[Loss], BeforeValidator(as_list), Field(min_length=1)] = Field([Loss()])
    pool: Annotated[list[PoolUse], BeforeValidator(as_list), Field(min_length=1)] = Field(
        ["with"],
        description="with or without the distortions of the train section in the training loop; whole: with them, one "
        "for the whole batch, whatever train.pieces says",
    )
    seed: Annotated[list[Annotated[int, Field(ge=0)]], BeforeValidator(as_list), Field(min_length=1)] = Field([0])
    only: Annotated[list[Taken], Field(min_length=1)] | None = Field(
        None,
        description="the combinations of codec, simulator, loss and seed that are trained, each told by the places of "
        "its entries, counted from 0; default: all",
    )

    @model_validator(mode="after")
    def _only_of_what_there_is(self) -> Matrix:
        for taken in self.only or []:
            for axis, place in taken.model_dump(exclude_none=True).items():
                if place >= (there := len(getattr(self, axis))):
                    raise ValueError(f"only takes entry {place} of {axis}, counted from 0, which has {there}")
        return self

    def takes(self, **wanted: int) -> bool:
        """Whether a combination is trained, told by the place of its entry in each axis that ``only`` may name."""
        named = [taken.model_dump(exclude_none=True) for taken in self.only or [Taken()]]
        return any(one.items() <= wanted.items() for one in named)

    @model_validator(mode="after")
    def _one_way_to_pair(self) -> Matrix:
        if self.pairs is None and (self.encoder is None or self.decoder is None):
            raise ValueError("name an encoder and a decoder, or pairs of them")
        if self.pairs is not None and (self.encoder or self.decoder):
            raise ValueError("pairs names every encoder with its decoder; leave encoder and decoder out beside it")
        return self

    def couples(self) -> list[tuple[Reference, tuple[str | int, ...], Reference, tuple[str | int, ...]]]:
        """Encoder, its place in the matrix, decoder, its place: every combination, or the pairs."""
        if self.pairs is not None:
            return [
                (pair.encoder, ("pairs", i, "encoder"), pair.decoder, ("pairs", i, "decoder"))
                for i, pair in enumerate(self.pairs)
            ]
        return [
            (encoder, ("encoder", e), decoder, ("decoder", d))
            for e, encoder in enumerate(self.encoder or [])
            for d, decoder in enumerate(self.decoder or [])
        ]


class ComputeSection(Section):
    """How cells are computed: part of their identity, and settled once for a results folder."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of training; auto: bfloat16 where the processor has instructions for it"
    )
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="auto: 1 for images of up to 64 px, else the processors that this process may use"
    )
    compile: Literal["none", "default"] = Field("none", description="torch.compile's mode")
    deterministic: bool = Field(
        True, description="on a GPU, convolutions that repeat themselves; false: whichever are fastest, found by trial"
    )
    processes: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = Field(
        "auto", description="that share each training, one GPU each; auto: as many as there are GPUs, else 1"
    )


class Benchmark(Section):
    """A benchmark file, its scale applied."""

    name: Annotated[str, AfterValidator(no_device)] = Field(
        pattern=NamePattern, max_length=64, description="also the folder under results/"
    )
    title: str = ""
    dataset: DatasetSection
    message: MessageSection
    matrix: Matrix
    fit: FitSection = FitSection()
    code: CodeSection = CodeSection()
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection
    report: ReportSection = ReportSection()
    compute: ComputeSection = ComputeSection()
    most_settings: int = Field(
        500, ge=1, description="settings that the matrix may multiply to, each of them a training"
    )
    accept_licences: list[str] = Field(default=["MIT"], description="licences of parts that may be used")
    adapt: Literal["none", "resize"] = Field(
        "none", description="resize: a part that takes other sizes than dataset.size is handed resized images"
    )
    plugins: list[str] = Field(
        default_factory=list,
        description="Python files with parts, relative to this file; run only with --allow-plugin FILE as well",
    )

    @model_validator(mode="after")
    def _mates_to_be_unlike(self) -> Self:
        if any(loss.specific and not self.train.shares_codes(loss) for loss in self.matrix.loss):
            raise ValueError(
                "matrix.loss.specific compares covers that carry one code, and none do; give train.same_code a share, "
                "such as 0.5"
            )
        return self


class BenchmarkFile(Benchmark):
    """A benchmark file as it is written: with its scales."""

    scales: dict[Annotated[str, Field(pattern=NamePattern)], dict[str, Any]] = Field(
        default_factory=dict, description="named overrides of the rest of the file"
    )
