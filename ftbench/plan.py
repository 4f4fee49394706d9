"""Benchmark -> cells, pure: parts looked up, parameters checked, every conflict found before anything runs.

fit a simulator -> train a pair against it -> evaluate the pair
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, cast

from ftbench.choice import NONE, Choice, Chosen
from ftbench.components import Codec, Encoder, Simulator
from ftbench.config import Benchmark, Loss, Reference
from ftbench.plugins import package_digest
from ftbench.yamlfile import KeyPath

CellKind = Literal["fit", "train", "evaluate"]
KNOWN_INPUTS = ("identity",)
PLAIN = "identity"
"""The distortion that does nothing."""
_COMMON = (
    *("augment.py", "components.py", "compute.py", "config.py", "data.py"),
    *("loop.py", "pipeline.py", "randomness.py", "train.py", "work.py"),
)
HARNESS_SOURCES: dict[CellKind, tuple[str, ...]] = {
    "fit": (*_COMMON, "fit.py"),
    "train": (*_COMMON, "pool.py"),
    "evaluate": (*_COMMON, "evaluate.py"),
}
"""The harness's own files that a cell's numbers come out of: another source is another cell."""


@dataclass(frozen=True)
class Cell:
    """One piece of work; equal identities give equal results."""

    kind: CellKind
    label: str
    settings: Mapping[str, Any]
    """Everything that decides its result, as JSON."""
    parts: Mapping[str, Any]
    """The chosen parts by role, to build objects from."""
    inputs: tuple[Cell, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    """What a table row says of it."""

    @cached_property
    def identity(self) -> str:
        """Hash of settings, parts' sources and the inputs' identities."""
        whole = {
            "kind": self.kind,
            "settings": self.settings,
            "inputs": [cell.identity for cell in self.inputs],
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """A benchmark's cells, inputs before what needs them."""

    benchmark: Benchmark
    cells: tuple[Cell, ...]

    @property
    def evaluations(self) -> tuple[Cell, ...]:
        """One a row of the tables."""
        return tuple(cell for cell in self.cells if cell.kind == "evaluate")


@dataclass(frozen=True)
class Grounds:
    """What planning needs to know of the world: data and compute, both settled."""

    data_digest: str
    data_source: str
    """Digest of the sources of the part that opens and draws the images."""
    people: tuple[str, ...]
    compute: Any


def people_needed(benchmark: Benchmark, choice: Choice) -> int | None:
    """How many people the benchmark's simulators need, or None when any number will do."""
    references = [
        *((("matrix", "simulator", i), r) for i, r in enumerate(benchmark.matrix.simulator)),
        *((("evaluate", "simulators", i), r) for i, r in enumerate(benchmark.evaluate.simulators)),
    ]
    needs: dict[int, str] = {}
    for path, reference in references:
        chosen = None if reference.name == NONE else choice.part("simulator", reference, path)
        if chosen and chosen.record.people is not None:
            needs[chosen.record.people] = chosen.record.name
            if len(needs) > 1:
                who = ", ".join(f"{name} {number}" for number, name in needs.items())
                choice.note(path, f"simulators need different numbers of people: {who}")
    choice.settle()
    return next(iter(needs), None)


def chosen_parts(cells: Sequence[Cell]) -> list[Chosen]:
    """Every chosen part of some cells, as often as it is used."""
    held = [
        entry
        for cell in cells
        for role in cell.parts.values()
        for entry in (role if isinstance(role, list) else [role])
    ]
    parts = (entry[0] if isinstance(entry, tuple) else entry for entry in held)
    return [part for part in parts if isinstance(part, Chosen)]


def make_plan(benchmark: Benchmark, choice: Choice, grounds: Grounds) -> Plan:
    """Every cell of the benchmark; raises BadInput that names every conflict."""
    planner = _Planner(benchmark, choice, grounds)
    cells: dict[str, Cell] = {}
    for evaluation in _distinct(list(planner.evaluations())):
        for cell in _with_inputs(evaluation):
            cells.setdefault(cell.identity, cell)
    choice.settle()
    order = sorted(cells.values(), key=lambda cell: ("fit", "train", "evaluate").index(cell.kind))
    return Plan(benchmark, tuple(order))


