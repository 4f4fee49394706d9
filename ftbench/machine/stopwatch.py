"""Where a cell's time goes, by kind of work; costs next to nothing while nobody asks.

Times are exclusive: what is timed inside something else counts for the inner kind alone. In a backward pass the
gradient of a stage's output says when that stage's own turn begins.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

Kind = Literal[
    "loading",
    "augmentation",
    "encoder",
    "simulator",
    "distortion",
    "decoder",
    "guard",
    "metrics",
    "loss",
    "optimiser",
    "val",
    "writing",
    "rest",
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]


@dataclass
class Stopwatch:
    """Seconds by kind, up to the last change of what is done."""

    seconds: dict[Kind, float] = field(default_factory=lambda: defaultdict(float))
    doing: Kind = "rest"
    since: float = field(default_factory=time.perf_counter)

    def turn_to(self, kind: Kind) -> Kind:
        """From now on time counts for ``kind``; returns what it counted for."""
        _finish_on_device()
        now, before = time.perf_counter(), self.doing
        self.seconds[before] += now - self.since
        self.doing, self.since = kind, now
        return before


_watches: list[Stopwatch] = []


@contextlib.contextmanager
def watching() -> Iterator[Stopwatch]:
    """Time what is done while this lasts."""
    watch = Stopwatch()
    _watches.append(watch)
    try:
        yield watch
    finally:
        watch.turn_to("rest")
        _watches.remove(watch)


@contextlib.contextmanager
def timed(kind: Kind) -> Iterator[None]:
    """While this lasts, time counts for ``kind``."""
    if not _watches:
        yield
        return
    watch = _watches[-1]
    before = watch.turn_to(kind)
    try:
        yield
    finally:
        watch.turn_to(before)


def backward_of(made: torch.Tensor, kind: Kind) -> torch.Tensor:
    """``made``, a stage's output; once its gradient is there, time counts for ``kind``, whose backward pass begins."""
    if not _watches or not made.requires_grad:
        return made
    watch = _watches[-1]

    def turn(gradient: Any) -> None:
        watch.turn_to(kind)

    made.register_hook(turn)
    return made


def _finish_on_device() -> None:
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        # A GPU works on while the program goes ahead: without waiting, time would count for whoever asks next.
        torch.cuda.synchronize()
