"""What all code of a process shares, and no plugin may change: looked at before its code runs, put back after."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Setting:
    """One of torch's settings for everybody: how it is read and set, and what it is when torch starts."""

    read: Callable[[Any], Any]
    write: Callable[[Any, Any], object]
    first: Any = None


def _set_device(torch: Any, name: str) -> None:
    # None, and not "cpu": with a device set, torch asks at every call which one.
    torch.set_default_device(None if name == "cpu" else name)


def _autocast(device: str) -> _Setting:
    def write(torch: Any, value: tuple[bool, Any]) -> None:
        torch.set_autocast_enabled(device, value[0])
        torch.set_autocast_dtype(device, value[1])

    return _Setting(lambda torch: (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)), write)


def _cudnn(name: str) -> _Setting:
    return _Setting(
        lambda torch: getattr(torch.backends.cudnn, name),
        lambda torch, value: setattr(torch.backends.cudnn, name, value),
    )


CUDNN = ("enabled", "benchmark", "deterministic", "allow_tf32")
TORCH: dict[str, _Setting] = {
    "torch's default device": _Setting(lambda torch: str(torch.get_default_device()), _set_device, "cpu"),
    "torch's default dtype": _Setting(
        lambda torch: str(torch.get_default_dtype()),
        lambda torch, name: torch.set_default_dtype(getattr(torch, name.partition(".")[2])),
        "torch.float32",
    ),
    "torch's number of threads": _Setting(
        lambda torch: torch.get_num_threads(), lambda torch, n: torch.set_num_threads(n)
    ),
    "torch's gradient mode": _Setting(
        lambda torch: torch.is_grad_enabled(), lambda torch, on: torch.set_grad_enabled(on), True
    ),
    "torch's deterministic algorithms": _Setting(
        lambda torch: torch.get_deterministic_debug_mode(),
        lambda torch, mode: torch.set_deterministic_debug_mode(mode),
        0,
    ),
    "torch's anomaly detection": _Setting(
        lambda torch: torch.is_anomaly_enabled(), lambda torch, on: torch.autograd.set_detect_anomaly(on), False
    ),
    "torch's precision of matrix products": _Setting(
        lambda torch: torch.get_float32_matmul_precision(),
        lambda torch, name: torch.set_float32_matmul_precision(name),
        "highest",
    ),
    **{f"torch's autocast on {device}": _autocast(device) for device in ("cpu", "cuda")},
    **{
        f"torch.backends.cudnn.{name}": _cudnn(name) for name in ("enabled", "benchmark", "deterministic", "allow_tf32")
    },
}
FIRST = {name: setting.first for name, setting in TORCH.items() if setting.first is not None}


def _torch() -> Any:
    torch = sys.modules.get("torch")
    # A module that is still being imported, or that somebody put there instead, has none of this.
    return torch if torch is not None and hasattr(torch, "get_default_device") else None


def _values() -> dict[str, Any]:
    values: dict[str, Any] = {"the recursion limit": sys.getrecursionlimit()}
    # The working folder may have been removed.
    with contextlib.suppress(OSError):
        values["the working folder"] = os.getcwd()  # noqa: PTH109  (asked at every call of a part)
    torch = _torch()
    if torch is not None:
        values |= {name: setting.read(torch) for name, setting in TORCH.items()}
    return values


def _set(name: str, value: Any) -> None:
    if name == "the recursion limit":
        sys.setrecursionlimit(value)
    elif name == "the working folder":
        os.chdir(value)
    else:
        TORCH[name].write(_torch(), value)


@contextlib.contextmanager
def apart(seed: int) -> Iterator[None]:
    """For a cell: whatever its parts leave behind in the process ends with it.

    Beside what ``Surroundings`` holds: environment variables, filters of warnings, the log's level, and the random
    numbers of Python and numpy, which begin with ``seed``, so that no cell's hang on the cells before it. Torch's
    are seeded at every step.
    """
    import numpy as np

    before = Surroundings.now()
    environment, numbers = dict(os.environ), random.getstate()
    # The one that all share, which is what a part may have drawn from.
    states = np.random.get_state()  # noqa: NPY002
    level = logging.getLogger().level
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            yield
    finally:
        before.restored()
        logging.getLogger().setLevel(level)
        random.setstate(numbers)
        np.random.set_state(states)  # noqa: NPY002
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        for name, value in environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
