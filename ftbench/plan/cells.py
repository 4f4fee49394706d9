"""The pieces of work that a benchmark is made of, typed by kind, and the plan that holds them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Benchmark, CodeSection, EvaluateSection, FitSection, TrainSection
from ftbench.contract.inputs import MARKS_MORE
from ftbench.machine.randomness import derive
from ftbench.plan.keys import AGAIN, cell_key, in_any_order
from ftbench.plan.part import ResolvedPart

FLIP = "flip"
"""The metric that ``evaluate.flip`` and ``target_flip`` hold images at."""
CellKind = Literal["fit", "train", "evaluate"]


@dataclass(frozen=True)
class Material:
    """What a benchmark's cells are made from beside their parts: images, and the way to compute."""

    data: str
    """Digest of the images, and of who is shown in which split."""
    people: tuple[str, ...]
    size: int
    """Side of the images, pixels."""
    compute: Any
    part: ResolvedPart | None = None
    """What opens or draws the images."""

    @cached_property
    def settings(self) -> dict[str, Any]:
        """As it stands in the key of a cell."""
        # What the part gives is in the digest, but for what a new version says is drawn or read differently.
        version = getattr(self.part.record, "version", None) if self.part else None
        return {
            "data": self.data,
            "people": list(self.people),
            "size": self.size,
            "compute": asdict(self.compute),
            **({} if version in (None, 1) else {"data_version": version}),
        }


