"""From a name in a benchmark file to a part with checked parameters, and every problem on the way with its place."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from ftbench.calltime import limited
from ftbench.components import Distortion, Kind, Metric, Parameters
from ftbench.config import Reference
from ftbench.errors import BadInput, FtbenchError, told
from ftbench.explain import explain
from ftbench.isolation import exit_raises
from ftbench.plugins import BUILT_IN, Plugins, Provided
from ftbench.surroundings import Surroundings
from ftbench.yamlfile import Document, KeyPath

Answer = TypeVar("Answer")
LONGEST_SAID = 60
"""Letters of a wrong name that a message repeats."""
NONE = "none"
"""Stands for no simulator."""


@dataclass(frozen=True)
class Chosen:
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

    @property
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

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this part and no other."""
        return {
            "name": self.record.name,
            "distribution": self.provided.distribution,
            "version": self.provided.version,
            "source": self.provided.source_digest(),
            "parameters": _digested(self.parameters),
            **({} if self.at is None else {"at": self.at}),
        }


def answered(provided: Provided, ask: Callable[[], Answer]) -> Answer:
    """What a part's own code answers while a benchmark is planned; raises BadInput that names it when it fails."""
    before = Surroundings.now()
    try:
        with exit_raises():
            return ask()
    except (FtbenchError, ValidationError, KeyboardInterrupt):
        raise
    except BaseException as error:
        record = provided.record
        what = "called exit()" if isinstance(error, SystemExit) else f"raised {told(error)}"
        raise BadInput(
            f"{record.kind} {record.name!r} of {provided.distribution} {provided.version} {what} while the benchmark "
            "was planned; mend that distribution or name another part"
        ) from error
    finally:
        before.restored()


def objection_of(chosen: Chosen, build: Mapping[str, int]) -> str | None:
    """Why a part cannot be used with these build arguments, or None; that it failed to tell is a reason too."""

    def ask() -> str | None:
        with limited("its objection"):
            sentence: Any = chosen.record.object_to(chosen.parameters, **build)
        if sentence is None or isinstance(sentence, str):
            return sentence
        raise TypeError(f"{chosen.record.objection} gave {sentence!r} where a sentence or None was due")

    try:
        return answered(chosen.provided, ask)
    except BadInput as error:
        return str(error)


@dataclass
class Choice:
    """Turns references into chosen parts and collects what is wrong with them, with its place."""

    plugins: Plugins
    document: Document
    home: Path
    """The benchmark file's folder, which its relative paths start from."""
    licences: Sequence[str]
    ours: bool = False
    """Whether the file is one that the package brings: its names mean the package's own parts."""
    problems: list[str] = field(default_factory=list)
    said: dict[str, None] = field(default_factory=dict)
    """What the user should know although nothing is wrong, each sentence once, in order."""

    def find(self, kind: Kind, name: str, path: KeyPath) -> Provided:
        """The part that a name at ``path`` means; raises BadInput where it is not to be told which.

        What the harness itself names, as a default or in a benchmark file of the package, is the built-in part
        whatever else is installed.
        """
        written = path[:2] in self.document.places
        found = self.plugins.find(kind, name, built_in_wins=self.ours or not written)
        others = [p.distribution for p in self.plugins.of(kind) if p.record.name == name and p is not found]
        if others and self.ours and written and found.distribution == BUILT_IN:
            names = " or ".join(f"{name}@{other}" for other in others)
            self.said.setdefault(f"{kind} {name!r} is ftbench's own here; {names} has to be named so")
        return found

    def part(self, kind: Kind, reference: Reference, path: KeyPath) -> Chosen | None:
        """The part that a reference names, or None after noting why not."""
        try:
            provided = self.find(kind, reference.name, path)
        except BadInput as error:
            self.note(path, str(error))
            return None
        record = provided.record
        if record.licence not in self.licences:
            self.note(
                path,
                f"{kind} {record.name!r} has licence {record.licence}, which accept_licences does not list",
            )
        try:
            given = self.located(record, reference.parameters)
            parameters = answered(provided, lambda: record.parameters.model_validate(given))
        except BadInput as error:
            self.note(path, str(error))
            return None
        except ValidationError as error:
            self.problems.append(explain(error, self.document, record.parameters, path))
            return None
        for name in input_paths(record.parameters) if kind != "dataset" else ():
            file = Path(getattr(parameters, name))
            if getattr(parameters, name) and not file.is_file():
                self.note(
                    (*path, name), f"there is no file {file.name!r}; paths start from the benchmark file's folder"
                )
        return Chosen(provided, parameters, reference.parameters)

    def parts(self, kind: Kind, references: Iterable[Reference], path: KeyPath) -> list[Chosen | None]:
        """One entry a reference; ``none`` stands for no part where the kind is a simulator."""
        return [
            None if kind == "simulator" and reference.name == NONE else self.part(kind, reference, (*path, index))
            for index, reference in enumerate(references)
        ]

    def located(self, record: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, with files named relative to the benchmark file's folder made absolute.

        Raises BadInput for a name that no file system takes.
        """
        paths = input_paths(record.parameters)
        return {
            key: self._absolute(key, value) if key in paths and value and isinstance(value, str) else value
            for key, value in given.items()
        }

    def _absolute(self, key: str, value: str) -> str:
        try:
            path = (self.home / Path(value).expanduser()).resolve()
            # A name that is too long, or holds what no name may, is known by asking for it.
            path.exists()
        except (OSError, ValueError, RuntimeError) as error:
            said = repr(value) if len(value) <= LONGEST_SAID else f"{value[: LONGEST_SAID - 1]!r}…"
            reason = getattr(error, "strerror", None) or error
            raise BadInput(f"{key} is {said}, which cannot be looked for ({reason}); name a file or folder") from error
        return str(path)

    def note(self, path: KeyPath, sentence: str) -> None:
        """Remember a problem and its place."""
        dotted = ".".join(str(step) for step in path)
        self.problems.append(f"{self.document.place(path)}, {dotted}: {sentence}")

    def settle(self) -> None:
        """Raise BadInput with every problem noted."""
        if self.problems:
            raise BadInput("\n".join(dict.fromkeys(self.problems)))


def told_apart(*lists: Sequence[Chosen | None]) -> list[list[Chosen | None]]:
    """The lists, with parts of one name from several distributions called by both wherever they stand."""
    brought: defaultdict[str, set[str]] = defaultdict(set)
    for chosen in (one for some in lists for one in some if one):
        brought[chosen.record.name].add(chosen.provided.distribution)
    return [
        [replace(one, beside=True) if one and len(brought[one.record.name]) > 1 else one for one in some]
        for some in lists
    ]


def strength_of(chosen: Chosen) -> float | None:
    """The number that a strength grid varies, or None for a distortion without one."""
    record = cast(Distortion, chosen.record)
    return float(getattr(chosen.parameters, record.strength)) if record.strength else None


def metric_record(chosen: Chosen) -> Metric:
    """The record of a chosen metric."""
    return cast(Metric, chosen.record)


def own_size(record: Any, size: int) -> int:
    """The side of the images that a part is handed where others are ``size`` px: the smallest that loses nothing."""
    taken: list[int] = sorted(getattr(record, "resolutions", ()))
    if not taken or size in taken:
        return size
    return next((side for side in taken if side > size), taken[-1])


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
