"""Who does which kind of cell, and what a finished one keeps. Nothing heavy is imported before a cell is worked on."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ftbench.plan.cells import CellKind
from ftbench.storage.manifest import read_rows
from ftbench.storage.results import CURVE, QUALITY, ROWS, SAMPLES
from ftbench.train.weights import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd


def _fit(*given: Any) -> dict[str, Any]:
    from ftbench.runner.fitting import fit_part

    return fit_part(*given)


def _train(*given: Any) -> dict[str, Any]:
    from ftbench.runner.training import train_pair

    return train_pair(*given)


def _evaluate(*given: Any) -> dict[str, Any]:
    from ftbench.runner.evaluation import evaluate_pair

    return evaluate_pair(*given)


WORK: dict[CellKind, Callable[..., dict[str, Any]]] = {"fit": _fit, "train": _train, "evaluate": _evaluate}
"""Called with a cell of its kind, the bench, the cell's folder and progress; gives the cell's summary."""


def rows_of(content: bytes) -> pd.DataFrame:
    """Rows or quality from their file's content."""
    return read_rows(io.BytesIO(gzip.decompress(content)))


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
