"""What the trainings of a plan cost before they are begun: operations, memory, and minutes by device.

The networks of each different cell are built and called once with a few random images, while torch counts the
operations of their convolutions and matrix products, and the bytes that a backward pass would need. A deepfake that
computes nothing in torch, such as a user's file, is timed instead. Codecs,
distortions, metrics and the reading of files are not in it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from ftbench.benchfile.schema import CodeSection
from ftbench.contract.inputs import FRONTAL
from ftbench.machine.compute import Compute
from ftbench.machine.rates import SMALL, WIDE, Way, rate
from ftbench.pipeline.inputs import Inputs
from ftbench.plan.cells import Cell, EvaluateCell, FitCell, TrainCell
from ftbench.plan.part import ResolvedPart
from ftbench.progress import duration
from ftbench.runner.build import build, new_pair
from ftbench.runner.opening import Opened

PAIR, TRIED = 2, 4
"""Images of a trial call: some layers want two; a fit, two of each of two people."""
TIMES = 3
"""Calls that are timed of what torch does not compute."""
BACKWARD = 3
"""Forward and backward pass, in forward passes; through a frozen network 2."""
STATES = 5
"""Numbers kept a weight: itself, its gradient, Adam's two means, its average."""
GPU, PEAK, SHARE = "H100-class GPU", 989e12, 0.4
"""Its dense bfloat16 matrix peak, operations a second, and the share of it that is assumed for large steps."""
LAUNCH = 5e-6
"""Seconds that one small kernel takes at least; forward, backward and optimiser start about four for each call."""
KERNELS = 4


@dataclass(frozen=True)
class Call:
    """One call of a network: operations, bytes held for a backward pass, calls into torch; the first two an image."""

    operations: float = 0.0
    held: float = 0.0
    calls: int = 0
    outside: float = 0.0
    """Seconds an image, as timed here, of what torch does not compute."""


@dataclass
class Cost:
    """What the cells of one kind cost together."""

    cells: int = 0
    steps: int = 0
    operations: float = 0.0
    memory: float = 0.0
    """Bytes at the peak, of the largest cell."""
    launches: float = 0.0
    outside: float = 0.0
    """Seconds beside the operations, as timed here."""
    timed: dict[str, float] = field(default_factory=dict)
    """What was timed: milliseconds an image, by label."""
    uncounted: list[str] = field(default_factory=list)

    def seconds(self, per_second: float, launch: float = 0.0) -> float:
        """On a device that does so many operations a second, and needs ``launch`` seconds for each kernel."""
        return max(self.operations / per_second, self.launches * launch) + self.outside


def costs(opened: Opened, cells: Sequence[Cell]) -> dict[str, Cost]:
    """``fit``, ``train``, ``evaluate`` -> what these cells of an opened plan cost."""
    counted = _Counted(opened)
    found: dict[str, Cost] = {}
    for cell in cells:
        counted.cell(cell, found.setdefault(cell.kind, Cost()))
    return found


def each(opened: Opened) -> Callable[[Cell], Cost]:
    """A function that gives what one cell costs; each different network is tried once."""
    counted = _Counted(opened)

    def cost_of(cell: Cell) -> Cost:
        cost = Cost()
        counted.cell(cell, cost)
        return cost

    return cost_of


def told(found: dict[str, Cost], compute: Compute) -> list[str]:
    """The costs in sentences. Measures this machine's convolutions for half a second, wide ones and narrow ones."""
    names = {"fit": "fits", "train": "trainings", "evaluate": "evaluations"}
    way = Way(compute.precision, True, compute.threads)
    fast, slow = sorted((rate(kind, way, compute.device) for kind in (WIDE, SMALL)), reverse=True)
    lines = []
    for kind, cost in found.items():
        steps = f", {cost.steps:,} steps" if kind != "evaluate" else ""
        left_out = f"; not counted: {', '.join(dict.fromkeys(cost.uncounted))}" if cost.uncounted else ""
        lines.append(
            f"{names[kind]}: {cost.cells:,}{steps}, {_power(cost.operations)} operations, about "
            f"{max(cost.memory / 2**30, 0.1):.1f} GiB at the peak; {_minutes([cost], fast, slow)}{left_out}"
        )
    timed = {name: ms for cost in found.values() for name, ms in cost.timed.items()}
    lines += [
        f"{name}: {ms:.3g} ms an image, outside torch, as timed here just now; in the minutes of every device"
        for name, ms in timed.items()
    ]
    lines.append(f"together: {_minutes(list(found.values()), fast, slow)}")
    lines.append(
        f"Networks alone, without files, real JPEG, distortions and metrics. Here: {slow / 1e9:,.0f} to "
        f"{fast / 1e9:,.0f} billion operations a second, measured now for narrow and wide convolutions. {GPU}: "
        f"assumed, not measured: {SHARE:.0%} of {PEAK / 1e12:.0f} trillion a second, and {LAUNCH * 1e6:g} µs a kernel "
        "at least."
    )
    return lines


