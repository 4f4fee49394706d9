"""Where benchmark files are: a path, or the name of one that the package brings."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from ftbench.errors import BadInput, nearest

LONGEST_SAID = 60
"""Letters of a wrong name that a message repeats."""
EXPECTED = ".expected"
"""What the stem of a claims file ends in: ``paper.expected.yaml`` judges ``paper.yaml``."""


def builtin() -> dict[str, Path]:
    """The benchmark files of the package by name, in a checkout or installed."""
    return {name: file for name, file in _brought().items() if not name.endswith(EXPECTED)}


def builtin_claims() -> dict[str, Path]:
    """The claims files of the package by their benchmark's name."""
    return {name.removesuffix(EXPECTED): file for name, file in _brought().items() if name.endswith(EXPECTED)}


def _brought() -> dict[str, Path]:
    checkout = Path(__file__).resolve().parent.parent / "benchmarks"
    if checkout.is_dir():
        files = list(checkout.glob("*.yaml"))
    else:
        listed = importlib.metadata.files("ftbench") or []
        files = [Path(str(f.locate())).resolve() for f in listed if f.match("share/ftbench/benchmarks/*.yaml")]
    return {file.stem: file for file in sorted(files)}


def is_ours(file: Path) -> bool:
    """Whether a benchmark file is one that the package brings."""
    return file.resolve() in builtin().values()


def find(name: str) -> Path:
    """The file that a command line means: an existing path first, else a name; raises BadInput."""
    return _found(name, builtin(), "benchmark")


def find_claims(name: str) -> Path:
    """The claims file that a command line means: an existing path first, else a benchmark's name."""
    return _found(name, builtin_claims(), "claims file of a benchmark")


def _found(name: str, known: dict[str, Path], what: str) -> Path:
    path = Path(name)
    if _is_file(path) or path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return path
    if name in known:
        return known[name]
    near = ", ".join(nearest(name, known)) or ", ".join(known)
    said = repr(name) if len(name) <= LONGEST_SAID else f"{name[: LONGEST_SAID - 1]!r}…"
    raise BadInput(f"there is no file and no built-in {what} {said}; nearest: {near}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A name longer than the file system takes, or of letters that it has not.
        return False
