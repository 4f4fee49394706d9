"""Temporary folders that a killed process leaves behind, and the next one removes."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ftbench.storage.owners import Owner, alive, here

_NAME = re.compile(r"ftbench-(?P<machine>[0-9a-f]{12})-(?P<pid>[0-9]+)-(?P<started>[0-9.]+)-")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder that goes with this; those of processes that were killed go before it."""
    own = here()
    _sweep(own)
    prefix = f"ftbench-{_short(own)}-{own.pid}-{own.started or 0}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _sweep(own: Owner) -> None:
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob("ftbench-*"):
            found = _NAME.match(folder.name)
            # Of another container, whose processes cannot be seen, nothing is known.
            if not found or found["machine"] != _short(own):
                continue
            if alive(Owner(own.host, own.machine, int(found["pid"]), found["started"])) is False:
                shutil.rmtree(folder, ignore_errors=True)


def _short(owner: Owner) -> str:
    return hashlib.sha256(owner.machine.encode()).hexdigest()[:12]
