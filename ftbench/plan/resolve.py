"""From a name in a benchmark file to a part with checked parameters, and every problem on the way with its place."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ftbench.benchfile.document import Document, KeyPath
from ftbench.benchfile.explain import explain
from ftbench.benchfile.reference import Reference
from ftbench.contract.records import Kind
from ftbench.errors import BadInput, FtbenchError, told
from ftbench.machine.calltime import limited
from ftbench.parts.catalogue import BUILT_IN, Plugins, Provided
from ftbench.parts.isolation import exit_raises
from ftbench.parts.surroundings import Surroundings
from ftbench.plan.cells import Start
from ftbench.plan.part import ResolvedPart, input_paths

Answer = TypeVar("Answer")
LONGEST_SAID = 60
"""Letters of a wrong name that a message repeats."""
NONE = "none"
"""Stands for no simulator."""


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


def objection_of(chosen: ResolvedPart, build: Mapping[str, int]) -> str | None:
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
class Resolver:
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

    def part(self, kind: Kind, reference: Reference, path: KeyPath) -> ResolvedPart | None:
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
        return ResolvedPart(provided, parameters, reference.parameters)

    def parts(self, kind: Kind, references: Iterable[Reference], path: KeyPath) -> list[ResolvedPart | None]:
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

    def start(self, named: str, path: KeyPath) -> Start | None:
        """The file of weights that a training begins with, or None after noting why there is none."""
        try:
            file = Path(self._absolute("start", named))
            return Start(file, hashlib.sha256(file.read_bytes()).hexdigest())
        except BadInput as error:
            self.note(path, str(error))
        except OSError as error:
            self.note(
                path,
                f"the weights {named!r} cannot be read ({error.strerror or error}); paths start from the benchmark "
                "file's folder",
            )
        return None

    def note(self, path: KeyPath, sentence: str) -> None:
        """Remember a problem and its place."""
        dotted = ".".join(str(step) for step in path)
        self.problems.append(f"{self.document.place(path)}, {dotted}: {sentence}")

    def settle(self) -> None:
        """Raise BadInput with every problem noted."""
        if self.problems:
            raise BadInput("\n".join(dict.fromkeys(self.problems)))


def told_apart(*lists: Sequence[ResolvedPart | None]) -> list[list[ResolvedPart | None]]:
    """The lists, with parts of one name from several distributions called by both wherever they stand."""
    brought: defaultdict[str, set[str]] = defaultdict(set)
    for chosen in (one for some in lists for one in some if one):
        brought[chosen.record.name].add(chosen.provided.distribution)
    return [
        [replace(one, beside=True) if one and len(brought[one.record.name]) > 1 else one for one in some]
        for some in lists
    ]


def own_size(record: Any, size: int) -> int:
    """The side of the images that a part is handed where others are ``size`` px: the smallest that loses nothing."""
    taken: list[int] = sorted(getattr(record, "resolutions", ()))
    if not taken or size in taken:
        return size
    return next((side for side in taken if side > size), taken[-1])
