"""Other people's code at listing: what it raises, prints, changes or leaves hanging stays its own affair."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from ftbench.errors import CellFailed
from ftbench.surroundings import Surroundings

SECONDS = "FTBENCH_PLUGIN_SECONDS"
"""Environment variable: processor seconds that one plugin may take to load, to be registered, or to list its parts."""
DEFAULT_SECONDS = 10.0
WALL = 20.0
"""How many times as long it may take by the clock: a busy machine is no fault of the plugin's."""
GRACE = 2.0
"""Seconds beyond that in which it has to come to its end."""


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
def guarded(seconds: float | None) -> Iterator[list[str]]:
    """Run a plugin's code; the list that this yields holds, afterwards, what it did that no plugin may do.

    ``seconds``: of processor time that it has; None: as many as it likes. What the code raises passes through,
    ``exit()`` and ``os._exit()`` as SystemExit and a hang as TookTooLong. Standard output, torch's settings, the
    working folder, modules, the module search path and the filters of warnings are what they were. A crash cannot be
    held: ``ftbench check`` tries a plugin in a process of its own. Nor can what catches even TookTooLong: see
    ``discovery``.
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
            exit_raises(),
            _limited(seconds),
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
def last_word(who: str, seconds: float | None) -> Iterator[None]:
    """Around ``guarded`` in a process that is a command's own: code that will not stop ends it, named and with code 2.

    A notebook, or a test, is never ended.
    """
    if seconds is None or not OWN:
        yield
        return
    over = threading.Event()

    def wait() -> None:
        if not over.wait(WALL * seconds + GRACE):
            OWN[0](
                f"{who} hangs: it took more than {WALL * seconds:g} s and would not stop; uninstall it, "
                "or say with FTBENCH_PLUGINS which plugins are loaded (--no-plugins: the built-in ones alone)"
            )

    threading.Thread(target=wait, name="ftbench watches plugins", daemon=True).start()
    try:
        yield
    finally:
        over.set()


OWN: list[Callable[[str], object]] = []
"""How a process that is a command's own ends at once, with a sentence; empty where others use the process too."""


@contextlib.contextmanager
def exit_raises() -> Iterator[None]:
    """While this lasts, ``os._exit()``, which ends a process past Python, raises SystemExit as ``exit()`` does.

    Children that the code forks may end as they like.
    """
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
def not_left() -> Iterator[None]:
    """Around a whole run, which no ``exit()`` of somebody's code ends as if it were done; raises CellFailed instead."""
    try:
        yield
    except SystemExit as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise CellFailed(
            f"the run did not finish: {Path(frame.filename).name}, line {frame.lineno}, called exit({error.code!r}); "
            "mend or leave out what that file belongs to, and run again"
        ) from error


@contextlib.contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    # Only the main thread hears signals, and only POSIX has these; elsewhere a plugin that hangs ends the command.
    timed = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if seconds is None or not timed:
        yield
        return
    # Again and again: code that catches everything is told more than once.
    with (
        _alarm(signal.SIGPROF, signal.ITIMER_PROF, seconds, f"took more than {seconds:g} s of processor time"),
        _alarm(signal.SIGALRM, signal.ITIMER_REAL, WALL * seconds, f"took more than {WALL * seconds:g} s"),
        _keys_interrupt(),
    ):
        yield


@contextlib.contextmanager
def _alarm(number: int, timer: int, seconds: float, sentence: str) -> Iterator[None]:
    def out_of_time(_: int, __: FrameType | None) -> None:
        raise TookTooLong(sentence)

    earlier = signal.signal(number, out_of_time)
    left, every = signal.setitimer(timer, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, earlier)
        if left:
            signal.setitimer(timer, left, every)


@contextlib.contextmanager
def _keys_interrupt() -> Iterator[None]:
    def interrupted(_: int, __: FrameType | None) -> None:
        raise Interrupted

    keys = signal.getsignal(signal.SIGINT)
    if keys is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, keys)
