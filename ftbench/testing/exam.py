"""One part under examination: its parameters, its factory, and every call of its code watched."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor
from torch.utils._pytree import tree_map

from ftbench.contract.records import Component, Parameters, Simulator
from ftbench.errors import BadInput
from ftbench.testing import places
from ftbench.testing.finding import CannotExamine, Finding
from ftbench.testing.world import watched

SIZES = (64, 128, 32, 256, 224, 112, 96, 160, 48, 16, 512)
"""Sizes tried, in pixels, when a part objects to the one asked for."""
BITS = (32, 64, 16, 4, 128)
"""Lengths of code tried, when a part objects to the one asked for at every size."""
ODD_SIZES = (37, 50)
NETWORKS = ("encoder", "decoder", "simulator")


class Ended(Exception):
    """A promise was broken on which the rest of a group of checks stands."""


@dataclass
class Exam:
    """What is known of a part so far, and the tools of all checks."""

    record: Any
    parameters: Parameters
    size: int
    bits: int
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    factory: Callable[..., Any] | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        """Where the part's own sources lie."""
        return places.package_folders(self.record.factory.partition(":")[0])

    @property
    def where(self) -> str:
        """The factory's place."""
        module = self.record.factory.partition(":")[0]
        return (places.of_object(self.factory) if self.factory else "") or places.of_module(module)

    def broken(self, check: str, promised: str, happened: str, where: str = "") -> None:
        """Note a broken promise, once."""
        if not any((known.check, known.promised) == (check, promised) for known in self.findings):
            self.findings.append(Finding(check, promised, happened, where or self.where))

    def require(self, kept: bool, check: str, promised: str, happened: str, where: str = "") -> None:
        """Note a promise that was not kept, and end this group of checks."""
        if not kept:
            self.broken(check, promised, happened, where)
            raise Ended

    def found(self, *checks: str) -> bool:
        """Whether one of these checks has found something."""
        return any(finding.check in checks for finding in self.findings)

    def group(self, checks: Callable[..., Any], *arguments: Any) -> bool:
        """Make some checks; False if one of them ended the others."""
        try:
            checks(*arguments)
        except Ended:
            return False
        return True

    def run(
        self,
        check: str,
        promised: str,
        function: Callable[[], Any],
        torch_draws: bool = False,
        importing: bool = False,
    ) -> Any:
        """Run the part's code and note what it does to its surroundings; what it raises breaks the promise."""
        failure: BaseException | None = None
        result = None
        with watched(torch_draws, importing) as misdeeds:
            try:
                result = function()
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                failure = error
        for misdeed in misdeeds:
            self.broken(misdeed.check, misdeed.promised, f"{misdeed.happened} ({check})", misdeed.where)
        if failure is not None:
            self.broken(check, promised, places.sentence(failure), places.raised(failure, self.folders))
            raise Ended from failure
        return result

    def call(
        self, check: str, promised: str, function: Callable[..., Any], *arguments: Any, torch_draws: bool = False
    ) -> Any:
        """``run`` with arguments, none of which may have changed afterwards."""
        before = tree_map(lambda leaf: leaf.detach().clone() if isinstance(leaf, Tensor) else leaf, arguments)
        result = self.run(check, promised, lambda: function(*arguments), torch_draws)
        for old, new in zip(before, arguments, strict=True):
            if not _same(old, new):
                what = "image" if isinstance(new, Tensor) and new.ndim == 4 else "argument"
                self.broken("input", "its arguments left as they are", f"it changed its {what} in place ({check})")
        return result

    def build(self, check: str = "build", seed: int = 0, /, **build: Any) -> Any:
        """A new object from the factory, in ``eval()`` and laid out in memory as the harness does it."""
        assert self.factory is not None
        factory, told = self.factory, ", ".join(f"{key}={value}" for key, value in build.items())
        torch.manual_seed(seed)
        draws = self.record.kind in NETWORKS or getattr(self.record, "trainable", False)
        part = self.run(
            check,
            f"an object built with {told or 'these parameters'}",
            lambda: factory(**build, **dict(self.parameters)),
            draws,
        )
        if isinstance(part, torch.nn.Module):
            self.run(check, "a network that can be moved", lambda: part.eval().to(memory_format=torch.channels_last))
        elif self.record.kind in ("encoder", "decoder") or getattr(self.record, "trainable", False):
            self.require(False, check, "a torch.nn.Module", f"the factory made a {type(part).__name__}")
        return part

    def objection(self, **build: Any) -> str | None:
        """What the part has against these arguments; one that is not a sentence or None is a finding."""
        promised = "objection answers with one sentence or None"
        said = self.run("objection", promised, lambda: self.record.object_to(self.parameters, **build))
        sentence = said is None or (isinstance(said, str) and said.strip() and "\n" not in said)
        self.require(bool(sentence), "objection", promised, f"it answered {said!r}")
        return str(said) if said else None


