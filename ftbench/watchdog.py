"""Processes that end when the process that started them does, however that one ended."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

EVERY = 0.5
_leave = os._exit
"""The true one: while a part runs, another stands in its place."""


def end_with(parent: int, first: Callable[[], object] | None = None, grace: float = 0.0) -> None:
    """From now on, end this process once ``parent``, the process that started it, is gone.

    ``first`` is called then, and has ``grace`` seconds to end the process in a better way.
    """
    thread = threading.Thread(
        target=_watch, args=(parent, first, grace), name="ftbench watches its parent", daemon=True
    )
    thread.start()


def _watch(parent: int, first: Callable[[], object] | None, grace: float) -> None:
    wait_for_end(parent)
    if first:
        first()
        time.sleep(grace)
    _leave(1)


def wait_for_end(parent: int) -> None:
    """Return when the parent process has ended."""
    if sys.platform == "win32":
        import _winapi

        try:
            handle = _winapi.OpenProcess(0x00100000, False, parent)  # SYNCHRONIZE
        except OSError:
            return
        _winapi.WaitForSingleObject(handle, _winapi.INFINITE)
        return
    # An orphan gets another parent.
    while os.getppid() == parent:
        time.sleep(EVERY)
