"""Signals that ask a run to stop: Ctrl-C, SIGTERM, SIGHUP, and SIGBREAK on Windows.

A training finishes its step and keeps a checkpoint; everything else stops where it is.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""Those that this system has."""
ONE_PRESS = 1.0
"""Seconds within which a second signal is the first one again: a terminal tells parent and child alike."""


class Stopped(KeyboardInterrupt):
    """A signal asked this process to stop."""


class _Heard:
    """What this process was told, and whether it may be interrupted at any place."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.last = 0.0
        self.gentle = 0


_heard = _Heard()


def listen() -> None:
    """Heed the signals from now on, but for those that were ignored before, as under nohup."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _hear)


@contextlib.contextmanager
def between_steps() -> Iterator[None]:
    """While this lasts a first signal interrupts nothing; ``check``, called where all is whole, raises instead.

    A second signal interrupts at once; the end of the outermost block checks too.
    """
    _heard.gentle += 1
    try:
        yield
    finally:
        _heard.gentle -= 1
    if not _heard.gentle:
        check()


def asked() -> bool:
    """Whether a signal asked this process to stop."""
    return _heard.number is not None


def check() -> None:
    """Raise Stopped if a signal asked for it."""
    if _heard.number is not None:
        raise Stopped(signal.Signals(_heard.number).name)


def ask() -> None:
    """As if SIGTERM had come; from any thread."""
    if hasattr(signal, "pthread_kill"):
        # Interrupts what waits, too.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        _thread.interrupt_main(signal.SIGTERM)


def exit_code() -> int | None:
    """What shells expect of a process that this signal ended, 130 after Ctrl-C; None: there was none."""
    return None if _heard.number is None else 128 + _heard.number


def sentence() -> str:
    """What the user is told last."""
    if _heard.number in (None, signal.SIGINT):
        return "interrupted; the same command again goes on from here"
    return f"stopped by {signal.Signals(_heard.number).name}; the same command again goes on from here"


def _hear(number: int, _: FrameType | None) -> None:
    now = time.monotonic()
    if _heard.number is not None and now - _heard.last < ONE_PRESS:
        return
    first, _heard.last = _heard.number is None, now
    _heard.number = _heard.number or number
    if hasattr(signal, "SIGHUP") and number == signal.SIGHUP:
        _leave_terminal()
    if not (first and _heard.gentle):
        check()


def _leave_terminal() -> None:
    # A terminal that has gone fails on every word, and would spoil the end of what is going on.
    from ftbench.console import silence

    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            device = os.fstat(descriptor).st_mode & 0o170000 == 0o020000
            if device and not os.isatty(descriptor):
                silence(descriptor)
