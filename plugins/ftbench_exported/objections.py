"""What planning asks: one sentence why an ONNX file cannot be used so, or None."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftbench_exported.files import MISSING, Unusable, installed

CELL = 8
"""Pixels along a place of a stand-in's smallest maps."""


def object_to_simulator(*, size: int, **parameters: Any) -> str | None:
    """Whether the network can be a simulator of images of ``size`` px."""
    from ftbench_exported.roles import as_simulator

    return _sentence(lambda: as_simulator(size, parameters), parameters)


def object_to_stand_in(
    *, size: int, width: float = 0.5, seed: int = 0, trained_on: str = "train", **parameters: Any
) -> str | None:
    """Whether the network can be one, and be imitated."""
    if size % CELL or size < 2 * CELL:
        return f"a stand-in needs images of a multiple of {CELL} px, {2 * CELL} or more, not {size}"
    return object_to_simulator(size=size, **parameters)


def object_to_encoder(*, size: int, bits: int, **parameters: Any) -> str | None:
    """Whether the network can be an encoder of ``bits`` bits for images of ``size`` px."""
    from ftbench_exported.roles import as_encoder

    return _sentence(lambda: as_encoder(size, bits, parameters), parameters)


def object_to_decoder(*, size: int, bits: int, **parameters: Any) -> str | None:
    """Whether the network can be a decoder of ``bits`` bits from images of ``size`` px."""
    from ftbench_exported.roles import as_decoder

    return _sentence(lambda: as_decoder(size, bits, parameters), parameters)


def _sentence(examine: Callable[[], object], parameters: dict[str, Any]) -> str | None:
    if not installed():
        return MISSING
    named = (parameters.get(name, "") for name in ("model", "source", "recogniser", "converter", "enhancer"))
    if any(file and not Path(file).is_file() for file in named):
        # The harness says so of every parameter that names a file, with its place.
        return None
    try:
        examine()
    except Unusable as error:
        return str(error)
    return None
