"""A benchmark that takes seconds, for the tests of a plugin, and faces to look at."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from ftbench.parts.catalogue import Plugins

if TYPE_CHECKING:
    from torch import Tensor

_SWAP = {"name": "faceswap", "width": 0.06, "latent": 16}
TINY: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "procedural-faces", "identities": 2, "images_per_identity": 40, "size": 32},
    "message": {"bits": 4},
    "matrix": {
        "encoder": {
            "name": "unet-resnet18",
            "backbone_options": {"channels": [8, 8, 8, 8]},
            "up_width": 0.02,
            "stem_channels": 8,
        },
        "decoder": {"name": "conv7", "width": 0.03},
        "simulator": _SWAP,
    },
    "fit": {"steps": 4, "batch_size": 8, "validate_every": 2},
    "code": {"steps": 4, "batch_size": 8, "validate_every": 2},
    "train": {"steps": 8, "batch_size": 8, "validate_every": 4},
    "evaluate": {"draws": 1},
    "compute": {"device": "cpu", "precision": "float32", "threads": 1},
}
"""Two drawn people, 32 px, 4 bits, networks of a few thousand weights: too small to learn anything."""


def faces(parts: Plugins, count: int, size: int) -> Tensor:
    """Faces of two drawn people in turn: float (count, 3, size, size) in [0, 1]."""
    import numpy as np
    import torch

    record = parts.find("dataset", "procedural-faces").record
    each = -(-count // 2)
    drawn = {"identities": 2, "images_per_identity": max(1, each)}
    source = record.load()(**dict(record.parameters.model_validate(drawn)))
    turns = [item for pair in zip(source.items[:each], source.items[each:], strict=True) for item in pair]
    pixels = np.stack([source.load(item, size) for item in turns[:count]])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).contiguous()


def run(benchmark: Mapping[str, Any] | Path | str, folder: Path) -> pd.DataFrame:
    """Run a benchmark as ``ftbench run`` does; its main table. Raises AssertionError when a cell fails.

    Args:
        benchmark: what to lay over ``TINY``, or the path of a benchmark file.
        folder: where file and results go.
    """
    from ftbench.console import Console
    from ftbench.publish.benchmark import run_request
    from ftbench.runner.opening import Request

    file = Path(benchmark) if isinstance(benchmark, str | Path) else folder / "benchmark.yaml"
    if isinstance(benchmark, Mapping):
        file.write_text(yaml.safe_dump(_laid_over(benchmark), allow_unicode=True), encoding="utf-8")
    told = io.StringIO()
    ran = run_request(Request(str(file), out=folder / "results"), Console(file=told))
    if ran.failed:
        raise AssertionError(f"the benchmark's cells failed:\n{told.getvalue()}")
    return pd.read_csv(ran.folder / "tables" / "main.csv")


def _laid_over(given: Mapping[str, Any]) -> dict[str, Any]:
    whole = _merged(TINY, given)
    if "simulators" not in whole["evaluate"]:
        trained = whole["matrix"]["simulator"]
        several = trained if isinstance(trained, list) else [trained]
        whole["evaluate"]["simulators"] = ["none", *(one for one in several if one != "none")]
    return whole


def _merged(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(dict(base))
    for key, value in top.items():
        below = merged.get(key)
        # A part named with other parameters is another part: nothing of the old one may stay.
        both = isinstance(value, Mapping) and isinstance(below, Mapping) and "name" not in value
        merged[key] = _merged(below, value) if both else copy.deepcopy(value)  # type: ignore[arg-type]
    return merged
