"""Other people's code at listing: what it raises, prints, changes or leaves hanging stays its own affair."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

SECONDS = "FTBENCH_PLUGIN_SECONDS"
"""Environment variable: how long one plugin may take to load, to be registered, or to list its parts."""
DEFAULT_SECONDS = 10.0


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

    What the code raises passes through, ``exit()`` as SystemExit and a hang as TookTooLong. Standard output, torch's
    default dtype and its number of threads are what they were. Code that ends the process behind Python's back
    (``os._exit``, a crash) cannot be held: ``ftbench check`` tries a plugin in a process of its own.
    """
    misdeeds: list[str] = []
    printed = io.StringIO()
    before = _torch_defaults()
    try:
        with contextlib.redirect_stdout(printed), _limited(time_limit()):
            yield misdeeds
    finally:
        text = printed.getvalue().strip()
        if text:
            misdeeds.append(f"printed {text.splitlines()[0][:60]!r} to standard output")
        misdeeds += _restored(before)


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    # Only the main thread hears signals, and only POSIX has this one; elsewhere a hanging plugin hangs.
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def out_of_time(_: int, __: FrameType | None) -> None:
        raise TookTooLong(f"took more than {seconds:g} s")

    earlier = signal.signal(signal.SIGALRM, out_of_time)
    # Again and again: code that catches everything is told more than once.
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
        if left:
            signal.setitimer(signal.ITIMER_REAL, left, every)


def _torch_defaults() -> dict[str, Any] | None:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return None
    return {"default dtype": torch.get_default_dtype(), "number of threads": torch.get_num_threads()}


def _restored(before: dict[str, Any] | None) -> list[str]:
    """Put torch's defaults back; one sentence for each that had been changed."""
    after = _torch_defaults()
    if after is None:
        return []
    torch = sys.modules["torch"]
    if before is None:
        # It was the plugin that imported torch: its dtype then was float32, its threads nobody knows.
        before = {**after, "default dtype": torch.float32}
        misdeeds = ["imported torch, which listing must not wait for; name factories as 'module:attribute'"]
    else:
        misdeeds = []
    misdeeds += [f"set torch's {name} to {after[name]}" for name in after if after[name] != before[name]]
    if after["default dtype"] != before["default dtype"]:
        torch.set_default_dtype(before["default dtype"])
    if after["number of threads"] != before["number of threads"]:
        torch.set_num_threads(before["number of threads"])
    return misdeeds
