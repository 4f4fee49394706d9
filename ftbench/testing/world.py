"""What a part must leave alone: the process it runs in, standard output, and everybody's random numbers."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ftbench.testing.output import Printed, captured_output


@dataclass(frozen=True)
class Misdeed:
    """Something changed that was not the part's to change."""

    check: str
    promised: str
    happened: str
    where: str = ""


@contextlib.contextmanager
def watched(torch_draws: bool, importing: bool = False) -> Iterator[list[Misdeed]]:
    """Run a part's code; afterwards the list holds what it changed, and all of it is as it was.

    Args:
        torch_draws: the code may draw from torch's global generator, whose state is then left where it is.
        importing: environment variables may be added, as torch's and timm's own modules do when they are loaded.
    """
    misdeeds: list[Misdeed] = []
    states = [state for state in _STATES if not (torch_draws and state.name == "torch's global random state")]
    before = [state.read() for state in states]
    # A part may turn gradients off for good: the grad mode is put back by this.
    gradients = torch.is_grad_enabled()
    printed = Printed()
    try:
        with captured_output() as printed:
            yield misdeeds
    finally:
        if torch.is_grad_enabled() != gradients:
            misdeeds.append(Misdeed("process", "torch's gradient mode left alone", f"it is now {not gradients}"))
            torch.set_grad_enabled(gradients)
        for state, old in zip(states, before, strict=True):
            new = state.read()
            if importing and state.name == "the environment":
                new = {key: value for key, value in new.items() if key in old}
            if not state.same(old, new):
                misdeeds.append(Misdeed(state.check, f"{state.name} left alone", state.tell(old, new)))
                state.write(old)
        if printed.text.strip():
            first = printed.text.strip().splitlines()[0][:60]
            promised = "nothing printed to standard output"
            misdeeds.append(Misdeed("standard output", promised, f"it printed {first!r}", printed.where))


@dataclass(frozen=True)
class _State:
    check: str
    name: str
    read: Callable[[], Any]
    write: Callable[[Any], Any]
    same: Callable[[Any, Any], bool] = lambda old, new: bool(old == new)
    tell: Callable[[Any, Any], str] = lambda old, new: f"it went from {old} to {new}"


_TORCHS_OWN = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
"""Environment variables that torch sets when one of its functions is first used, whoever uses it."""


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _TORCHS_OWN}


def _set_environment(old: dict[str, str]) -> None:
    for key in [key for key in _environment() if key not in old]:
        del os.environ[key]
    os.environ.update(old)


def _told_environment(old: dict[str, str], new: dict[str, str]) -> str:
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return f"it changed {', '.join(changed)}"


def _drawn(_: Any, __: Any) -> str:
    return "it drew from it, or seeded it"


def _same_numpy(old: Any, new: Any) -> bool:
    return bool(old[2:] == new[2:] and np.array_equal(old[1], new[1]))


_STATES = (
    _State("process", "torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    _State("process", "torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    _State("process", "the working folder", os.getcwd, os.chdir),
    _State("process", "the environment", _environment, _set_environment, tell=_told_environment),
    _State(
        "random state",
        "torch's global random state",
        torch.get_rng_state,
        torch.set_rng_state,
        torch.equal,
        _drawn,
    ),
    _State(
        "random state",
        "numpy's global random state",
        np.random.get_state,
        np.random.set_state,
        _same_numpy,
        _drawn,
    ),
    _State("random state", "Python's global random state", random.getstate, random.setstate, tell=_drawn),
)