def _minutes(costs: Sequence[Cost], fast: float, slow: float) -> str:
    least, most = (duration(sum(cost.seconds(one) for cost in costs)) for one in (fast, slow))
    there = duration(sum(cost.seconds(PEAK * SHARE, LAUNCH) for cost in costs))
    return f"{least} to {most} here, {there} on one {GPU}" if least != most else f"{least} here, {there} on one {GPU}"


class _Counted:
    """Each different network is tried once."""

    def __init__(self, opened: Opened) -> None:
        self.size, self.data = opened.bench.data.size, opened.bench.data
        self.lean = 0.5 if opened.bench.compute.precision == "bfloat16" else 1.0
        self.known: dict[str, Any] = {}

    def cell(self, cell: Cell, cost: Cost) -> None:
        cost.cells, cost.steps = cost.cells + 1, cost.steps + cell.steps
        if isinstance(cell, FitCell):
            self.fit(cell, cost)
        elif isinstance(cell, TrainCell):
            self.training(cell, cost)
        elif isinstance(cell, EvaluateCell):
            self.evaluation(cell, cost)

    def fit(self, cell: FitCell, cost: Cost) -> None:
        if isinstance(cell.section, CodeSection):
            cost.uncounted.append(cell.part.called)
            return
        network, call = self._once(f"fit {cell.part.key_text}", lambda: self._fit(cell.part))
        if call and call.outside:
            cost.outside += cell.steps * cell.section.batch_size * call.outside
            self._tell([cell.part], [call], cost)
        self._add(cost, cell.steps, cell.section.batch_size, [(call, BACKWARD)], network, cell.part)

    def training(self, cell: TrainCell, cost: Cost) -> None:
        if cell.section is None:
            return
        weights, marking, reading = self._pair(cell)
        met = [self._simulator(part)[1] for part in cell.simulators]
        cost.uncounted += [part.called for part, call in zip(cell.simulators, met, strict=True) if call is None]
        each = [call for call in met if call]
        attack = Call(*(sum(values) / len(each) for values in zip(*map(astuple, each), strict=True))) if each else None
        if attack:
            # What has no gradient is passed once: straight through.
            cost.outside += cell.steps * cell.section.batch_size * attack.outside
            self._tell(cell.simulators, met, cost)
        used = [(marking, BACKWARD), (reading, BACKWARD * (2 if met else 1)), *([(attack, 2)] if attack else [])]
        self._add(cost, cell.steps, cell.section.batch_size, used, weights, cell.encoder)

    def evaluation(self, cell: EvaluateCell, cost: Cost) -> None:
        _, marking, reading = self._pair(cell.trained)
        met = [self._simulator(part)[1] for part in cell.simulators]
        attacks = [call for call in met if call]
        self._tell(cell.simulators, met, cost)
        images = sum(self.data.place(item) == cell.section.split for item in self.data.items)
        images = min(images, cell.section.limit or images) * cell.section.draws
        reads = 1 + max(1, len(cell.distortions)) * (1 + len(cell.simulators))
        each = 2 * marking.operations + reads * reading.operations + 2 * sum(call.operations for call in attacks)
        cost.operations += images * each
        cost.outside += images * 2 * sum(call.outside for call in attacks)
        cost.memory = max(cost.memory, 32 * (marking.held + reading.held))

    def _add(
        self,
        cost: Cost,
        steps: int,
        batch: int,
        used: Sequence[tuple[Call | None, float]],
        weights: int,
        part: ResolvedPart,
    ) -> None:
        calls = [(call, times) for call, times in used if call]
        if len(calls) < len(used):
            cost.uncounted.append(part.called)
        cost.operations += steps * batch * sum(times * call.operations for call, times in calls)
        cost.launches += steps * KERNELS * sum(call.calls for call, _ in calls)
        held = batch * sum(call.held * math.ceil(times / BACKWARD) for call, times in calls) * self.lean
        cost.memory = max(cost.memory, held + STATES * 4 * weights)

    def _pair(self, cell: TrainCell) -> tuple[int, Call, Call]:
        def tried() -> tuple[int, Call, Call]:
            pair = new_pair(cell, self.size)
            covers, code = torch.rand(PAIR, 3, self.size, self.size), torch.zeros(PAIR, cell.code_bits)
            marking = _tried(lambda: pair.mark(covers, code, None, exact=False), PAIR)
            return _weights(pair), marking, _tried(lambda: pair.read(covers), PAIR)

        found: tuple[int, Call, Call] = self._once(
            f"pair {cell.encoder.key_text} {cell.decoder.key_text} {cell.code_bits}", tried
        )
        return found

    def _simulator(self, part: ResolvedPart) -> tuple[int, Call | None]:
        def tried() -> tuple[int, Call | None]:
            network = build(part, size=self.size)
            image, inputs = self._given(part, PAIR)
            call = _perhaps(lambda: network(image, inputs), PAIR)
            # Fewer than one for each number of an image: of its framing alone.
            if call and call.operations < image[0].numel() and not part.record.differentiable:
                call = replace(call, outside=_seconds(lambda: network(image, inputs)) / PAIR)
            return _weights(network), call

        found: tuple[int, Call | None] = self._once(f"simulator {part.key_text}", tried)
        return found

    def _tell(self, parts: Sequence[ResolvedPart], calls: Sequence[Call | None], cost: Cost) -> None:
        outside = {part.label: call.outside for part, call in zip(parts, calls, strict=True) if call}
        cost.timed |= {name: 1000 * seconds for name, seconds in outside.items() if seconds}

    def _fit(self, part: ResolvedPart) -> tuple[int, Call | None]:
        network = build(part, size=self.size)
        image, inputs = self._given(part, TRIED)
        own = lambda: network.fit_loss(image, inputs, torch.Generator().manual_seed(0))  # noqa: E731
        call = _perhaps(own, TRIED)
        # Of a network that imitates what torch does not compute.
        if call and (outside := getattr(network, "outside", None)):
            call = replace(call, outside=_seconds(lambda: outside(image, inputs)) / TRIED)
        return _weights(network), call

    def _given(self, part: ResolvedPart, count: int) -> tuple[Tensor, dict[str, Tensor]]:
        side = part.at or self.size
        image = torch.rand(count, 3, side, side)
        identity = torch.arange(count) * 2 // count
        points = lambda: torch.tensor(FRONTAL).expand(count, -1, -1)  # noqa: E731
        made = dict.fromkeys(("donor", "averaged", "cover"), image)
        inputs = Inputs(
            identity=identity, remarked=lambda covers: covers, landmarks=points, donor_landmarks=points, **made
        )
        return image, dict(inputs.of(part.record.needs, image))

    def _once(self, name: str, tried: Callable[[], Any]) -> Any:
        if name not in self.known:
            with torch.random.fork_rng(devices=[]):
                self.known[name] = tried()
        return self.known[name]


def _weights(network: Any) -> int:
    return sum(one.numel() for one in network.parameters()) if isinstance(network, nn.Module) else 0


def _perhaps(work: Callable[[], object], images: int) -> Call | None:
    """None where a part wants more than it is given here: a run says so better."""
    try:
        return _tried(work, images)
    except Exception:
        return None


def _seconds(work: Callable[[], object]) -> float:
    """Of one call, the median of three; it was called before."""
    took = []
    for _ in range(TIMES):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def _tried(work: Callable[[], object], images: int) -> Call:
    counter, calls = FlopCounterMode(display=False), _Calls()
    with _held() as sizes, counter, calls:
        work()
    return Call(counter.get_total_flops() / images, sum(sizes.values()) / images, calls.number)


@contextmanager
def _held() -> Iterator[dict[int, int]]:
    """Bytes of what a backward pass needs, by where it lies, so that nothing counts twice; weights are not in it."""
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


class _Calls(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.number = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.number += 1
        return func(*args, **(kwargs or {}))


def _power(number: float) -> str:
    for size, word in ((1e18, "quintillion"), (1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion")):
        if number >= size:
            return f"{number / size:.3g} {word}"
    return f"{number:,.0f}"
