"""The records that plugins yield, and what the objects behind them must do.

A record says everything that listing and planning need, and names its factory lazily as
``"module:attribute"``: nothing heavier than this file is imported until a cell runs.

Shapes are written ``b`` images, ``k`` payload bits, ``n`` code bits, ``h``×``w`` pixels. Images are
float tensors (b, 3, h, w), RGB, in [0, 1]; bits are float tensors of {0, 1}; logits are real, positive for 1.
"""

from __future__ import annotations

import functools
import importlib
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic

if TYPE_CHECKING:
    pass

NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
Kind = Literal["encoder", "decoder", "simulator", "distortion", "codec", "dataset", "metric"]


InputPath = Annotated[str, "input-path"]
"""A parameter that names a file or folder, relative to the benchmark file. A cell's identity takes the digest
of a file's content, and no manifest ever holds the path."""


class Parameters(pydantic.BaseModel):
    """Base of a part's parameters: unknown keys and wrong types are errors, values never change.

    Subclass it beside the record, with a default and a description for every field; ``ftbench info``
    and the JSON schema of benchmark files are made from it.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def also_needs(self) -> tuple[str, ...]:
        """Extra inputs that a simulator with these values asks for, beside those that its record names."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Component:
    """What every part declares. Raises ValueError when a field breaks the contract."""

    name: str
    """Lower case words joined by hyphens: what a benchmark file writes."""
    factory: str
    """``"module:attribute"``; called with the part's parameters and the build arguments of its kind."""
    summary: str
    """One line for ``ftbench plugins``."""
    parameters: type[Parameters] = Parameters
    licence: str = "MIT"
    """SPDX identifier of the code and of any weights that it brings."""
    reference: str = ""
    """Where the method comes from: a paper, a page."""
    objection: str = ""
    """Lazy ``"module:function"``, asked while planning, with the parameters and: size and bits for encoders and
    decoders, size for simulators and metrics, nothing for data sets. It returns one sentence when the part
    cannot be used so, else None. Empty: nothing to object; distortions and codecs are not asked."""

    version: int | None = None
    """Raise it when the same parameters give other numbers: cells that used the part are then made anew, and others'
    results are told from yours. None counts as 1 in a part of ftbench; in anybody else's every change of its package
    is another part, as long as none is declared."""

    kind: Kind = field(init=False, default="encoder", repr=False)

    def __post_init__(self) -> None:
        _check_types(self)
        if not NAME.fullmatch(self.name):
            raise ValueError(f"the name {self.name!r} is not lower-case words joined by hyphens")
        for label in ("factory", "objection"):
            target = getattr(self, label)
            if (target or label == "factory") and not FACTORY.fullmatch(target):
                raise ValueError(f"{self.name}: {label} {target!r} is not of the form 'module:attribute'")
        if not self.summary or "\n" in self.summary:
            raise ValueError(f"{self.name}: summary must be one line")
        if not (isinstance(self.parameters, type) and issubclass(self.parameters, Parameters)):
            raise ValueError(f"{self.name}: parameters must be a subclass of ftbench.Parameters")
        for label in ("version", "max_batch", "max_bits", "people", "per_person"):
            most = getattr(self, label, None)
            if most is not None and most < 1:
                raise ValueError(f"{self.name}: {label} is {most}; give at least 1, or None")
        small = [size for size in getattr(self, "resolutions", ()) if size < 1]
        if small:
            raise ValueError(f"{self.name}: resolutions holds {small[0]}; give sides in pixels")

    def load(self) -> Callable[..., Any]:
        """Import the factory. Raises whatever the import raises."""
        return _resolve(self.factory)

    def object_to(self, parameters: Parameters, **build: Any) -> str | None:
        """One sentence why the part cannot be built with these arguments, or None."""
        if not self.objection:
            return None
        sentence: str | None = _resolve(self.objection)(**build, **dict(parameters))
        return sentence


@dataclass(frozen=True, kw_only=True)
class Encoder(Component):
    """Writes a code into a cover. Factory: ``(*, size, bits, **parameters) -> EncoderNetwork``."""

    trainable: bool = True
    resolutions: tuple[int, ...] = ()
    """Image sizes in pixels that it takes; empty: any that ``objection`` lets pass."""
    max_bits: int | None = None
    pairs_with: tuple[str, ...] = ()
    """Decoders that can read it; empty: any."""
    max_batch: int | None = None
    """Images that it takes at once; a larger batch is handed over in pieces. None: any number."""
    kind: Kind = field(init=False, default="encoder", repr=False)


@dataclass(frozen=True, kw_only=True)
class Decoder(Component):
    """Reads a code. Factory: ``(*, size, bits, **parameters) -> DecoderNetwork``."""

    trainable: bool = True
    differentiable: bool = True
    """False: no gradient reaches its image, so no encoder can be trained through it."""
    resolutions: tuple[int, ...] = ()
    max_batch: int | None = None
    kind: Kind = field(init=False, default="decoder", repr=False)


