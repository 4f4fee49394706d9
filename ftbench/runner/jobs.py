"""Who does which kind of cell, and what a finished one keeps. Nothing heavy is imported before a cell is worked on."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ftbench.plan.cells import CellKind
from ftbench.storage.manifest import rows_of
from ftbench.storage.results import CURVE, QUALITY, ROWS, SAMPLES
from ftbench.train.weights import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd


def _called(module: str, name: str, *given: Any) -> dict[str, Any]:
    return dict(getattr(importlib.import_module(module), name)(*given))


WORK: dict[CellKind, Callable[..., dict[str, Any]]] = {
    "fit": partial(_called, "ftbench.runner.fitting", "fit_part"),
    "train": partial(_called, "ftbench.runner.training", "train_pair"),
    "evaluate": partial(_called, "ftbench.runner.evaluation", "evaluate_pair"),
}
"""Called with a cell of its kind, the bench, the cell's folder and progress; gives the cell's summary."""


def samples_of(content: bytes) -> dict[str, Any]:
    """Sample pictures by name from their file's content; nothing is ever unpickled."""
    import numpy as np

    with np.load(io.BytesIO(content)) as held:
        return {name: held[name] for name in held.files}


def curve_of(content: bytes) -> pd.DataFrame:
    """A curve from its file's content."""
    import pandas as pd

    return pd.read_csv(io.BytesIO(content))


def _tensors_of(content: bytes) -> object:
    from safetensors.torch import load

    return load(content)


_TRAINED: dict[str, Callable[[bytes], object]] = {WEIGHTS: _tensors_of, CURVE: curve_of}
KEEPS: Mapping[CellKind, Mapping[str, Callable[[bytes], object]]] = {
    "fit": _TRAINED,
    "train": _TRAINED,
    "evaluate": {ROWS: rows_of, QUALITY: rows_of, SAMPLES: samples_of},
}
"""The files that a finished cell of each kind must have, and how each is read."""