class _Planner:
    def __init__(self, benchmark: Benchmark, choice: Choice, grounds: Grounds) -> None:
        self.benchmark, self.choice, self.grounds = benchmark, choice, grounds
        self.size = benchmark.dataset.size

    def evaluations(self) -> Iterator[Cell]:
        matrix, choice = self.benchmark.matrix, self.choice
        encoders = choice.parts("encoder", matrix.encoder, ("matrix", "encoder"))
        decoders = choice.parts("decoder", matrix.decoder, ("matrix", "decoder"))
        codecs = choice.parts("codec", matrix.codec, ("matrix", "codec"))
        simulators = choice.parts("simulator", matrix.simulator, ("matrix", "simulator"))
        for number, simulator in enumerate(simulators):
            self._check_simulator(simulator, ("matrix", "simulator", number))
        tests = choice.parts("simulator", self.benchmark.evaluate.simulators, ("evaluate", "simulators"))
        for number, simulator in enumerate(tests):
            self._check_simulator(simulator, ("evaluate", "simulators", number))
        pool = list(self._pool())
        grid = list(self._grid())
        metrics = choice.parts("metric", self.benchmark.evaluate.metrics, ("evaluate", "metrics"))
        self._check_metrics(metrics)
        self._check_labels("simulators", tests)
        self._check_labels("distortions", grid)
        axes = itertools.product(
            enumerate(encoders),
            enumerate(decoders),
            enumerate(codecs),
            enumerate(simulators),
            matrix.loss,
            matrix.seed,
        )
        for (e, encoder), (d, decoder), (c, codec), (_, simulator), loss, seed in axes:
            if encoder is None or decoder is None or codec is None:
                continue
            code_bits = self._code_bits(codec, ("matrix", "codec", c))
            if code_bits is None:
                continue
            self._check_pair(encoder, decoder, code_bits, e, d)
            trained = self._train(encoder, decoder, codec, code_bits, simulator, pool, loss, seed)
            yield self._evaluate(trained, tests, grid, [chosen for chosen in metrics if chosen])

    def _fit(self, simulator: Chosen) -> Cell:
        return Cell(
            kind="fit",
            label=f"fit {simulator.label}",
            settings=self._settings("fit", simulator=simulator.identity, fit=self.benchmark.fit.model_dump()),
            parts={"simulator": simulator},
            inputs=(),
        )

    def _train(
        self,
        encoder: Chosen,
        decoder: Chosen,
        codec: Chosen,
        code_bits: int,
        simulator: Chosen | None,
        pool: list[tuple[Chosen, dict[str, Any]]],
        loss: Loss,
        seed: int,
    ) -> Cell:
        columns = {
            "encoder": _told_apart(encoder, self.benchmark.matrix.encoder),
            "decoder": _told_apart(decoder, self.benchmark.matrix.decoder),
            "codec": codec.label,
            "trained against": _told_apart(simulator, self.benchmark.matrix.simulator) if simulator else NONE,
            "λ": f"{loss.message:g}",
            "α": f"{loss.image:g}",
            "seed": str(seed),
        }
        return Cell(
            kind="train",
            label=self._label(columns),
            settings=self._settings(
                "train",
                encoder=encoder.identity,
                decoder=decoder.identity,
                codec=codec.identity,
                simulator=simulator.identity if simulator else None,
                bits=self.benchmark.message.bits,
                code_bits=code_bits,
                loss=loss.model_dump(),
                train=self.benchmark.train.model_dump(exclude={"distortions"}),
                distortions=[[chosen.identity, ranged] for chosen, ranged in pool],
                seed=seed,
            ),
            parts={
                "encoder": encoder,
                "decoder": decoder,
                "codec": codec,
                "simulator": simulator,
                "pool": pool,
            },
            inputs=self._fits([simulator]),
            columns=columns,
        )

    def _evaluate(self, trained: Cell, tests: list[Chosen | None], grid: list[Chosen], metrics: list[Chosen]) -> Cell:
        return Cell(
            kind="evaluate",
            label=trained.label,
            settings=self._settings(
                "evaluate",
                # Rows carry the labels, and random distortions are seeded by them.
                simulators=[[chosen.label, chosen.identity] if chosen else None for chosen in tests],
                distortions=[[chosen.label, chosen.identity] for chosen in grid],
                metrics=[chosen.identity for chosen in metrics],
                evaluate=self.benchmark.evaluate.model_dump(include={"draws", "seed", "limit"}),
            ),
            parts={"simulators": tests, "distortions": grid, "metrics": metrics},
            inputs=(trained, *self._fits(tests)),
            columns=trained.columns,
        )

    def _fits(self, simulators: list[Chosen | None]) -> tuple[Cell, ...]:
        return tuple(self._fit(chosen) for chosen in simulators if chosen and chosen.record.trainable)

    def _settings(self, kind: CellKind, **more: Any) -> dict[str, Any]:
        return {
            "data": self.grounds.data_digest,
            "data_source": self.grounds.data_source,
            "people": list(self.grounds.people),
            "size": self.size,
            "compute": asdict(self.grounds.compute),
            "harness": package_digest("ftbench", HARNESS_SOURCES[kind]),
            **more,
        }

    def _label(self, columns: Mapping[str, str]) -> str:
        matrix = self.benchmark.matrix
        many: dict[str, Sequence[object]] = {
            "encoder": matrix.encoder,
            "decoder": matrix.decoder,
            "codec": matrix.codec,
            "trained against": matrix.simulator,
            "seed": matrix.seed,
        }
        parts = [columns[name] for name in ("encoder", "decoder", "codec", "trained against") if len(many[name]) > 1]
        parts.append(f"λ={columns['λ']} α={columns['α']}")
        if len(matrix.seed) > 1:
            parts.append(f"seed {columns['seed']}")
        return " ".join(parts)

    def _grid(self) -> Iterator[Chosen]:
        """The distortions of the evaluation, every strength on its own."""
        references = self.benchmark.evaluate.distortions
        if not any(reference.name == PLAIN for reference in references):
            # The main table and the control are read without any distortion.
            chosen = self.choice.part("distortion", Reference(name=PLAIN), ("evaluate", "distortions"))
            yield from [chosen] if chosen else []
        for index, reference in enumerate(references):
            given = reference.parameters
            for key, value in given.items():
                if value == []:
                    self.choice.note(("evaluate", "distortions", index, key), "the grid is empty; list its strengths")
            values = [value if isinstance(value, list) else [value] for value in given.values()]
            for combination in itertools.product(*values):
                single = Reference.model_validate(
                    {"name": reference.name, **dict(zip(given, combination, strict=True))}
                )
                chosen = self.choice.part("distortion", single, ("evaluate", "distortions", index))
                if chosen:
                    yield chosen

    def _pool(self) -> Iterator[tuple[Chosen, dict[str, Any]]]:
        """The distortions of the training, with ranges as (low, high)."""
        for index, reference in enumerate(self.benchmark.train.distortions):
            path = ("train", "distortions", index)
            given = reference.parameters
            ends: list[Chosen | None] = []
            for end in (0, 1):
                single = {key: value[end] if _is_range(value) else value for key, value in given.items()}
                one = Reference.model_validate({"name": reference.name, **single})
                ends.append(self.choice.part("distortion", one, path))
            low, high = ends
            if low is None or high is None:
                continue
            self._check_between(reference, path)
            ranged = {
                key: (getattr(low.parameters, key), getattr(high.parameters, key))
                if _is_range(given.get(key))
                else value
                for key, value in dict(low.parameters).items()
            }
            yield low, ranged

    def _check_between(self, reference: Reference, path: KeyPath) -> None:
        """Every whole number that a range may draw must be one that the part takes."""
        for key, value in reference.parameters.items():
            if not _is_range(value):
                continue
            low, high = value
            if low > high:
                self.choice.note((*path, key), f"the range [{low}, {high}] runs backwards; write the lower end first")
            elif isinstance(low, int) and isinstance(high, int):
                for drawn in range(low + 1, min(high, low + 1000)):
                    problems = len(self.choice.problems)
                    changed = {**reference.parameters, key: drawn}
                    single = {name: item[0] if _is_range(item) else item for name, item in changed.items()}
                    one = Reference.model_validate({"name": reference.name, **single})
                    self.choice.part("distortion", one, path)
                    if len(self.choice.problems) > problems:
                        return

    def _check_metrics(self, metrics: list[Chosen | None]) -> None:
        names = [chosen.record.name for chosen in metrics if chosen]
        for index, chosen in enumerate(metrics):
            if chosen is None:
                continue
            path = ("evaluate", "metrics", index)
            if names.count(chosen.record.name) > 1:
                self.choice.note(path, f"metric {chosen.record.name!r} is named more than once")
            sentence = chosen.record.object_to(chosen.parameters, size=self.size)
            if sentence:
                self.choice.note(path, sentence)

    def _check_labels(self, axis: str, chosen: Sequence[Chosen | None]) -> None:
        labels = [part.label for part in chosen if part]
        for label in dict.fromkeys(labels):
            if labels.count(label) > 1:
                self.choice.note(("evaluate", axis), f"{label!r} is named more than once; name it once")

    def _code_bits(self, codec: Chosen, path: KeyPath) -> int | None:
        record = cast(Codec, codec.record)
        try:
            return record.length(self.benchmark.message.bits, codec.parameters)
        except ValueError as error:
            self.choice.note(path, str(error))
            return None

    def _check_simulator(self, chosen: Chosen | None, path: KeyPath) -> None:
        if chosen is None:
            return
        record = cast(Simulator, chosen.record)
        self._check_size(chosen, record.resolutions, path, {"size": self.size})
        for name in record.needs:
            if name not in KNOWN_INPUTS:
                known = ", ".join(KNOWN_INPUTS)
                self.choice.note(path, f"simulator {record.name!r} needs {name!r}; the harness gives: {known}")

    def _check_pair(self, encoder: Chosen, decoder: Chosen, code_bits: int, e: int, d: int) -> None:
        record = cast(Encoder, encoder.record)
        build = {"size": self.size, "bits": code_bits}
        self._check_size(encoder, record.resolutions, ("matrix", "encoder", e), build)
        self._check_size(decoder, decoder.record.resolutions, ("matrix", "decoder", d), build)
        if not (record.trainable or decoder.record.trainable):
            self.choice.note(
                ("matrix", "encoder", e),
                f"neither {record.name!r} nor {decoder.record.name!r} is trainable; this release trains every pair",
            )
        if record.max_bits is not None and code_bits > record.max_bits:
            self.choice.note(
                ("message", "bits"),
                f"the code has {code_bits} bits and encoder {record.name!r} carries {record.max_bits}",
            )
        if record.pairs_with and decoder.record.name not in record.pairs_with:
            self.choice.note(
                ("matrix", "decoder", d),
                f"encoder {record.name!r} is read by {', '.join(record.pairs_with)}, not {decoder.record.name!r}",
            )

    def _check_size(self, chosen: Chosen, resolutions: tuple[int, ...], path: KeyPath, build: dict[str, int]) -> None:
        if resolutions and self.size not in resolutions:
            takes = ", ".join(map(str, resolutions))
            self.choice.note(path, f"{chosen.record.name!r} takes {takes} px, and dataset.size is {self.size}")
        sentence = chosen.record.object_to(chosen.parameters, **build)
        if sentence:
            self.choice.note(path, sentence)


def _told_apart(chosen: Chosen, axis: Sequence[Reference]) -> str:
    """The name, with parameters where the axis names the part more than once."""
    named = [reference.name.partition("@")[0] for reference in axis]
    return chosen.label if named.count(chosen.record.name) > 1 else str(chosen.record.name)


def _distinct(cells: list[Cell]) -> Iterator[Cell]:
    """The cells, each with a label of its own."""
    for cell in cells:
        alike = {other.identity for other in cells if other.label == cell.label}
        yield replace(cell, label=f"{cell.label} ({cell.identity[:6]})") if len(alike) > 1 else cell


def _with_inputs(cell: Cell) -> Iterator[Cell]:
    for needed in cell.inputs:
        yield from _with_inputs(needed)
    yield cell


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2