@dataclass(frozen=True, kw_only=True)
class Simulator(Component):
    """Applies a deepfake. Factory: ``(*, size, **parameters) -> SimulatorNetwork``."""

    differentiable: bool
    """False: training passes the gradient straight through."""
    trainable: bool
    """True: the object follows FittableSimulator; the harness fits it on the train split, then freezes it. Two
    parameters are read by the harness as well: ``seed`` names one of several trainings of a part, and ``trained_on``
    ("train" or "reserve") the people, so that a black-box twin has seen others."""
    needs: tuple[str, ...] = ()
    """Extra inputs by name: ``identity``, ``donor``, ``remarked``, ``averaged``, ``cover`` or ``known``. What each of
    them is stands in ``ftbench.contract.inputs``. ``Parameters.also_needs`` may name more."""
    people: int | None = None
    """Exactly how many people the data must show; None: any number."""
    per_person: int = 1
    """Images of each person that a batch of its fit shows at least, where a person has as many."""
    deterministic: bool = True
    """The same image gives the same fake, bit for bit. False: it draws from torch's global generator, which the
    harness seeds before every batch."""
    studies_batches: bool = False
    """True: its ``study`` is quick, so that a training may meet it. Each step it studies the images of the step that
    others attack."""
    loss_tells: str = ""
    """What the loss of its fit on val is, where readers of tables should know: ``of this so much on val``."""
    resolutions: tuple[int, ...] = ()
    max_batch: int | None = None
    kind: Kind = field(init=False, default="simulator", repr=False)

    def under(self, parameters: Parameters) -> Simulator:
        """This record, its ``needs`` with what the parameters ask for besides."""
        also = parameters.also_needs()
        return replace(self, needs=tuple(dict.fromkeys((*self.needs, *also)))) if also else self


@dataclass(frozen=True, kw_only=True)
class Distortion(Component):
    """Damages an image as the internet does. Factory: ``(**parameters) -> DistortionFunction``."""

    differentiable: bool
    category: Literal["none", "compression", "noise", "blur", "colour", "geometry", "erasure", "chain"]
    strength: str = ""
    """The parameter that a strength grid varies; empty for a distortion without one."""
    kind: Kind = field(init=False, default="distortion", repr=False)


@dataclass(frozen=True, kw_only=True)
class Codec(Component):
    """A channel code. Factory: ``(*, bits, **parameters) -> ChannelCode``."""

    length: Callable[[int, Any], int]
    """``length(k, parameters) -> n``; raises ValueError with a sentence when no such code exists."""
    trainable: bool = False
    """True: the object follows FittableCode; the harness fits it before any pair is trained, then freezes it."""
    randomised: bool = False
    """True: the object follows RandomisedCode; a payload has many codes."""
    kind: Kind = field(init=False, default="codec", repr=False)


@dataclass(frozen=True, kw_only=True)
class Dataset(Component):
    """Covers. Factory: ``(**parameters) -> ImageSource``."""

    kind: Kind = field(init=False, default="dataset", repr=False)


@dataclass(frozen=True, kw_only=True)
class Metric(Component):
    """Image quality. Factory: ``(**parameters) -> QualityMeasure``."""

    higher_is_better: bool
    unit: str = ""
    digits: int = 3
    """Decimals that a table prints."""
    least: float | None = None
    """The lowest value that there can be; None: none is stated. A value outside is a fault of the metric."""
    most: float | None = None
    """The highest."""
    kind: Kind = field(init=False, default="metric", repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.least is not None and self.most is not None and self.least >= self.most:
            raise ValueError(f"{self.name}: least is {self.least} and most {self.most}; least must be below most")

    @property
    def needs_file(self) -> bool:
        """True where a parameter without a default names a file of the user's."""
        return any(one.is_required() for one in self.parameters.model_fields.values() if "input-path" in one.metadata)


def _resolve(target: str) -> Callable[..., Any]:
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{target} is not callable")
    return found  # type: ignore[no-any-return]


def _check_types(record: Component) -> None:
    """Raise ValueError for a field of another type: what nobody checks now ends a run, or a listing, in a traceback."""
    record_type: Any = type(record)
    hints = _hints(record_type)
    for each in fields(record):
        value = getattr(record, each.name)
        # The parameters' class has a sentence of its own.
        if not each.init or each.name not in hints or each.name == "parameters":
            continue
        try:
            _adapter(hints[each.name]).validate_python(value, strict=True)
        except pydantic.ValidationError as error:
            who = f"{record.name}: " if isinstance(record.name, str) and each.name != "name" else ""
            fault = error.errors(include_url=False)[0]
            raise ValueError(f"{who}{each.name} is {value!r}: {fault['msg']}") from None


@functools.cache
def _hints(record_type: Any) -> dict[str, Any]:
    return typing.get_type_hints(record_type)


@functools.cache
def _adapter(hint: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(hint)
