"""Who does which kind of cell, and what a finished one keeps."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load as load_tensors

from ftbench.plan.cells import CellKind
from ftbench.runner.evaluation import QUALITY, ROWS, SAMPLES, evaluate_pair
from ftbench.runner.fitting import fit_part
from ftbench.runner.training import train_pair
from ftbench.storage.manifest import read_rows
from ftbench.train.loop import CURVE, curve_of
from ftbench.train.weights import WEIGHTS

WORK: dict[CellKind, Callable[..., dict[str, Any]]] = {
    "fit": fit_part,
    "train": train_pair,
    "evaluate": evaluate_pair,
}
"""Called with a cell of its kind, the bench, the cell's folder and progress; gives the cell's summary."""


def rows_of(content: bytes) -> pd.DataFrame:
    """Rows or quality from their file's content."""
    return read_rows(io.BytesIO(gzip.decompress(content)))


def samples_of(content: bytes) -> dict[str, Any]:
    """Sample pictures by name from their file's content; nothing is ever unpickled."""
    with np.load(io.BytesIO(content)) as held:
        return {name: held[name] for name in held.files}


_TRAINED: dict[str, Callable[[bytes], object]] = {WEIGHTS: load_tensors, CURVE: curve_of}
KEEPS: Mapping[CellKind, Mapping[str, Callable[[bytes], object]]] = {
    "fit": _TRAINED,
    "train": _TRAINED,
    "evaluate": {ROWS: rows_of, QUALITY: rows_of, SAMPLES: samples_of},
}
"""The files that a finished cell of each kind must have, and how each is read."""
