"""Time and memory of the tables of many cells: ``python benchmarks/speed/tables.py [--cells 1000] [--images 1000]``.

The rows are made up: each cell is read unattacked, after one deepfake, after one distortion and on unmarked covers, one
payload an image. No network runs. Prints the seconds of a processor that
tables, files and page took, and the most memory that the process held.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ftbench.report import report_tables
from ftbench.report.page import page
from ftbench.report.tables import written
from ftbench.storage.results import PSNR_SSIM, QUALITY_COLUMNS, ROW_COLUMNS, CellResult

ATTACKS = (
    ("none", "identity", "none", 0.01),
    ("faceswap", "identity", "none", 0.08),
    ("none", "jpeg quality=50", "compression", 0.03),
    ("unmarked", "identity", "none", 0.5),
)
BITS = 30


class Said:
    """A caption."""

    def line(self) -> str:
        """In words."""
        return "Rows made up to time the tables."


def cells(number: int, images: int) -> Iterator[CellResult]:
    """Cells whose methods differ in how much they read."""
    rng = np.random.default_rng(0)
    names = pd.Categorical([f"{image:032x}" for image in range(images)])
    one = pd.Categorical(["A"] * images)
    for place in range(number):
        parts = []
        for simulator, distortion, category, error in ATTACKS:
            wrong = rng.binomial(BITS, min(0.5, error * (1 + place / number)), images).astype(np.int16)
            about = {"image": names, "name": names, "identity": one, "draw": np.zeros(images, dtype=np.int8)}
            attack = {"simulator": simulator, "distortion": distortion, "category": category}
            errors = {"code_errors": wrong, "payload_errors": wrong}
            parts.append(pd.DataFrame(about | attack | errors)[list(ROW_COLUMNS)])
        rows = pd.concat(parts, ignore_index=True).astype(
            dict.fromkeys(("simulator", "distortion", "category"), "category")
        )
        quality = pd.DataFrame({"image": names, "name": names, "identity": one, "draw": np.int8(0), "of": "marked"})
        quality = quality[list(QUALITY_COLUMNS)].astype({"of": "category"})
        quality = quality.assign(psnr=rng.normal(36, 1, images), ssim=rng.normal(0.97, 0.005, images))
        settings = {"encoder": f"method {place}", "trained against": "faceswap", "seed": "0"}
        yield CellResult(
            hashlib.sha256(f"evaluation {place}".encode()).hexdigest(),
            f"method {place}",
            settings,
            "done",
            BITS,
            BITS,
            rows,
            quality,
            pd.DataFrame(),
        )


def measured(results: Sequence[CellResult]) -> tuple[float, float, float, int]:
    """Processor seconds to make the tables, their files and the page, and the page's bytes."""
    times = [time.process_time()]
    made = report_tables(results, PSNR_SSIM)
    times.append(time.process_time())
    for printed, rows in made:
        written(printed, Said(), rows)
    times.append(time.process_time())
    text = page([printed for printed, _ in made], Said(), manifest(results), {})
    times.append(time.process_time())
    tables, files, drawn = (after - before for before, after in itertools.pairwise(times))
    return tables, files, drawn, len(text.encode())


def manifest(results: Sequence[CellResult]) -> dict[str, Any]:
    """What a page says of where its numbers come from: a training and an evaluation a cell."""
    made = []
    for place, result in enumerate(results):
        about = {"label": result.label, "status": "done", "seconds": 60.0 + place % 97, "made_with": {"torch": "2"}}
        trained = hashlib.sha256(result.cell.encode()).hexdigest()
        made.append({"kind": "train", "identity": trained, "steps": 2000, "inputs": [], **about})
        row = {"columns": dict(result.settings)}
        made.append({"kind": "evaluate", "identity": result.cell, "inputs": [trained], "row": row, **about})
    return {"benchmark": "made-up", "scale": "small", "cells": made}


def peak() -> float:
    """The most memory that this process held, in GiB; of systems that do not tell, of Python's own alone."""
    try:
        import resource
    except ImportError:
        return tracemalloc.get_traced_memory()[1] / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--images", type=int, default=1000)
    asked = parser.parse_args()
    results = list(cells(asked.cells, asked.images))
    before = peak()
    tables, files, drawn, size = measured(results)
    print(f"{asked.cells} cells of {asked.images} images, {len(ATTACKS)} attacks each: tables {tables:.1f} s, files "
          f"{files:.1f} s, page {drawn:.1f} s of {size / 1e6:.1f} MB; {peak():.2f} GiB at most, {before:.2f} of them "
          "the rows; seconds of a processor")  # fmt: skip


if __name__ == "__main__":
    main()
