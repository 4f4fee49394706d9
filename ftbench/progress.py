"""Progress of long work: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

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
    """A bar on a terminal."""

    def __init__(self, label: str, console: Console) -> None:
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
            console=console,
            transient=True,
        )
        self.task = self.bar.add_task(label, total=None, values="")

    def start(self, total: int, done: int = 0) -> None:
        """Begin, or go on from ``done``."""
        self.bar.start()
        self.bar.reset(self.task, total=total, completed=done)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """Move the bar."""
        self.bar.update(self.task, completed=done, values=_shown(values).lstrip(", "))

    def stop(self) -> None:
        """Take the bar away."""
        self.bar.stop()


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


def _shown(values: Mapping[str, float]) -> str:
    parts = [f"{SHORT.get(name, name)} {values[name]:.4g}" for name in SHOWN if name in values]
    return "".join(f", {part}" for part in parts)
