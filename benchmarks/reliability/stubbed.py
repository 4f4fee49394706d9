"""Cells that take no time: each writes the files that its kind must have, and nothing is computed.

A worker is told so by ``--preload benchmarks.reliability.stubbed``; then what a cell takes is what the harness takes.
"""

from __future__ import annotations

import gzip
import io
from typing import Any

import numpy as np

from ftbench.plan.cells import Cell, CellKind
from ftbench.runner import jobs
from ftbench.runner.bench import Bench
from ftbench.storage.files import write_bytes
from ftbench.storage.results import CURVE, QUALITY, ROWS, SAMPLES
from ftbench.storage.store import CellFolder
from ftbench.train.weights import WEIGHTS

# safetensors, without any tensor.
_WEIGHTS = (8).to_bytes(8, "little") + b"{}      "
_ROWS = gzip.compress(b"name,value\na,1.25\n", mtime=0)


def _learned(cell: Cell, bench: Bench, folder: CellFolder, progress: Any) -> dict[str, Any]:
    write_bytes(folder.file(WEIGHTS), _WEIGHTS)
    write_bytes(folder.file(CURVE), b"step,loss\n1,0.5\n")
    return {"steps": 1}


def _tested(cell: Cell, bench: Bench, folder: CellFolder, progress: Any) -> dict[str, Any]:
    samples = io.BytesIO()
    np.savez(samples, names=np.array(["a"]))
    for name, content in ((ROWS, _ROWS), (QUALITY, _ROWS), (SAMPLES, samples.getvalue())):
        write_bytes(folder.file(name), content)
    return {"images": 1, "rows": 1}


def install() -> None:
    """From now on cells of this process take no time."""
    work: dict[CellKind, Any] = {"fit": _learned, "train": _learned, "evaluate": _tested}
    jobs.WORK.update(work)


def dask_setup(worker: Any) -> None:
    """Called by Dask in a worker that starts."""
    install()
