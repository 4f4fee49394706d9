"""What can be said of an ONNX file without running its network: names, types and shapes of its inputs and outputs."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftbench_exported.files import Unusable, checked, reason
from ftbench_exported.runtime import open_session


@dataclass(frozen=True)
class Port:
    """An input or output of a network."""

    name: str
    dtype: str
    """numpy's name of it; onnxruntime's own where numpy has none."""
    dims: tuple[int | None, ...]
    """None: open."""

    def __str__(self) -> str:
        return f"{self.name!r} ({', '.join('?' if dim is None else str(dim) for dim in self.dims)})"


@dataclass(frozen=True)
class Description:
    """What can be said of a network without running it."""

    file: str
    """Its name, no folder."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def describe(file: Path) -> Description:
    """Inputs and outputs of a network that onnxruntime can run; raises Unusable."""
    try:
        state = file.stat()
    except OSError:
        raise Unusable(f"there is no file {file.name!r}; give the .onnx file of the network") from None
    return _described(file, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=64)
def _described(file: Path, changed: int, size: int) -> Description:
    # Planning asks once a combination; the arguments beside the file make a new one of a changed file.
    try:
        session = open_session(checked(file), threads=1, cuda=None, optimise=False)
    except Unusable:
        raise
    # onnxruntime's own errors share no base class.
    except Exception as error:
        raise Unusable(f"onnxruntime cannot run {file.name!r}: {reason(error)}") from error
    return Description(file.name, tuple(map(_port, session.get_inputs())), tuple(map(_port, session.get_outputs())))


def _port(argument: Any) -> Port:
    kind = re.fullmatch(r"tensor\((\w+)\)", argument.type)
    names = {"float": "float32", "double": "float64"}
    dims = tuple(dim if isinstance(dim, int) and dim >= 0 else None for dim in argument.shape)
    return Port(argument.name, names.get(kind[1], kind[1]) if kind else argument.type, dims)
