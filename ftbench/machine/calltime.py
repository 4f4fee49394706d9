"""A time limit for each call of a part while cells run: generous, and of the kind that ends what has no end.

Python code is interrupted and its cell fails; code below Python cannot be, so the process ends and the one that
watches it names the cell. Outside a watched run the second is left undone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from ftbench.machine.supervision import notes

SECONDS = "FTBENCH_CALL_SECONDS"
"""Environment variable: how long one call of a part may take; 0 for as long as it likes."""
DEFAULT_SECONDS = 600.0
GRACE = 10.0
"""Seconds beyond its time that a call has to come to its end."""
_LOOK = 0.25
_leave = os._exit


class CallTookTooLong(BaseException):
    """Raised inside a part's call when its time is up; no ``except Exception`` of the part's own can swallow it."""


def limit() -> float:
    """Seconds that a call has, from the environment; the default where that says nothing sensible."""
    try:
        asked = float(os.environ.get(SECONDS, DEFAULT_SECONDS))
    except ValueError:
        return DEFAULT_SECONDS
    return asked if asked >= 0 else DEFAULT_SECONDS


@dataclass
class _Call:
    who: str
    limit: float
    spent: float = 0.0
    """Seconds that the watching thread saw pass: a process that was suspended meanwhile is not late."""

    @property
    def words(self) -> str:
        return f"{self.who} took more than {self.limit:g} s for one call"


class _Watch:
    def __init__(self) -> None:
        self.call: _Call | None = None
        self.thread: threading.Thread | None = None
        self.served = threading.main_thread().ident
        """The thread whose calls are timed."""

    def start(self) -> None:
        if self.thread is None or not self.thread.is_alive():
            self.thread = threading.Thread(target=self._look, name="ftbench times calls", daemon=True)
            self.thread.start()
        # A handler can be set from here alone; an alarm that somebody else uses stays theirs.
        main = self.served == threading.main_thread().ident
        if main and hasattr(signal, "SIGALRM") and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL:
            signal.signal(signal.SIGALRM, self._alarm)

    def _look(self) -> None:
        last = time.monotonic()
        while True:
            time.sleep(_LOOK)
            now = time.monotonic()
            passed, last = min(now - last, 4 * _LOOK), now
            call = self.call
            if call is None:
                continue
            call.spent += passed
            if call.spent > call.limit + GRACE:
                self._end(call)
            elif call.spent > call.limit and _is_ours(self._alarm):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    def _alarm(self, _: int, __: FrameType | None) -> None:
        call = self.call
        if call is not None and call.spent > call.limit:
            raise CallTookTooLong(call.words)

    def _end(self, call: _Call) -> None:
        if notes.file is not None:
            notes.write(slow=call.words)
            _leave(1)


def _is_ours(handler: object) -> bool:
    # Another's handler, or none, which would end the process.
    return hasattr(signal, "SIGALRM") and signal.getsignal(signal.SIGALRM) == handler


_watch = _Watch()


def serve(thread: int) -> None:
    """Time the calls of another thread than the main one: they are not interrupted, but the process ends."""
    _watch.served = thread


@contextlib.contextmanager
def limited(who: str) -> Iterator[None]:
    """Around a call of the part ``who``, in the served thread; a call inside another counts to the outer one."""
    seconds = limit()
    if not seconds or _watch.call is not None or threading.get_ident() != _watch.served:
        yield
        return
    _watch.start()
    _watch.call = _Call(who, seconds)
    try:
        yield
    finally:
        _watch.call = None
