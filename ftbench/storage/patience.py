"""Requests of a remote store that fail in passing: a connection that breaks, a server that is busy.

They are repeated for a while, and then end the run: a file that could not be reached must never pass for one that is
not there.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ftbench import stopping
from ftbench.errors import BadInput, CannotWrite, told

Answer = TypeVar("Answer")
SECONDS = "FTBENCH_STORAGE_SECONDS"
"""Environment variable: how long a store that answered before is asked again."""
PATIENCE, AT_FIRST, QUIET = 300.0, 10.0, 3.0
"""Seconds: that, unless the variable says otherwise; for one that never answered, and where the run was asked to stop;
before a person is told."""
WAITS = (0.2, 10.0)
"""Seconds between two tries, at first and at most; doubled in between."""
_MEANT = {
    FileNotFoundError: (errno.ENOENT, "it is not there"),
    FileExistsError: (errno.EEXIST, "it is there already"),
    PermissionError: (errno.EACCES, "access is denied"),
    IsADirectoryError: (errno.EISDIR, "it is a folder"),
    NotADirectoryError: (errno.ENOTDIR, "it is no folder"),
}
"""Answers of a store, which asking again does not change."""
_OF_PROGRAMS = (TypeError, ValueError, AttributeError, LookupError, NotImplementedError, ImportError)
_OF_SETTINGS = ("Credential", "Profile", "Region", "Validation")
"""In the names of errors that a user mends before the next run."""
_answered: set[str] = set()
"""Stores that gave this process an answer."""


def patiently(path: Any, request: Callable[[], Answer]) -> Answer:
    """What a request gives, asked again as long as it fails in passing. Raises those of ``_MEANT``, and CannotWrite."""
    store = f"{path.protocol}://{path.drive or path.path.partition('/')[0]}"
    begun, wait, said = time.monotonic(), WAITS[0], False
    patience = _patience() if store in _answered else min(AT_FIRST, _patience())
    while True:
        try:
            answer = request()
        except tuple(_MEANT) as error:
            _answered.add(store)
            kind = next(kind for kind in _MEANT if isinstance(error, kind))
            # With the words and the name that errors of a disk have.
            raise kind(_MEANT[kind][0], _said(error) or _MEANT[kind][1], str(path)) from error
        except Exception as error:
            gone = time.monotonic() - begun
            if isinstance(error, _OF_PROGRAMS) or any(word in type(error).__name__ for word in _OF_SETTINGS):
                raise CannotWrite(f"{path} cannot be used: {_said(error)}; check address and credentials") from error
            if gone + wait > (min(AT_FIRST, patience) if stopping.asked() else patience):
                # Whatever is tidied up now need not wait as long.
                _answered.discard(store)
                raise CannotWrite(
                    f"{path} could not be reached for {gone:.0f} s: {_said(error)}; what is finished is kept there, "
                    f"and the same command goes on from it ({SECONDS} says how long to wait)"
                ) from error
            if gone > QUIET and not said:
                said = True
                print(f"ftbench: {store} does not answer ({_said(error)}); trying again", file=sys.stderr, flush=True)
        else:
            _answered.add(store)
            return answer
        time.sleep(wait)
        wait = min(2 * wait, WAITS[1])


def _patience() -> float:
    try:
        return float(os.environ.get(SECONDS, PATIENCE))
    except ValueError:
        raise BadInput(f"{SECONDS}={os.environ[SECONDS]!r} is no number of seconds") from None


def _said(error: BaseException) -> str:
    """What an error says of its cause, on one line."""
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(str(words).split()) or told(error)
