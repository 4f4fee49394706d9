"""The timed work opened as any benchmark is, and the real training loop with a bell at each of its steps."""

from __future__ import annotations

import contextlib
import io
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import Tensor

from ftbench.plan.cells import TrainCell
from ftbench.progress import Silent
from ftbench.runner.jobs import WORK
from ftbench.runner.opening import Opened, Request, open_benchmark
from ftbench.train import loop
from ftbench.train.pair import PairTask

WORK_FILE = Path(__file__).parent / "work.yaml"
Bell = Callable[[int], object]
Heard = Callable[[int, Tensor], object]


class Enough(BaseException):
    """Ends a training from within; no part's ``except Exception`` may hold it back."""


@contextlib.contextmanager
def opened(scale: str, threads: int = 1, *assignments: str) -> Iterator[Opened]:
    """The work of a scale, its simulators fitted for one step: what they paint is noise, and costs the same."""
    with tempfile.TemporaryDirectory() as out:
        settings = [f"compute.threads={threads}", *assignments]
        request = Request(str(WORK_FILE), scale, out=Path(out), assignments=settings)
        found = open_benchmark(request, Console(file=io.StringIO()), settle_on_disk=False)
        with found.bench.compute.settled():
            for cell in found.plan.fits:
                WORK["fit"](cell, found.bench, found.bench.folder(cell), Silent())
            yield found


def training(found: Opened) -> TrainCell:
    """The one training of the work."""
    [cell] = found.plan.trainings
    return cell


def drive(found: Opened, bell: Bell, heard: Heard = lambda step, loss: None) -> None:
    """Train the pair by the harness's own loop, ``bell(step)`` rung as each step begins, until it raises Enough.

    Between two rings lies one whole step of the loop, whatever it is made of. ``heard`` gets the step's loss, which is
    not read from the device.
    """
    real: Any = PairTask.losses
    numbers = itertools.count()

    def rung(task: PairTask, *given: Any, **named: Any) -> Any:
        number = next(numbers)
        bell(number)
        for loss, values in real(task, *given, **named):
            heard(number, loss.detach())
            yield loss, values

    cell, bench = training(found), found.bench
    never = float("inf")
    with (
        _replaced(PairTask, "losses", rung),
        _replaced(loop, "CHECKPOINT_SECONDS", never),
        contextlib.suppress(Enough),
    ):
        WORK["train"](cell, bench, bench.folder(cell), Silent())


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def batch(found: Opened) -> int:
    """Images of a step."""
    section = training(found).section
    assert section is not None
    return section.batch_size


def named(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The subjects asked for; all where none is. Raises BadInput with the nearest."""
    from ftbench.errors import BadInput, nearest

    for name in names:
        if name not in known:
            near = ", ".join(nearest(name, known)) or ", ".join(known)
            raise BadInput(f"there is no subject {name!r} to time; nearest: {near}")
    return list(names) or list(known)
