"""Where in a part's own sources something happened, as ``file:line``."""

from __future__ import annotations

import importlib.util
import inspect
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftbench.errors import told

_HERE = Path.cwd()
"""The working folder at the start: a part may change it."""


def shown(file: str, line: int) -> str:
    """``file:line``, the file relative to the working folder where it lies inside it."""
    relative = os.path.relpath(file, _HERE)
    return f"{file if relative.startswith('..') else relative}:{line}"


def of_object(found: Any) -> str:
    """Where a function or class is defined; of an object, where its class is. ``""`` if nobody knows."""
    target = inspect.unwrap(found) if callable(found) else found
    if not (inspect.isclass(target) or inspect.isroutine(target) or inspect.ismodule(target)):
        target = type(target)
    try:
        file = inspect.getsourcefile(target)
        line = 1 if inspect.ismodule(target) else inspect.getsourcelines(target)[1]
    except (OSError, TypeError):
        return ""
    return shown(file, line) if file else ""


def is_file(module: str) -> bool:
    """Whether an entry point's module is no module, but the path of a local plugin."""
    return module.endswith(".py") and Path(module).is_file()


def of_module(name: str) -> str:
    """The first line of a module's file, without importing it; its name if there is no such module.

    The file itself may be named instead, as a local plugin is.
    """
    if is_file(name):
        return shown(name, 1)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        spec = None
    return shown(spec.origin, 1) if spec and spec.origin else name


def package_folders(module: str) -> tuple[str, ...]:
    """The folders of a module's top-level package, or the file of one that is no package."""
    if is_file(module):
        return (module,)
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError, AttributeError):
        return ()
    if spec is None:
        return ()
    folders = tuple(str(Path(place)) + os.sep for place in spec.submodule_search_locations or ())
    return folders or ((spec.origin,) if spec.origin else ())


def raised(error: BaseException, inside: Sequence[str]) -> str:
    """The innermost frame of a traceback that lies in one of these folders or files; ``""`` if none does."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(tuple(inside) or ("\0",))]
    return shown(frames[-1].filename, frames[-1].lineno or 1) if frames else ""


def sentence(error: BaseException, longest: int = 240) -> str:
    """An exception in one line."""
    text = told(error)
    return text if len(text) <= longest else text[: longest - 1] + "…"
