"""One combination of a benchmark's matrix, and how it is told apart from the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.reference import Reference
from ftbench.benchfile.schema import Benchmark, PoolUse
from ftbench.plan.distortions import PLAIN
from ftbench.plan.part import ResolvedPart
from ftbench.plan.resolve import NONE


@dataclass(frozen=True)
class Combination:
    """One combination of the matrix."""

    encoder: ResolvedPart
    decoder: ResolvedPart
    codec: ResolvedPart
    simulators: tuple[ResolvedPart, ...]
    """One of these is met at every step; none: no deepfake is."""
    bits: int
    code_bits: int
    pool: PoolUse
    loss: Loss
    seed: int

    @property
    def learns(self) -> bool:
        """Whether there is anything to train."""
        return bool(self.encoder.record.trainable or self.decoder.record.trainable)

    def as_it_counts(self) -> Combination:
        """Without what only a training would see, where there is none: such settings are one and the same."""
        if self.learns:
            return self
        return replace(self, simulators=(), pool="without", loss=self.loss.as_held())


class Labels:
    """Names settings by what a benchmark varies."""

    def __init__(self, benchmark: Benchmark) -> None:
        couples = benchmark.matrix.couples()
        self.benchmark = benchmark
        self._encoders = _different(encoder for encoder, _, _, _ in couples)
        self._decoders = _different(decoder for _, _, decoder, _ in couples)
        self._simulators = _different(one for group in benchmark.matrix.simulator for one in group)

    @property
    def has_pool(self) -> bool:
        """Whether the training pool names a distortion at all."""
        return any(reference.bare != PLAIN for reference in self.benchmark.train.distortions)

    def columns(self, setting: Combination) -> dict[str, str]:
        """What a table's row says of a setting, column by column."""
        matrix, loss = self.benchmark.matrix, setting.loss
        return {
            "encoder": _told_apart(setting.encoder, self._encoders),
            "decoder": _told_apart(setting.decoder, self._decoders),
            "codec": setting.codec.label,
            "trained against": " + ".join(self._met(setting.simulators)) or NONE,
            **({"pool": setting.pool if setting.learns else NONE} if self.has_pool else {}),
            "λ": f"{loss.message:g}" if setting.learns else NONE,
            "α": NONE if loss.held or not setting.learns else f"{loss.alpha:g}",
            "target dB": f"{loss.target_psnr:g}" if loss.target_psnr else NONE,
            **({"target FLIP": _number(loss.target_flip)} if any(one.target_flip for one in matrix.loss) else {}),
            **({"1 − SSIM": f"{loss.structure:g}"} if any(one.structure for one in matrix.loss) else {}),
            **({"specific": f"{loss.specific:g}"} if any(one.specific for one in matrix.loss) else {}),
            **({"most ΔE": _number(loss.most_colour)} if any(one.limits_colour for one in matrix.loss) else {}),
            **({"critic": f"{loss.adversarial:g}"} if any(one.adversarial for one in matrix.loss) else {}),
            **({"steps": f"{self._steps(loss):,}"} if any(one.steps for one in matrix.loss) else {}),
            "seed": str(setting.seed),
        }

    def _steps(self, loss: Loss) -> int:
        return loss.steps or self.benchmark.train.steps

    def _met(self, simulators: Sequence[ResolvedPart]) -> Iterator[str]:
        """What a training meets; several trainings of one network, with seeds in a row, are one entry."""
        left = list(simulators)
        while left:
            first = left.pop(0)
            count = 1
            while left and _bare(left[0]) == _bare(first) and _seed(left[0]) == _seed(first) + count:
                left.pop(0)
                count += 1
            yield _told_apart(first, self._simulators) + (f" trainings={count}" if count > 1 else "")

    def label(self, setting: Combination) -> str:
        """What tells a setting apart from the others of its benchmark."""
        columns, matrix, bits = self.columns(setting), self.benchmark.matrix, self.benchmark.message.bits
        # An encoder of its own says which pair it is.
        paired = matrix.pairs is not None and len(self._encoders) == len(matrix.pairs)
        many: dict[str, Sequence[object]] = {
            "encoder": self._encoders,
            "decoder": [] if paired else self._decoders,
            "codec": matrix.codec,
            "trained against": matrix.simulator,
        }
        parts = [columns[name] for name, axis in many.items() if len(axis) > 1]
        parts += [f"{setting.bits} bits"] if len(bits) > 1 else []
        parts += [f"{setting.pool} pool"] if len(matrix.pool) > 1 and setting.learns else []
        weighed = f"λ={columns['λ']} α={columns['α']}" if setting.learns else "untrained"
        parts.append(setting.loss.quality or weighed)
        parts += [
            f"{name} {columns[name]}"
            for name in ("1 − SSIM", "specific", "most ΔE", "critic")
            if columns.get(name, "0") not in ("0", NONE)
        ]
        if setting.learns and len({self._steps(loss) for loss in matrix.loss}) > 1:
            parts.append(f"{columns['steps']} steps")
        parts += [f"seed {columns['seed']}"] if len(matrix.seed) > 1 else []
        return " ".join(parts)


def _bare(chosen: ResolvedPart) -> tuple[str, dict[str, object]]:
    return chosen.called, {name: value for name, value in chosen.given.items() if name != "seed"}


def _seed(chosen: ResolvedPart) -> int:
    return int(getattr(chosen.parameters, "seed", 0))


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:g}"


def _different(references: Iterable[Reference]) -> list[Reference]:
    found: list[Reference] = []
    for reference in references:
        if reference not in found:
            found.append(reference)
    return found


def _told_apart(chosen: ResolvedPart, axis: Sequence[Reference]) -> str:
    """The name, with parameters where the axis names the part more than once."""
    named = [reference.bare for reference in axis]
    return chosen.label if named.count(chosen.record.name) > 1 else chosen.title
