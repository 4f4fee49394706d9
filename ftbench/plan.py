"""Benchmark -> cells, pure: parts looked up, parameters checked, every conflict found before anything runs.

fit a simulator -> train a pair against it -> evaluate the pair
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from ftbench.choice import NONE, Choice, Chosen, own_size, told_apart
from ftbench.components import Kind
from ftbench.conditions import OUR_PLAIN, distortion_grid, training_pool
from ftbench.config import Benchmark, Reference
from ftbench.conflicts import (
    check_labels,
    check_met,
    check_metrics,
    check_pair,
    check_simulators,
    code_length,
    marks_by,
)
from ftbench.plugins import package_digest
from ftbench.setting import Naming, Setting
from ftbench.yamlfile import KeyPath

CellKind = Literal["fit", "train", "evaluate"]
_COMMON = (
    *("augment.py", "components.py", "compute.py", "config.py", "critic.py", "data.py"),
    *("loop.py", "parallel.py", "pipeline.py", "randomness.py", "tensorfile.py", "terms.py", "train.py", "work.py"),
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
        inputs = [cell.identity for cell in self.inputs]
        if self.kind == "evaluate":
            # The pair under test, then what its tests need, in whatever order they are listed.
            inputs[1:] = sorted(inputs[1:])
        whole = {"kind": self.kind, "settings": self.settings, "inputs": inputs}
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
    shown: Mapping[str, int]
    """People in each split."""
    compute: Any


def people_needed(benchmark: Benchmark, choice: Choice) -> int | None:
    """How many people the benchmark's simulators need, or None when any number will do."""
    references = [
        *(
            (("matrix", "simulator", i, j), r)
            for i, group in enumerate(benchmark.matrix.simulator)
            for j, r in enumerate(group)
        ),
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


_Ranged = tuple[Chosen, dict[str, Any]]
"""A distortion of the training pool, with parameters that are fixed or (low, high)."""
_Couple = tuple[Chosen | None, Chosen | None, tuple[KeyPath, KeyPath]]
"""An encoder, a decoder, and where the file names them."""


class _Planner:
    def __init__(self, benchmark: Benchmark, choice: Choice, grounds: Grounds) -> None:
        self.benchmark, self.choice, self.grounds = benchmark, choice, grounds
        self.size = benchmark.dataset.size
        self.naming = Naming(benchmark)

    def evaluations(self) -> Iterator[Cell]:
        matrix, evaluate, choice = self.benchmark.matrix, self.benchmark.evaluate, self.choice
        couples = list(self._couples())
        [codecs] = told_apart(choice.parts("codec", matrix.codec, ("matrix", "codec")))
        tests = self._adapted(choice.parts("simulator", evaluate.simulators, ("evaluate", "simulators")))
        tests, *met = told_apart(tests, *self._groups())
        groups = [tuple(one for one in group if one) for group in met]
        check_simulators(choice, tests, ("evaluate", "simulators"), self.size, self.grounds.shown)
        pools = self._pools()
        grid = [one for one in told_apart(list(distortion_grid(choice, evaluate.distortions)))[0] if one]
        [metrics] = told_apart(choice.parts("metric", evaluate.metrics, ("evaluate", "metrics")))
        check_metrics(choice, metrics, self.size)
        check_labels(choice, "simulators", tests)
        check_labels(choice, "distortions", grid)
        parts = itertools.product(couples, enumerate(codecs), groups)
        rest = list(itertools.product(self.benchmark.message.bits, matrix.pool, matrix.loss, matrix.seed))
        fitting: set[tuple[tuple[KeyPath, KeyPath], int]] = set()
        for ((encoder, decoder, places), (c, codec), simulators), (bits, pool, loss, seed) in itertools.product(
            parts, rest
        ):
            if encoder is None or decoder is None or codec is None:
                continue
            code_bits = code_length(choice, codec, bits, ("matrix", "codec", c))
            if code_bits is None:
                continue
            if (places, code_bits) not in fitting:
                # Once, however many settings share them: a part may have to build a network to tell.
                fitting.add((places, code_bits))
                check_pair(choice, encoder, decoder, places, {"size": self.size, "bits": code_bits})
            setting = Setting(encoder, decoder, codec, simulators, bits, code_bits, pool, loss, seed)
            trained = self._train(setting, pools)
            others = [self._train(other, pools) for other in self._others(setting, tests, couples) if other != setting]
            for psnr in evaluate.psnr:
                yield self._evaluate(trained, others, psnr, tests, grid, [chosen for chosen in metrics if chosen])

    def _couples(self) -> Iterator[_Couple]:
        kinds: tuple[Kind, Kind] = ("encoder", "decoder")
        chosen: dict[Kind, dict[KeyPath, Chosen | None]] = {kind: {} for kind in kinds}
        listed: list[tuple[KeyPath, KeyPath]] = []
        for encoder, to_encoder, decoder, to_decoder in self.benchmark.matrix.couples():
            listed.append((("matrix", *to_encoder), ("matrix", *to_decoder)))
            for kind, reference, path in zip(kinds, (encoder, decoder), listed[-1], strict=True):
                if path not in chosen[kind]:
                    [chosen[kind][path]] = self._adapted([self.choice.part(kind, reference, path)])
        encoders, decoders = (
            dict(zip(parts, told_apart(list(parts.values()))[0], strict=True)) for parts in chosen.values()
        )
        for places in listed:
            yield encoders[places[0]], decoders[places[1]], places

    def _others(self, setting: Setting, tests: list[Chosen | None], couples: Sequence[_Couple]) -> Iterator[Setting]:
        """Pairs that mark once more in tests of a setting's pair, trained under the same setting."""
        for number, chosen in enumerate(tests):
            by = marks_by(chosen) if chosen else None
            if by is None:
                continue
            named = [(one, reader) for one, reader, _ in couples if one and reader and one.answers_to(by)]
            if len(named) == 1:
                [(encoder, decoder)] = named
                yield replace(setting, encoder=encoder, decoder=decoder)
            else:
                have = ", ".join(dict.fromkeys(one.called for one, _, _ in couples if one))
                self.choice.note(
                    ("evaluate", "simulators", number, "by"),
                    f"{len(named) or 'no'} pairs of the matrix mark with encoder {by!r}, and one must; there: {have}",
                )

    def _groups(self) -> Iterator[list[Chosen | None]]:
        for number, group in enumerate(self.benchmark.matrix.simulator):
            path = ("matrix", "simulator", number)
            chosen = self._adapted(self.choice.parts("simulator", group, path))
            check_simulators(self.choice, chosen, path, self.size, self.grounds.shown)
            check_met(self.choice, chosen, path)
            if len(group) > 1 and any(reference.name == NONE for reference in group):
                self.choice.note(path, "several simulators at once cannot hold none; leave it out of the inner list")
            yield chosen

    def _adapted(self, chosen: list[Chosen | None]) -> list[Chosen | None]:
        if self.benchmark.adapt == "none":
            return chosen
        return [part and self._at_own_size(part) for part in chosen]

    def _at_own_size(self, part: Chosen) -> Chosen:
        side = own_size(part.record, self.size)
        return part if side == self.size else replace(part, at=side)

    def _pools(self) -> dict[str, list[_Ranged]]:
        declared = list(training_pool(self.choice, self.benchmark.train.distortions))
        plain = list(training_pool(self.choice, [Reference(name=OUR_PLAIN)]))
        if "without" in self.benchmark.matrix.pool and not self.naming.has_pool:
            self.choice.note(
                ("matrix", "pool"), "train.distortions names nothing that could be left out; list distortions there"
            )
        return {"with": declared, "without": plain}

    def _fit_simulator(self, simulator: Chosen) -> Cell:
        return Cell(
            kind="fit",
            label=f"fit {simulator.label}",
            settings=self._settings("fit", simulator=simulator.identity, fit=self.benchmark.fit.model_dump()),
            parts={"simulator": simulator},
            inputs=(),
        )

    def _fit_code(self, codec: Chosen, bits: int) -> Cell:
        return Cell(
            kind="fit",
            label=f"fit {codec.label} of {bits} bits",
            # No image is seen: the same code serves every data set and size.
            settings={
                "codec": codec.identity,
                "bits": bits,
                "code": self.benchmark.code.model_dump(),
                "compute": asdict(self.grounds.compute),
                "harness": package_digest("ftbench", HARNESS_SOURCES["fit"]),
            },
            parts={"codec": codec},
            inputs=(),
        )

    def _train(self, setting: Setting, pools: Mapping[str, list[_Ranged]]) -> Cell:
        setting = setting.as_it_counts()
        simulators, loss, pool = setting.simulators, setting.loss, pools[setting.pool]
        return Cell(
            kind="train",
            label=self.naming.label(setting),
            settings=self._settings(
                "train",
                encoder=setting.encoder.identity,
                decoder=setting.decoder.identity,
                codec=setting.codec.identity,
                simulators=[simulator.identity for simulator in simulators],
                bits=setting.bits,
                code_bits=setting.code_bits,
                loss=loss.model_dump(exclude={"steps", "ramp"}),
                # None: no part of the pair learns, so nothing that the file says of training counts.
                train=self.benchmark.train.under(loss).model_dump(exclude={"distortions"}) if setting.learns else None,
                distortions=[[chosen.identity, ranged] for chosen, ranged in pool],
                seed=setting.seed,
            ),
            parts={
                "encoder": setting.encoder,
                "decoder": setting.decoder,
                "codec": setting.codec,
                "simulators": list(simulators),
                "pool": pool,
            },
            inputs=(
                *self._fits(simulators),
                *([self._fit_code(setting.codec, setting.bits)] if setting.codec.record.trainable else []),
            ),
            columns=self.naming.columns(setting),
        )

    def _evaluate(
        self,
        trained: Cell,
        others: list[Cell],
        psnr: float | Literal["own"],
        tests: list[Chosen | None],
        grid: list[Chosen],
        metrics: list[Chosen],
    ) -> Cell:
        chosen_quality = self.benchmark.evaluate.psnr != ["own"]
        at = "own" if psnr == "own" else f"{psnr:g}"
        return Cell(
            kind="evaluate",
            label=f"{trained.label} at {at} dB".replace("own dB", "own") if chosen_quality else trained.label,
            settings=self._settings(
                "evaluate",
                # Rows carry the labels, and random draws are seeded by them: in another order nothing is measured anew.
                simulators=sorted(([chosen.label, chosen.identity] for chosen in tests if chosen), key=_spelt),
                distortions=sorted(([chosen.label, chosen.identity] for chosen in grid), key=_spelt),
                metrics=sorted(([chosen.called, chosen.identity] for chosen in metrics), key=_spelt),
                evaluate=self.benchmark.evaluate.model_dump(include={"draws", "seed", "limit"}),
                psnr=psnr,
            ),
            parts={"simulators": tests, "distortions": grid, "metrics": metrics},
            inputs=(trained, *others, *self._fits(tests)),
            columns={**trained.columns, "at dB": at},
        )

    def _fits(self, simulators: Sequence[Chosen | None]) -> tuple[Cell, ...]:
        return tuple(self._fit_simulator(chosen) for chosen in simulators if chosen and chosen.record.trainable)

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


def _spelt(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _distinct(cells: list[Cell]) -> Iterator[Cell]:
    """The cells, each with a label of its own."""
    alike: defaultdict[str, set[str]] = defaultdict(set)
    for cell in cells:
        alike[cell.label].add(cell.identity)
    for cell in cells:
        yield replace(cell, label=f"{cell.label} ({cell.identity[:6]})") if len(alike[cell.label]) > 1 else cell


def _with_inputs(cell: Cell) -> Iterator[Cell]:
    for needed in cell.inputs:
        yield from _with_inputs(needed)
    yield cell
