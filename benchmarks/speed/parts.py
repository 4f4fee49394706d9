"""Every part of a kind that is installed, in a batch and one image at a time: any plugin's parts too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from benchmarks.speed.clock import in_turn, ratios, spread
from benchmarks.speed.lines import Line
from benchmarks.speed.setup import opened, training
from ftbench.contract.records import Kind
from ftbench.errors import FtbenchError, told
from ftbench.parts.catalogue import Provided
from ftbench.parts.discovery import discover
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import Held, Pair
from ftbench.runner.build import as_trained, build_pair
from ftbench.testing.material import bits, pictures, weights

SIDE, BATCH = 64, 32
ONE = "one image at a time"
GIVEN: dict[str, dict[str, Any]] = {"chain": {"steps": ["grayscale", {"name": "jpeg", "quality": 50}]}}
"""Of parts that have no defaults."""
Use = Callable[[int, int], object]
"""Uses a part on the images from one place to another."""


def kind_of(kind: Kind) -> Callable[..., Iterator[Line]]:
    """Times each part of a kind with its default parameters."""

    def lines(threads: tuple[int, ...], repeats: int, warm: int, **_: Any) -> Iterator[Line]:
        with torch.inference_mode():
            for part in discover().of(kind):
                name = (
                    f"{part.record.name}"
                    if part.distribution == "ftbench"
                    else f"{part.record.name}@{part.distribution}"
                )
                try:
                    use = USES[kind](part)
                    use(0, 2)
                except (FtbenchError, ValidationError, ValueError, ImportError, RuntimeError) as error:
                    # A part that needs a file, or a library that is not there, is no reason to time nothing else.
                    print(f"{kind} {name} left out: {told(error)[:160]}")
                    continue
                yield _line(f"{kind}s", name, use, repeats, warm)

    return lines


def _line(subject: str, name: str, use: Use, repeats: int, warm: int) -> Line:
    def singly() -> None:
        for place in range(BATCH):
            use(place, place + 1)

    took = in_turn({"ours": lambda: use(0, BATCH), "one": singly}, repeats, warm)
    rate = spread([one.cpu for one in took["ours"]]).over(BATCH)
    return Line(subject, name, "images/s", rate, ONE, ratios(took["one"], took["ours"], 1))


def _made(part: Provided, **arguments: Any) -> Any:
    record: Any = part.record
    made = record.load()(**arguments, **dict(record.parameters(**GIVEN.get(record.name, {}))))
    return made.eval() if isinstance(made, nn.Module) else made


def _distortion(part: Provided) -> Use:
    made, images, noise = _made(part), pictures(BATCH, SIDE, seed=3), torch.Generator().manual_seed(0)
    return lambda start, stop: made(images[start:stop], noise)


def _metric(part: Provided) -> Use:
    made, images, others = _made(part), pictures(BATCH, SIDE, seed=3), pictures(BATCH, SIDE, seed=4)
    return lambda start, stop: made(images[start:stop], others[start:stop])


def _simulator(part: Provided) -> Use:
    made, images, donors = _made(part, size=SIDE), pictures(BATCH, SIDE, seed=3), pictures(BATCH, SIDE, seed=5)
    identity, mean = torch.arange(BATCH) % 2, 0.02 * weights(images)
    needs: tuple[str, ...] = getattr(part.record, "needs", ())

    def use(start: int, stop: int) -> Tensor:
        extra = Inputs(
            identity=identity[start:stop],
            donor=donors[start:stop],
            remarked=lambda image: (image + 0.02).clamp(0, 1),
            averaged=mean[start:stop],
            cover=donors[start:stop],
        )
        fake: Tensor = made(images[start:stop], extra.of(needs, images[start:stop]))
        return fake

    return use


USES: dict[Kind, Callable[[Provided], Use]] = {
    "distortion": _distortion,
    "metric": _metric,
    "simulator": _simulator,
}


def marking(
    threads: tuple[int, ...], repeats: int, warm: int, scales: Sequence[str] = ("paper", "small", "field"), **_: Any
) -> Iterator[Line]:
    """Marking and reading by the pairs of the work, as an evaluation does: float32, 8-bit."""
    for scale in scales:
        with opened(scale) as found, torch.inference_mode():
            cell = training(found)
            side = found.bench.data.size
            pair = found.bench.compute.place(build_pair(cell.encoder, cell.decoder, side, cell.code_bits)).eval()
            assert isinstance(pair, Pair)
            for what, use in _marking(pair, side, cell.code_bits, as_trained(cell)).items():
                yield _line("marking", f"{what}, {scale}", use, repeats, warm)


def _marking(pair: Pair, side: int, length: int, held: Held | None) -> dict[str, Use]:
    covers, code = pictures(BATCH, side, seed=3).contiguous(memory_format=torch.channels_last), bits(BATCH, length)
    marked = pair.mark(covers, code, held)
    return {
        "marking": lambda start, stop: pair.mark(covers[start:stop], code[start:stop], held),
        "reading": lambda start, stop: pair.read(marked[start:stop]),
    }
