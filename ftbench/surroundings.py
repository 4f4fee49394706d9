"""What all code of a process shares, and no plugin may change: looked at before its code runs, put back after."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Surroundings:
    """The process as it was."""

    values: dict[str, Any]
    path: tuple[str, ...]
    modules: dict[str, Any]
    threads: frozenset[int]
    torch: bool
    """torch had been imported."""

    @classmethod
    def now(cls, modules: bool = False) -> Surroundings:
        """As they are; costs some microseconds, and with the loaded modules some hundred."""
        alive = frozenset(thread.ident or 0 for thread in threading.enumerate())
        return cls(_values(), tuple(sys.path), dict(sys.modules) if modules else {}, alive, _torch() is not None)

    def restored(self) -> list[str]:
        """Put everything back; one sentence, its subject left out, for each thing that had been changed."""
        misdeeds = []
        for name, after in _values().items():
            # Where torch came in between, what it starts with: its threads then nobody knows.
            before = self.values.get(name, FIRST.get(name, after))
            if after != before:
                misdeeds.append(f"set {name} to {after}")
                _set(name, before)
        missing = [entry for entry in self.path if entry not in sys.path]
        if missing:
            misdeeds.append(f"took {missing[0]!r} off sys.path")
            sys.path[:] = [*self.path, *(entry for entry in sys.path if entry not in self.path)]
        # Another module of that name, or None, which refuses to be imported.
        replaced = [name for name, module in self.modules.items() if sys.modules.get(name) is not module]
        if replaced:
            misdeeds.append(f"took {replaced[0]!r} from sys.modules")
            sys.modules.update({name: self.modules[name] for name in replaced})
        for thread in threading.enumerate():
            if not thread.daemon and (thread.ident or 0) not in self.threads:
                misdeeds.append(f"left thread {thread.name!r} running")
                LEFT.append(thread)
        return misdeeds


LEFT: list[threading.Thread] = []
"""Threads that plugins left running; Python would wait for them for ever."""
FIRST = {"torch's default dtype": "torch.float32", "torch's gradient mode": True}
DETERMINISM = "torch's deterministic algorithms"


def _torch() -> Any:
    torch = sys.modules.get("torch")
    # A module that is still being imported, or that somebody put there instead, has none of this.
    return torch if torch is not None and hasattr(torch, "get_num_threads") else None


def _values() -> dict[str, Any]:
    values: dict[str, Any] = {"the recursion limit": sys.getrecursionlimit()}
    # The working folder may have been removed.
    with contextlib.suppress(OSError):
        values["the working folder"] = str(Path.cwd())
    torch = _torch()
    if torch is not None:
        values["torch's default dtype"] = str(torch.get_default_dtype())
        values["torch's number of threads"] = torch.get_num_threads()
        values["torch's gradient mode"] = torch.is_grad_enabled()
        values[DETERMINISM] = torch.are_deterministic_algorithms_enabled()
    return values


def _set(name: str, value: Any) -> None:
    if name == "the recursion limit":
        sys.setrecursionlimit(value)
    elif name == "the working folder":
        os.chdir(value)
    else:
        torch = _torch()
        setters = {
            "torch's default dtype": lambda: torch.set_default_dtype(getattr(torch, value.partition(".")[2])),
            "torch's number of threads": lambda: torch.set_num_threads(value),
            "torch's gradient mode": lambda: torch.set_grad_enabled(value),
            DETERMINISM: lambda: torch.use_deterministic_algorithms(value),
        }
        setters[name]()
