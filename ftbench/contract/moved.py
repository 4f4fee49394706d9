"""Import paths that plugin authors were once told of: they go on working, with a warning."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any


def forwarding(old: str, new: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that takes every name from ``new``, and warns of the path ``old``."""

    def forward(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(new), name)
        warnings.warn(f"{old} is now {new}; import {name} from there", DeprecationWarning, stacklevel=2)
        return value

    return forward
