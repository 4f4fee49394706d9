"""Benchmark -> cells, pure: parts looked up, parameters checked, every conflict found before anything runs.

fit a simulator -> train a pair against it -> evaluate the pair
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

from ftbench.choice import NONE, Choice, Chosen
from ftbench.components import Codec, Encoder, Simulator
from ftbench.config import Benchmark, Loss, Reference
from ftbench.plugins import package_digest
from ftbench.yamlfile import KeyPath

CellKind = Literal["fit", "train", "evaluate"]
KNOWN_INPUTS = ("identity",)
_COMMON = ("augment.py", "components.py", "data.py", "pipeline.py", "randomness.py", "work.py")
HARNESS_SOURCES: dict[CellKind, tuple[str, ...]] = {
    "fit": (*_COMMON, "fit.py", "loop.py", "train.py"),
    "train": (*_COMMON, "loop.py", "pool.py", "train.py"),
    "evaluate": (*_COMMON, "evaluate.py", "train.py"),
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

    data_name: str
    data_digest: str
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


def make_plan(benchmark: Benchmark, choice: Choice, grounds: Grounds) -> Plan:
    """Every cell of the benchmark; raises BadInput that names every conflict."""
    planner = _Planner(benchmark, choice, grounds)
    cells: dict[str, Cell] = {}
    for evaluation in planner.evaluations():
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
        choice.settle()
        axes = itertools.product(
            enumerate(encoders),
            enumerate(decoders),
            enumerate(codecs),
            enumerate(simulators),
            matrix.loss,
            matrix.seed,
        )
        for (e, encoder), (d, decoder), (c, codec), (_, simulator), loss, seed in axes:
            assert encoder is not None
            assert decoder is not None
            assert codec is not None
            code_bits = self._code_bits(codec, ("matrix", "codec", c))
            if code_bits is None:
                continue
            self._check_pair(encoder, decoder, code_bits, e, d)
            trained = self._train(encoder, decoder, codec, code_bits, simulator, pool, loss, seed)
            yield self._evaluate(trained, tests, grid, cast(list[Chosen], metrics))

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
            "encoder": encoder.record.name,
            "decoder": decoder.record.name,
            "codec": codec.label,
            "trained against": simulator.record.name if simulator else NONE,
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
                simulators=[chosen.identity if chosen else None for chosen in tests],
                distortions=[chosen.identity for chosen in grid],
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
        for index, reference in enumerate(self.benchmark.evaluate.distortions):
            given = reference.parameters
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
            ranged = {
                key: (getattr(low.parameters, key), getattr(high.parameters, key))
                if _is_range(given.get(key))
                else value
                for key, value in dict(low.parameters).items()
            }
            yield low, ranged

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


def _with_inputs(cell: Cell) -> Iterator[Cell]:
    for needed in cell.inputs:
        yield from _with_inputs(needed)
    yield cell


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2
