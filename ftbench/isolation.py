"""Other people's code at listing: what it raises, prints, changes or leaves hanging stays its own affair."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from ftbench.surroundings import Surroundings

SECONDS = "FTBENCH_PLUGIN_SECONDS"
"""Environment variable: how long one plugin may take to load, to be registered, or to list its parts."""
DEFAULT_SECONDS = 10.0


class Interrupted(KeyboardInterrupt):
    """Somebody pressed the keys; a plugin that raises KeyboardInterrupt itself is no such thing."""


class TookTooLong(BaseException):
    """Raised inside a plugin when its time is up; no ``except Exception`` of the plugin's own can swallow it."""


def time_limit() -> float:
    """Seconds that a plugin has, from the environment; the default where that says nothing sensible."""
    try:
        asked = float(os.environ.get(SECONDS, DEFAULT_SECONDS))
    except ValueError:
        return DEFAULT_SECONDS
    return asked if asked > 0 else DEFAULT_SECONDS


@contextlib.contextmanager
def guarded() -> Iterator[list[str]]:
    """Run a plugin's code; the list that this yields holds, afterwards, what it did that no plugin may do.

    What the code raises passes through, ``exit()`` and ``os._exit()`` as SystemExit and a hang as TookTooLong.
    Standard output, torch's settings, the working folder, modules, the module search path and the filters of warnings
    are what they were. A crash cannot be held: ``ftbench check`` tries a plugin in a process of its own. What catches
    even TookTooLong is ``ftbench.lastresort``'s.
    """
    misdeeds: list[str] = []
    printed = io.StringIO()
    before = Surroundings.now(modules=True)
    try:
        with (
            contextlib.redirect_stdout(printed),
            # Into itself: it comes back where the code took it away.
            contextlib.redirect_stderr(sys.stderr),
            warnings.catch_warnings(),
            _exit_raises(),
            _limited(time_limit()),
        ):
            yield misdeeds
    finally:
        text = printed.getvalue().strip()
        if text:
            misdeeds.append(f"printed {text.splitlines()[0][:60]!r} to standard output")
        if "torch" in sys.modules and not before.torch:
            misdeeds.append("imported torch, which listing must not wait for; name factories as 'module:attribute'")
        misdeeds += before.restored()


@contextlib.contextmanager
def _exit_raises() -> Iterator[None]:
    # What ends a process past Python is held like exit(); children that a plugin forked may end as they like.
    leave, own = os._exit, os.getpid()

    def held(status: int) -> NoReturn:
        if os.getpid() == own:
            raise SystemExit(status)
        leave(status)

    os._exit = held
    try:
        yield
    finally:
        os._exit = leave


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    # Only the main thread hears signals, and only POSIX has this one; elsewhere a hanging plugin hangs.
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def out_of_time(_: int, __: FrameType | None) -> None:
        raise TookTooLong(f"took more than {seconds:g} s")

    def interrupted(_: int, __: FrameType | None) -> None:
        raise Interrupted

    earlier = signal.signal(signal.SIGALRM, out_of_time)
    keys = signal.getsignal(signal.SIGINT)
    if keys is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupted)
    # Again and again: code that catches everything is told more than once.
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
        if keys is signal.default_int_handler:
            signal.signal(signal.SIGINT, keys)
        if left:
            signal.setitimer(signal.ITIMER_REAL, left, every)
