"""Progress of long work: live bars on a terminal, plain lines elsewhere; and lengths of time in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ftbench.errors import BadInput

LINE_SECONDS = 10.0
SHOWN = (
    "loss",
    "accuracy_marked",
    "accuracy_swapped",
    "psnr",
    "val_loss",
    "val_accuracy_swapped",
    "val_psnr",
)
SHORT = {
    "accuracy_marked": "marked",
    "accuracy_swapped": "swapped",
    "val_accuracy_swapped": "val swapped",
    "val_psnr": "val dB",
    "psnr": "dB",
    "val_loss": "val loss",
}
UNITS = {"d": 86_400, "h": 3_600, "m": 60, "min": 60, "s": 1}
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:d|h|min|m|s))+", re.ASCII)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(d|h|min|m|s)", re.ASCII)


class Progress(Protocol):
    """One piece of counted work."""

    def start(self, total: int, done: int = 0) -> None:
        """Begin, or go on from ``done``."""
        ...

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """``done`` of the total are finished; ``values`` are the latest measurements."""
        ...

    def stop(self) -> None:
        """End, whatever was reached."""
        ...


class Lines:
    """Plain lines with an ETA, at most one every ten seconds: for logs and redirected output."""

    def __init__(self, label: str, say: Callable[[str], None]) -> None:
        self.label, self.say = label, say
        self.total, self.first = 0, 0
        self.begun = self.said = time.monotonic()

    def start(self, total: int, done: int = 0) -> None:
        """Begin, or go on from ``done``."""
        self.total, self.first = total, done
        self.begun = self.said = time.monotonic()
        if done:
            self.say(f"{self.label}: resumed at {done}/{total}")

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """Say where the work stands, unless something was said just now."""
        now = time.monotonic()
        if now - self.said < LINE_SECONDS and done < self.total:
            return
        self.said = now
        eta = (now - self.begun) / max(1, done - self.first) * (self.total - done)
        self.say(f"{self.label}: {done}/{self.total}{_shown(values)}, {duration(eta)} left")

    def stop(self) -> None:
        """Nothing is left open."""


class Live:
    """A bar on a terminal, below those of what goes on beside it."""

    def __init__(self, label: str, console: Console) -> None:
        self.label, self.console = label, console
        self.task: TaskID | None = None

    def start(self, total: int, done: int = 0) -> None:
        """Begin, or go on from ``done``."""
        bars = _bars.setdefault(self.console, _bars_on(self.console))
        bars.start()
        if self.task is None:
            self.task = bars.add_task(self.label, values="")
        bars.reset(self.task, total=total, completed=done)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """Move the bar."""
        if self.task is not None:
            _bars[self.console].update(self.task, completed=done, values=_shown(values).lstrip(", "))

    def stop(self) -> None:
        """Take the bar away."""
        if self.task is None:
            return
        _bars[self.console].remove_task(self.task)
        self.task = None
        if not _bars[self.console].tasks:
            _bars.pop(self.console).stop()


_bars: dict[Console, Bars] = {}
"""A terminal shows one thing that moves: all bars on a console are lines of that one."""


def _bars_on(console: Console) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
        console=console,
        transient=True,
    )


class Silent:
    """No progress at all."""

    def start(self, total: int, done: int = 0) -> None:
        """Say nothing."""

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Say nothing."""


def begin(label: str, console: Console) -> Progress:
    """The kind of progress that fits the console."""
    return (
        Live(label, console)
        if console.is_terminal
        else Lines(label, partial(console.print, highlight=False, markup=False, soft_wrap=True))
    )


def duration(seconds: float) -> str:
    """``75`` -> ``1 min 15 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def seconds_in(text: str, option: str) -> float:
    """``90s``, ``9m``, ``1h30m``, ``1d`` -> seconds; raises BadInput, which names the ``option``, for all else."""
    if not text.strip():
        raise BadInput(f"{option} is empty; say how long, such as 90s, 9m, 1h30m or 2h")
    squeezed = "".join(text.lower().split())
    if squeezed.startswith("-"):
        raise BadInput(f"{option} {text}: a time of less than nothing; say how long from now, such as 9m or 1h30m")
    if not _SPAN.fullmatch(squeezed):
        unit = ", and what it counts (s, m, h or d)" if re.fullmatch(r"[\d.]+", squeezed, re.ASCII) else ""
        raise BadInput(f"{option} {text!r} is not a length of time{unit}; write one such as 90s, 9m, 1h30m or 2h")
    total = sum(float(number) * UNITS[unit] for number, unit in _PIECE.findall(squeezed))
    if not total:
        raise BadInput(f"{option} {text}: in no time nothing is done; say how long, such as 90s, 9m, 1h30m or 2h")
    return total


def _shown(values: Mapping[str, float]) -> str:
    parts = [f"{SHORT.get(name, name)} {values[name]:.4g}" for name in SHOWN if name in values]
    return "".join(f", {part}" for part in parts)
