"""A part with its parameters: what cells are made of, and what of it the harness reads itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ftbench.contract.inputs import STUDIES
from ftbench.contract.records import Distortion, Metric, Parameters
from ftbench.plan.keys import as_json, declared, part_key

if TYPE_CHECKING:
    from ftbench.parts.catalogue import Provided


@dataclass(frozen=True)
class ResolvedPart:
    """A part with the parameters that a benchmark gives it."""

    provided: Provided
    parameters: Parameters
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the benchmark file says, for labels."""
    at: int | None = None
    """Side in pixels that its images are resized to, where a benchmark adapts it; None: it takes them as they are."""
    beside: bool = False
    """Whether a part of the same name, from another distribution, stands beside it in the benchmark."""

    @property
    def record(self) -> Any:
        """The part's record."""
        return self.provided.record

    @property
    def called(self) -> str:
        """``jpeg``, or ``jpeg@my-parts`` where the name alone would not tell it apart."""
        return f"{self.record.name}@{self.provided.distribution}" if self.beside else str(self.record.name)

    def answers_to(self, name: str) -> bool:
        """Whether a reference ``name`` or ``name@distribution`` means this part."""
        return name in (self.record.name, f"{self.record.name}@{self.provided.distribution}")

    @cached_property
    def label(self) -> str:
        """``jpeg quality=50``: the name and what the file says of it."""
        hidden = input_paths(type(self.parameters))
        given = (f"{key}={_plain(value)}" for key, value in self.given.items() if key not in hidden)
        return " ".join([self.called, *given, *self._adapted])

    @property
    def title(self) -> str:
        """The name alone, with the size where it works at another than its benchmark."""
        return " ".join([self.called, *self._adapted])

    @property
    def _adapted(self) -> list[str]:
        return [] if self.at is None else [f"at {self.at} px"]

    @cached_property
    def key(self) -> dict[str, Any]:
        """What makes it this part and no other, as it stands in the keys of cells."""
        provided = self.provided
        return part_key(
            self.record.name,
            _digested(self.parameters),
            distribution=provided.distribution,
            # Records that are older than the field declare none.
            version=getattr(self.record, "version", None),
            source=provided.source_digest,
            at=self.at,
        )

    @cached_property
    def key_text(self) -> str:
        """``key`` as JSON."""
        return as_json(self.key)

    @cached_property
    def declared(self) -> dict[str, Any]:
        """What its record tells the harness of how to use it: evidence beside its code."""
        return declared(self.record)

    @property
    def marks_by(self) -> str | None:
        """Of a simulator, the encoder whose pair marks once more: what its parameter ``by`` says; None: none."""
        return getattr(self.parameters, "by", None) if "remarked" in self.record.needs else None

    @property
    def known(self) -> tuple[int, bool] | None:
        """Of a simulator that knows an owner's pictures before and after marking: how many, and whether they are flat.

        None: it knows none, or does not say.
        """
        pairs = getattr(self.parameters, "pairs", None)
        if pairs is None or not {"averaged", STUDIES} & set(self.record.needs):
            return None
        return int(pairs), bool(getattr(self.parameters, "flat", False))

    @property
    def trained_on(self) -> str:
        """The split that a trainable simulator is fitted on: what its parameter ``trained_on`` says, or train."""
        return str(getattr(self.parameters, "trained_on", "train"))


def strength_of(chosen: ResolvedPart) -> float | None:
    """The number that a strength grid varies, or None for a distortion without one."""
    record = cast(Distortion, chosen.record)
    return float(getattr(chosen.parameters, record.strength)) if record.strength else None


def metric_record(chosen: ResolvedPart) -> Metric:
    """The record of a chosen metric."""
    return cast(Metric, chosen.record)


def _plain(value: Any) -> str:
    if (
        isinstance(value, list)
        and value
        and all(isinstance(item, str) or (isinstance(item, Mapping) and "name" in item) for item in value)
    ):
        return ">".join(map(_step, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _step(part: Any) -> str:
    """``jpeg(quality=50)``: a part inside a list of parts, without spaces, which would tell parameters apart."""
    given = {} if isinstance(part, str) else {key: value for key, value in part.items() if key != "name"}
    inside = ",".join(f"{key}={_plain(value)}" for key, value in given.items())
    return (part if isinstance(part, str) else str(part["name"])) + (f"({inside})" if inside else "")


def input_paths(parameters: type[Parameters]) -> list[str]:
    """The parameters that name files or folders of the user."""
    return [name for name, info in parameters.model_fields.items() if "input-path" in info.metadata]


def _digested(parameters: Parameters) -> dict[str, Any]:
    values = parameters.model_dump(mode="json")
    for name in input_paths(type(parameters)):
        file = Path(values[name])
        if values[name] and file.is_file():
            values[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return values
