"""Benchmark -> cells, pure: parts looked up, parameters checked, every conflict found before anything runs.

fit a simulator -> train a pair against it -> evaluate the pair
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ftbench.benchfile.document import KeyPath
from ftbench.benchfile.reference import Reference
from ftbench.benchfile.schema import Benchmark
from ftbench.contract.records import Kind
from ftbench.plan.cells import FLIP, Cell, EvaluateCell, FitCell, Material, Plan, Start, TrainCell
from ftbench.plan.conflicts import (
    check_known,
    check_labels,
    check_met,
    check_metrics,
    check_pair,
    check_simulators,
    code_length,
)
from ftbench.plan.distortions import OUR_PLAIN, distortion_grid, training_pool
from ftbench.plan.labels import Combination, Labels
from ftbench.plan.part import ResolvedPart
from ftbench.plan.resolve import NONE, Resolver, own_size, told_apart


@dataclass(frozen=True)
class PlanInputs:
    """What planning needs to know of the world: data and compute, both settled."""

    data_digest: str
    people: tuple[str, ...]
    shown: Mapping[str, int]
    """People in each split."""
    compute: Any
    data_part: ResolvedPart | None = None
    """What opens or draws the images."""
    images: Mapping[str, int] = field(default_factory=dict)
    """Images of each split."""
    landmarks: bool = False
    """Whether the data set knows where eyes, nose and mouth are."""


def people_needed(benchmark: Benchmark, resolver: Resolver) -> int | None:
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
        chosen = None if reference.name == NONE else resolver.part("simulator", reference, path)
        if chosen and chosen.record.people is not None:
            needs[chosen.record.people] = chosen.record.name
            if len(needs) > 1:
                who = ", ".join(f"{name} {number}" for number, name in needs.items())
                resolver.note(path, f"simulators need different numbers of people: {who}")
    resolver.settle()
    return next(iter(needs), None)


def make_plan(benchmark: Benchmark, resolver: Resolver, grounds: PlanInputs) -> Plan:
    """Every cell of the benchmark; raises BadInput that names every conflict."""
    planner = _Planner(benchmark, resolver, grounds)
    cells: dict[str, Cell] = {}
    for evaluation in _distinct(list(planner.evaluations())):
        for cell in _with_inputs(evaluation):
            cells.setdefault(cell.key, cell)
    resolver.settle()
    order = sorted(cells.values(), key=lambda cell: ("fit", "train", "evaluate").index(cell.kind))
    return Plan(benchmark, tuple(order))


_Ranged = tuple[ResolvedPart, dict[str, Any]]
"""A distortion of the training pool, with parameters that are fixed or (low, high)."""
_Couple = tuple[ResolvedPart | None, ResolvedPart | None, tuple[KeyPath, KeyPath]]
"""An encoder, a decoder, and where the file names them."""


class _Planner:
    def __init__(self, benchmark: Benchmark, resolver: Resolver, grounds: PlanInputs) -> None:
        self.benchmark, self.resolver, self.grounds = benchmark, resolver, grounds
        self.size = benchmark.dataset.size
        self.labels = Labels(benchmark)
        self.flip_part: ResolvedPart | None = None
        self.start: Start | None = None
        self.fits: dict[int, FitCell] = {}  # by identity of the part, so that its key is made once
        self.material = Material(grounds.data_digest, grounds.people, self.size, grounds.compute, grounds.data_part)

    def evaluations(self) -> Iterator[EvaluateCell]:
        matrix, evaluate, resolver = self.benchmark.matrix, self.benchmark.evaluate, self.resolver
        couples = list(self._couples())
        [codecs] = told_apart(resolver.parts("codec", matrix.codec, ("matrix", "codec")))
        tests = self._adapted(resolver.parts("simulator", evaluate.simulators, ("evaluate", "simulators")))
        tests, *met = told_apart(tests, *self._groups())
        groups = [tuple(one for one in group if one) for group in met]
        check_simulators(
            resolver, tests, ("evaluate", "simulators"), self.size, self.grounds.shown, self.grounds.landmarks
        )
        check_known(resolver, tests, ("evaluate", "simulators"), self.grounds.images)
        pools = self._pools()
        if self.benchmark.train.start:
            self.start = resolver.start(self.benchmark.train.start, ("train", "start"))
        grid = [one for one in told_apart(list(distortion_grid(resolver, evaluate.distortions)))[0] if one]
        [metrics] = told_apart(resolver.parts("metric", evaluate.metrics, ("evaluate", "metrics")))
        check_metrics(resolver, metrics, self.size)
        self.flip_part = next((one for one in metrics if one and one.record.name == FLIP), None)
        if self.flip_part is None:
            asked = [("matrix", "loss", i, "target_flip") for i, loss in enumerate(matrix.loss) if loss.target_flip]
            for path in asked + ([("evaluate", "flip")] if evaluate.flip else []):
                resolver.note(path, "images are held at what metric flip says; add flip to evaluate.metrics")
        check_labels(resolver, "simulators", tests)
        check_labels(resolver, "distortions", grid)
        used, measured = ([one for one in chosen if one] for chosen in (tests, metrics))
        parts = itertools.product(couples, enumerate(codecs), enumerate(groups))
        losses, seeds = enumerate(matrix.loss), enumerate(matrix.seed)
        rest = list(itertools.product(self.benchmark.message.bits, matrix.pool, losses, seeds))
        fitting: set[tuple[tuple[KeyPath, KeyPath], int]] = set()
        for ((encoder, decoder, places), (c, codec), (g, simulators)), (
            bits,
            pool,
            (w, loss),
            (s, seed),
        ) in itertools.product(parts, rest):
            if encoder is None or decoder is None or codec is None:
                continue
            if not matrix.takes(codec=c, simulator=g, loss=w, seed=s):
                continue
            code_bits = code_length(resolver, codec, bits, ("matrix", "codec", c))
            if code_bits is None:
                continue
            if (places, code_bits) not in fitting:
                # Once, however many settings share them: a part may have to build a network to tell.
                fitting.add((places, code_bits))
                check_pair(resolver, encoder, decoder, places, {"size": self.size, "bits": code_bits})
            setting = Combination(encoder, decoder, codec, simulators, bits, code_bits, pool, loss, seed)
            trained = self._train(setting, pools)
            others = [self._train(other, pools) for other in self._others(setting, tests, couples) if other != setting]
            for psnr, flip in evaluate.held():
                yield self._evaluate(trained, others, psnr, flip, used, grid, measured)

    def _couples(self) -> Iterator[_Couple]:
        kinds: tuple[Kind, Kind] = ("encoder", "decoder")
        chosen: dict[Kind, dict[KeyPath, ResolvedPart | None]] = {kind: {} for kind in kinds}
        listed: list[tuple[KeyPath, KeyPath]] = []
        for encoder, to_encoder, decoder, to_decoder in self.benchmark.matrix.couples():
            listed.append((("matrix", *to_encoder), ("matrix", *to_decoder)))
            for kind, reference, path in zip(kinds, (encoder, decoder), listed[-1], strict=True):
                if path not in chosen[kind]:
                    [chosen[kind][path]] = self._adapted([self.resolver.part(kind, reference, path)])
        encoders, decoders = (
            dict(zip(parts, told_apart(list(parts.values()))[0], strict=True)) for parts in chosen.values()
        )
        for places in listed:
            yield encoders[places[0]], decoders[places[1]], places

    def _others(
        self, setting: Combination, tests: list[ResolvedPart | None], couples: Sequence[_Couple]
    ) -> Iterator[Combination]:
        """Pairs that mark once more in tests of a setting's pair, trained under the same setting."""
        for number, chosen in enumerate(tests):
            by = chosen.marks_by if chosen else None
            if by is None:
                continue
            named = [(one, reader) for one, reader, _ in couples if one and reader and one.answers_to(by)]
            if len(named) == 1:
                [(encoder, decoder)] = named
                yield replace(setting, encoder=encoder, decoder=decoder)
            else:
                have = ", ".join(dict.fromkeys(one.called for one, _, _ in couples if one))
                self.resolver.note(
                    ("evaluate", "simulators", number, "by"),
                    f"{len(named) or 'no'} pairs of the matrix mark with encoder {by!r}, and one must; there: {have}",
                )

    def _groups(self) -> Iterator[list[ResolvedPart | None]]:
        for number, group in enumerate(self.benchmark.matrix.simulator):
            path = ("matrix", "simulator", number)
            chosen = self._adapted(self.resolver.parts("simulator", group, path))
            check_simulators(self.resolver, chosen, path, self.size, self.grounds.shown, self.grounds.landmarks)
            pieces = 1 if "whole" in self.benchmark.matrix.pool else self.benchmark.train.pieces
            check_met(self.resolver, chosen, path, self.benchmark.train, pieces)
            if len(group) > 1 and any(reference.name == NONE for reference in group):
                self.resolver.note(path, "several simulators at once cannot hold none; leave it out of the inner list")
            yield chosen

    def _adapted(self, chosen: list[ResolvedPart | None]) -> list[ResolvedPart | None]:
        if self.benchmark.adapt == "none":
            return chosen
        return [part and self._at_own_size(part) for part in chosen]

    def _at_own_size(self, part: ResolvedPart) -> ResolvedPart:
        side = own_size(part.record, self.size)
        return part if side == self.size else replace(part, at=side)

    def _pools(self) -> dict[str, list[_Ranged]]:
        declared = list(training_pool(self.resolver, self.benchmark.train.distortions))
        plain = list(training_pool(self.resolver, [Reference(name=OUR_PLAIN)]))
        if "without" in self.benchmark.matrix.pool and not self.labels.has_pool:
            self.resolver.note(
                ("matrix", "pool"), "train.distortions names nothing that could be left out; list distortions there"
            )
        return {"with": declared, "whole": declared, "without": plain}

    def _fit_simulator(self, simulator: ResolvedPart) -> FitCell:
        if id(simulator) not in self.fits:
            label, section = f"fit {simulator.label}", self.benchmark.fit
            self.fits[id(simulator)] = FitCell(label=label, material=self.material, part=simulator, section=section)
        return self.fits[id(simulator)]

    def _fit_code(self, codec: ResolvedPart, bits: int) -> FitCell:
        label, section = f"fit {codec.label} of {bits} bits", self.benchmark.code
        return FitCell(label=label, material=self.material, part=codec, section=section, bits=bits)

    def _train(self, setting: Combination, pools: Mapping[str, list[_Ranged]]) -> TrainCell:
        setting = setting.as_it_counts()
        codec, loss = setting.codec, setting.loss
        return TrainCell(
            label=self.labels.label(setting),
            material=self.material,
            encoder=setting.encoder,
            decoder=setting.decoder,
            codec=codec,
            simulators=setting.simulators,
            pool=tuple(pools[setting.pool]),
            bits=setting.bits,
            code_bits=setting.code_bits,
            loss=loss,
            section=self.benchmark.train.under(loss, setting.pool) if setting.learns else None,
            seed=setting.seed,
            flip_part=self.flip_part if loss.target_flip else None,
            start=self.start if setting.learns else None,
            inputs=(
                *self._fits(setting.simulators),
                *([self._fit_code(codec, setting.bits)] if codec.record.trainable else []),
            ),
            columns=self.labels.columns(setting),
        )

    def _evaluate(
        self,
        trained: TrainCell,
        others: list[TrainCell],
        psnr: float | Literal["own"],
        flip: float | None,
        tests: list[ResolvedPart],
        grid: list[ResolvedPart],
        metrics: list[ResolvedPart],
    ) -> EvaluateCell:
        chosen_quality = self.benchmark.evaluate.held() != [("own", None)]
        at = "own" if psnr == "own" else f"{psnr:g}"
        label = (
            f"{trained.label} at {at} dB".replace("own dB", "own")
            if flip is None
            else f"{trained.label} at FLIP {flip:g}"
        )
        columns = {"at dB": at if flip is None else NONE}
        if self.benchmark.evaluate.flip:
            columns["at FLIP"] = NONE if flip is None else f"{flip:g}"
        if self.benchmark.evaluate.split == "val":
            columns["tested on"] = "val"
        return EvaluateCell(
            label=label if chosen_quality else trained.label,
            material=self.material,
            simulators=tuple(tests),
            distortions=tuple(grid),
            metrics=tuple(metrics),
            section=self.benchmark.evaluate,
            psnr=psnr,
            flip=flip,
            inputs=(trained, *others, *self._fits(tests)),
            columns={**trained.columns, **columns},
        )

    def _fits(self, simulators: Sequence[ResolvedPart]) -> tuple[FitCell, ...]:
        return tuple(self._fit_simulator(chosen) for chosen in simulators if chosen.record.trainable)


def _distinct(cells: Sequence[EvaluateCell]) -> Iterator[EvaluateCell]:
    """The cells, each with a label of its own."""
    alike: defaultdict[str, set[str]] = defaultdict(set)
    for cell in cells:
        alike[cell.label].add(cell.key)
    for cell in cells:
        yield replace(cell, label=f"{cell.label} ({cell.key[:6]})") if len(alike[cell.label]) > 1 else cell


def _with_inputs(cell: Cell) -> Iterator[Cell]:
    for needed in cell.inputs:
        yield from _with_inputs(needed)
    yield cell
