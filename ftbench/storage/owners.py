"""Which process it is that owns something, and whether it is still there."""

from __future__ import annotations

import functools
import os
import platform
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Owner:
    """A process. Numbers of processes come again, so when it was started is part of it."""

    host: str = ""
    """The machine's name, for people."""
    machine: str = ""
    """What tells this machine, since it was started, and the view that a container has of it, from all others."""
    pid: int = 0
    started: str = ""
    """By the system's own count; only compared with what the same machine says."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Owner:
        """What a file says of its owner; an unknown one where it says nothing of the kind."""
        host, machine, pid, started = (said.get(name) for name in ("host", "machine", "pid", "started"))
        if isinstance(host, str) and isinstance(machine, str) and type(pid) is int and isinstance(started, str):
            return cls(host, machine, pid, started)
        return cls()

    @property
    def words(self) -> str:
        """For people."""
        return f"process {self.pid} on {ascii(self.host[:80])[1:-1]}" if self.pid else "of which nothing is known"


def here() -> Owner:
    """This process."""
    return _process(os.getpid())


@functools.cache
def _process(pid: int) -> Owner:
    # A fork is another process.
    return Owner(platform.node(), _machine(), pid, started(pid) or "")


def alive(owner: Owner) -> bool | None:
    """Whether a process is there; None where this machine cannot know."""
    if not owner.pid or owner.machine != _machine():
        return None
    found = started(owner.pid)
    if found is None:
        return False
    return found == owner.started if found and owner.started else None


def started(pid: int) -> str | None:
    """When a process was started; None where there is none, ``""`` where the system does not tell."""
    if sys.platform == "linux":
        # In ticks since the system was: a clock that is set anew changes nothing.
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            state, *more = after_name.split()
            return None if state in "ZX" else more[18]
        except (OSError, ValueError, IndexError):
            # Other users' processes may be hidden.
            import psutil

            return "" if psutil.pid_exists(pid) else None
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.Error:
        return ""


@functools.cache
def _machine() -> str:
    """A container may share the machine's name and yet number its processes on its own."""
    known = [platform.node()]
    for file in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            place = Path(file)
            known.append(os.readlink(place) if place.is_symlink() else place.read_text(encoding="ascii").strip())  # noqa: PTH115
        except OSError:
            continue
    return " ".join(known if len(known) > 1 else [*known, f"{uuid.getnode():x}"])