def begin(record: Component, size: int, bits: int, given: Mapping[str, Any]) -> Exam:
    """Validate the parameters; raises CannotExamine when some are missing and BadInput when some do not fit."""
    try:
        parameters = record.parameters.model_validate(dict(given))
    except ValidationError as error:
        missing = [str(e["loc"][0]) for e in error.errors() if e["type"] == "missing" and len(e["loc"]) == 1]
        if missing and len(missing) == error.error_count():
            wanted = " ".join(f"--set {name}=…" for name in missing)
            raise CannotExamine(f"{record.kind} {record.name} needs {wanted}") from error
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadInput(f"{record.kind} {record.name}: {told}") from error
    most = getattr(record, "max_bits", None)
    record = record.under(parameters) if isinstance(record, Simulator) else record
    exam = Exam(record, parameters, size, bits if most is None else min(bits, most))
    if exam.bits != bits:
        exam.notes.append(f"examined with {exam.bits} bits, the most that it takes")
    return exam


def examine_surface(exam: Exam) -> bool:
    """The factory and the parameters, before anything is built; False if nothing can be."""
    exam.group(_check_parameters, exam)
    return exam.group(_check_factory, exam) and exam.group(_check_signature, exam)


def settle_size(exam: Exam) -> None:
    """Take another size, or other bits, when the part objects to those asked for.

    Raises CannotExamine with the part's own sentence when it objects to all that are tried.
    """
    resolutions: tuple[int, ...] = getattr(exam.record, "resolutions", ())
    sizes = resolutions or tuple(dict.fromkeys((exam.size, *SIZES)))
    by_bits = exam.record.kind in ("encoder", "decoder")
    refused: list[str] = []
    for bits in dict.fromkeys((exam.bits, *BITS)) if by_bits else (exam.bits,):
        for size in sizes:
            try:
                said = exam.objection(size=size, **({"bits": bits} if by_bits else {}))
            except Ended:
                # A broken objection must not keep the part from being tried.
                said = None
            if said is None:
                _settled(exam, size, bits)
                return
            refused.append(said)
    told = "; ".join(dict.fromkeys((refused[0], refused[len(sizes) - 1])))
    raise CannotExamine(f"{exam.record.kind} {exam.record.name} objects to all that was tried: {told}")


def _settled(exam: Exam, size: int, bits: int) -> None:
    if size != exam.size:
        exam.notes.append(f"examined at {size} px: it takes no images of {exam.size}")
    if bits != exam.bits:
        exam.notes.append(f"examined with {bits} bits: it takes no code of {exam.bits}")
    exam.size, exam.bits = size, bits


def build_arguments(exam: Exam, size: int) -> dict[str, int]:
    """What the factory of this kind is called with, beside parameters."""
    return {
        "encoder": {"size": size, "bits": exam.bits},
        "decoder": {"size": size, "bits": exam.bits},
        "simulator": {"size": size},
        "codec": {"bits": exam.bits},
    }.get(exam.record.kind, {})


def _check_parameters(exam: Exam) -> None:
    model, where = exam.record.parameters, places.of_object(exam.record.parameters)
    undeclared = "no_such_parameter"
    while undeclared in model.model_fields:
        undeclared += "_"
    try:
        model.model_validate({**dict(exam.parameters), undeclared: 1})
    except ValidationError:
        pass
    else:
        exam.broken("parameters", "undeclared parameters refused", f"{undeclared}=1 was accepted", where)
    promised = "parameters that a benchmark file can write and a manifest can keep"
    try:
        model.model_json_schema()
        text = json.dumps(exam.parameters.model_dump(mode="json"), allow_nan=False)
    # Any exception: validators and serialisers are the part's own code.
    except Exception as error:
        exam.broken("parameters", promised, f"as JSON: {places.sentence(error)}", where)
        return
    try:
        again = model.model_validate(json.loads(text))
    except Exception as error:
        exam.broken("parameters", promised, f"read back from JSON: {places.sentence(error)}", where)
        return
    if again != exam.parameters:
        exam.broken("parameters", promised, f"{text[:120]} read back is something else", where)


def _check_factory(exam: Exam) -> None:
    target = exam.record.factory
    exam.factory = exam.run("factory", f"{target!r} names something callable", exam.record.load, True, True)


def _check_signature(exam: Exam) -> None:
    assert exam.factory is not None
    build = build_arguments(exam, exam.size)
    twice = sorted(build.keys() & exam.record.parameters.model_fields.keys())
    promised = f"parameters beside {', '.join(build)}, which the harness gives to every {exam.record.kind}"
    exam.require(not twice, "parameters", promised, f"it declares {', '.join(twice)} as its own")
    try:
        signature = inspect.signature(exam.factory)
    except (TypeError, ValueError):
        return
    arguments = {**build, **dict(exam.parameters)}
    try:
        signature.bind(**arguments)
    except TypeError as error:
        exam.require(
            False,
            "parameters",
            f"a factory that takes {', '.join(arguments) or 'no arguments'}, by name",
            f"its signature is {signature}: {error}",
        )


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, Tensor):
        kept = old.shape == new.shape and old.dtype == new.dtype
        return kept and torch.equal(torch.nan_to_num(old.detach()), torch.nan_to_num(new.detach()))
    if isinstance(old, Mapping):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    return True
