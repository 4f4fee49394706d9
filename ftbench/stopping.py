"""What asks a run to stop: Ctrl-C, SIGTERM, SIGHUP, SIGUSR1, SIGBREAK on Windows, and the end of its time.

A training finishes its step and keeps a checkpoint; everything else stops where it is.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGBREAK") if hasattr(signal, name)
)
"""Those that this system has."""
OUT_OF_TIME = 75
"""Exit code of a run whose time was up: sysexits.h calls it EX_TEMPFAIL, a failure that another try mends."""
ONE_PRESS = 1.0
"""Seconds within which a second signal is the first one again: a terminal tells parent and child alike."""


class Stopped(KeyboardInterrupt):
    """A signal, or the end of its time, asked this process to stop."""


class _Heard:
    """What this process was told, and whether it may be interrupted at any place."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.late = False
        """Its time is up."""
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


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """``listen`` while this lasts; then all is as before, as a notebook expects that calls a run."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in SIGNALS} if main else {}
    kept = dict(vars(_heard))
    vars(_heard).update(vars(_Heard()))
    listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        vars(_heard).update(kept)


@contextlib.contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Ask this process to stop once ``seconds`` have passed, unless this ends before; None: it has all the time."""
    if seconds is None:
        yield
        return
    clock = threading.Timer(min(seconds, threading.TIMEOUT_MAX), _time_is_up)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


def asked() -> bool:
    """Whether this process was asked to stop."""
    return _heard.number is not None


def check() -> None:
    """Raise Stopped if this process was asked to stop."""
    if _heard.number is not None:
        raise Stopped("its time is up" if _heard.late else signal.Signals(_heard.number).name)


def ask() -> None:
    """As if SIGTERM had come; from any thread."""
    if hasattr(signal, "pthread_kill"):
        # Interrupts what waits, too.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        _thread.interrupt_main(signal.SIGTERM)


def ask_thread(thread: int) -> None:
    """As ``ask``, of work in another thread than the main one: what is not between steps is interrupted there."""
    _heard.number = _heard.number or signal.SIGTERM
    if not _heard.gentle:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Stopped))


def out_of_time() -> bool:
    """Whether it is for time that this process was asked to stop: its own is up, or a batch system says so."""
    return _heard.late or (_heard.number is not None and code_of(_heard.number) == OUT_OF_TIME)


def exit_code() -> int | None:
    """Of a process that was asked to stop; None: it was not."""
    if _heard.number is None:
        return None
    return OUT_OF_TIME if _heard.late else code_of(_heard.number)


def code_of(number: int) -> int:
    """What shells expect of a process that a signal ended, 130 after Ctrl-C; of SIGUSR1, by which batch systems tell
    that time will soon be up, OUT_OF_TIME.
    """
    return OUT_OF_TIME if number == getattr(signal, "SIGUSR1", None) else 128 + number


def sentence() -> str:
    """What the user is told last."""
    if _heard.late:
        return "its time is up; the same command again goes on from here"
    if _heard.number in (None, signal.SIGINT):
        return "interrupted; the same command again goes on from here"
    return f"stopped by {signal.Signals(_heard.number).name}; the same command again goes on from here"


def _time_is_up() -> None:
    if asked():
        return
    _heard.late = True
    if signal.getsignal(signal.SIGTERM) is _hear:
        ask()
    else:
        # Nobody listens here, as in a thread of a notebook: trainings and what waits between cells will look.
        _heard.number = _heard.number or signal.SIGTERM


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