@dataclass(frozen=True, kw_only=True)
class Cell(ABC):
    """One piece of work; equal keys give equal results."""

    kind: ClassVar[CellKind]
    label: str
    material: Material
    inputs: tuple[Cell, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    """What a table row says of it."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything that decides its result, as JSON: made of the fields."""

    @property
    @abstractmethod
    def parts(self) -> tuple[ResolvedPart, ...]:
        """Every part that it is made of, as often as it is used; its inputs' parts are theirs."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps of training; 0 for a pair of which nothing learns, 1 for an evaluation."""

    @cached_property
    def key(self) -> str:
        """64 hex digits of the settings and the inputs' keys; no file, path or release is in it."""
        return cell_key(self.kind, self.settings, [cell.key for cell in self.inputs])

    def fit_of(self, part: ResolvedPart) -> FitCell:
        """The input in which a trainable part was fitted."""
        return next(one for one in self.inputs if isinstance(one, FitCell) and one.part.key == part.key)

    def training_of(self, encoder: str) -> TrainCell:
        """The input in which a pair was trained whose encoder answers to a name."""
        return next(one for one in self.inputs if isinstance(one, TrainCell) and one.encoder.answers_to(encoder))


LATER: Mapping[str, Any] = {
    "accumulate": 1,
    "most_colour": None,
    "target_flip": None,
    "specific": 0.0,
    "same_code": 0.0,
    "start": None,
}
"""Settings that were not there from the beginning, with what stands for not asking for them."""


@dataclass(frozen=True, kw_only=True)
class FitCell(Cell):
    """A trainable simulator, or a learned code, fitted before any pair."""

    kind: ClassVar[CellKind] = "fit"
    part: ResolvedPart
    section: FitSection | CodeSection
    bits: int | None = None
    """Of the payload, for a code."""

    @property
    def seed(self) -> int:
        """Of all that is drawn in the fit: the same network with another ``seed`` parameter is another training."""
        return derive(self.section.seed, self.part.record.name, self.part.parameters.model_dump_json())

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Of a code without images: the same code serves every data set and size."""
        section = _section(self.section)
        if isinstance(self.section, FitSection):
            return {**self.material.settings, "simulator": self.part.key, "fit": section}
        return {"codec": self.part.key, "bits": self.bits, "code": section, "compute": asdict(self.material.compute)}

    @property
    def parts(self) -> tuple[ResolvedPart, ...]:
        """The one that is fitted."""
        return (self.part,)

    @property
    def steps(self) -> int:
        """Of the fit."""
        return self.section.steps


@dataclass(frozen=True)
class Start:
    """Weights that a training begins with."""

    file: Path
    digest: str
    """SHA-256 of the file."""


@dataclass(frozen=True, kw_only=True)
class TrainCell(Cell):
    """A pair, trained against simulators."""

    kind: ClassVar[CellKind] = "train"
    encoder: ResolvedPart
    decoder: ResolvedPart
    codec: ResolvedPart
    simulators: tuple[ResolvedPart, ...]
    pool: tuple[tuple[ResolvedPart, dict[str, Any]], ...]
    """Distortions, with parameters that are fixed or (low, high)."""
    bits: int
    code_bits: int
    loss: Loss
    section: TrainSection | None
    """None: no part of the pair learns, so nothing that the file says of training counts."""
    seed: int
    flip_part: ResolvedPart | None = None
    """The metric by which marked images are held at a FLIP; None: they are not."""
    start: Start | None = None

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Steps, ramp and same_code of the setting stand under ``train``."""
        return {
            **self.material.settings,
            "encoder": self.encoder.key,
            "decoder": self.decoder.key,
            "codec": self.codec.key,
            "simulators": [simulator.key for simulator in self.simulators],
            "bits": self.bits,
            "code_bits": self.code_bits,
            "loss": _section(self.loss, "steps", "ramp", "same_code"),
            "train": self.section and self._trained_so(self.section),
            "distortions": [[chosen.key, ranged] for chosen, ranged in self.pool],
            "seed": self.seed,
            **({"flip": self.flip_part.key} if self.flip_part else {}),
            **({"again": AGAIN} if any(MARKS_MORE & set(met.record.needs) for met in self.simulators) else {}),
        }

    def _trained_so(self, section: TrainSection) -> dict[str, Any]:
        said = _section(section, "distortions", "start") | ({"start": self.start.digest} if self.start else {})
        if self.flip_part is None:
            # As cells of before it came are.
            del said["curriculum"]["start_flip"]
        return said

    @property
    def parts(self) -> tuple[ResolvedPart, ...]:
        """The pair, its code, what it meets, and what it is held by."""
        met = (*self.simulators, *(chosen for chosen, _ in self.pool))
        return (self.encoder, self.decoder, self.codec, *met, *([self.flip_part] if self.flip_part else []))

    @property
    def steps(self) -> int:
        """Of the training."""
        return self.section.steps if self.section else 0


@dataclass(frozen=True, kw_only=True)
class EvaluateCell(Cell):
    """A trained pair under test; ``inputs`` are its training, and what the tests need besides."""

    kind: ClassVar[CellKind] = "evaluate"
    simulators: tuple[ResolvedPart, ...]
    distortions: tuple[ResolvedPart, ...]
    metrics: tuple[ResolvedPart, ...]
    section: EvaluateSection
    psnr: float | Literal["own"]
    flip: float | None = None
    """What marked images are held at in place of a PSNR; None: as ``psnr`` says."""

    @property
    def flip_part(self) -> ResolvedPart:
        """The metric that says how far apart images are for an eye; planning sees that it is there."""
        return next(chosen for chosen in self.metrics if chosen.record.name == FLIP)

    @property
    def trained(self) -> TrainCell:
        """The pair under test."""
        first = self.inputs[0]
        assert isinstance(first, TrainCell)
        return first

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Rows carry labels, and random draws are seeded by them: in another order nothing is measured anew."""
        return {
            **self.material.settings,
            "simulators": _in_any_order([chosen.label, chosen] for chosen in self.simulators),
            "distortions": _in_any_order([chosen.label, chosen] for chosen in self.distortions),
            "metrics": _in_any_order([chosen.called, chosen] for chosen in self.metrics),
            "evaluate": self.section.model_dump(include={"draws", "seed", "limit"})
            # Named only where it is asked for: cells of before it came are what they were.
            | ({"quality_after": True} if self.section.quality_after else {})
            | ({"split": "val"} if self.section.split == "val" else {}),
            "psnr": self.psnr,
            **({} if self.flip is None else {"flip": self.flip}),
        }

    @property
    def parts(self) -> tuple[ResolvedPart, ...]:
        """What the pair is tested with."""
        return (*self.simulators, *self.distortions, *self.metrics)

    @property
    def steps(self) -> int:
        """One."""
        return 1

    @property
    def simulator_labels(self) -> list[str]:
        """The simulators as rows name them: with parameters only where the name alone would be ambiguous."""
        called = [chosen.called for chosen in self.simulators]
        return [one.label if called.count(one.called) > 1 else one.title for one in self.simulators]


@dataclass(frozen=True)
class Plan:
    """A benchmark's cells, inputs before what needs them."""

    benchmark: Benchmark
    cells: tuple[Cell, ...]

    @property
    def fits(self) -> tuple[FitCell, ...]:
        """What is fitted before any pair."""
        return tuple(cell for cell in self.cells if isinstance(cell, FitCell))

    @property
    def trainings(self) -> tuple[TrainCell, ...]:
        """One a pair."""
        return tuple(cell for cell in self.cells if isinstance(cell, TrainCell))

    @property
    def evaluations(self) -> tuple[EvaluateCell, ...]:
        """One a row of the tables."""
        return tuple(cell for cell in self.cells if isinstance(cell, EvaluateCell))


def _in_any_order(named: Iterable[list[Any]]) -> list[list[Any]]:
    return [[label, part.key] for label, part in in_any_order(named, lambda part: part.key_text)]


def _section(section: BaseModel, *without: str) -> dict[str, Any]:
    """What a file says of a training, as it stands in a key."""
    said = section.model_dump(exclude=set(without))
    # Named only where they are asked for: cells of before they came are what they were.
    return {name: value for name, value in said.items() if name not in LATER or value != LATER[name]}


def chosen_parts(cells: Iterable[Cell]) -> list[ResolvedPart]:
    """Every chosen part of some cells, as often as it is used."""
    return [part for cell in cells for part in cell.parts]
