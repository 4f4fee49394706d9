"""Rows that give the kept tables' numbers: what a kept folder has no rows for, since those name photographs.

As many images as were tested, one reading each; wrong bits are strewn over them at random, as many as the kept rate
says, to a whole bit. Of three seeds the lowest, the highest and the mean are as kept. Which image is hard is not known
and is not what a page shows; so intervals differ.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftbench.storage.results import QUALITY_COLUMNS, ROW_COLUMNS, CellResult, MetricInfo

ROOT = Path(__file__).parents[2] / "results"


def manifest_of(folder: str) -> dict[str, Any]:
    """The kept manifest."""
    told: dict[str, Any] = json.loads((ROOT / folder / "manifest.json").read_text(encoding="utf-8"))
    return told


def metrics_of(folder: str) -> list[MetricInfo]:
    """The metrics that it names."""
    return [MetricInfo(**metric) for metric in manifest_of(folder)["metrics"]]


def results_of(folder: str) -> list[CellResult]:
    """One result an evaluation that the folder keeps."""
    rng = np.random.default_rng(0)
    evaluated = [cell for cell in manifest_of(folder)["cells"] if cell["kind"] == "evaluate"]
    bits = {cell["identity"]: cell["row"]["code_bits"] for cell in evaluated}
    rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for name in ("attacks", "combined"):
        for row in _read(folder, name):
            if row["kind"].startswith("the same"):
                # How far rates of rows above are from one half.
                continue
            about = row["simulator"], row["distortion"], row["category"]
            for cell, rate in _by_seed(row, "raw_bit_accuracy").items():
                for image, wrong in enumerate(_strewn(rng, rate, int(row["raw_bit_accuracy_n"]), bits[cell])):
                    rows[cell].append((*_image(image), 0, *about, wrong, wrong))
    quality: dict[str, dict[tuple[str, int], dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in _read(folder, "quality"):
        if not row["identity"]:
            for cell, mean in _by_seed(row, "quality").items():
                number = int(row["quality_n"])
                for image, off in enumerate(np.linspace(-0.01, 0.01, number)):
                    quality[cell][row["of"], image][row["metric"]] = mean * (1 + off)
    names = [metric.name for metric in metrics_of(folder)]
    return [
        CellResult(
            cell["identity"], cell["label"], cell["row"]["columns"], cell["status"], cell["row"]["payload_bits"],
            cell["row"]["code_bits"], pd.DataFrame(rows[cell["identity"]], columns=list(ROW_COLUMNS)),
            pd.DataFrame(
                [(*_image(image), 0, of, *(found[name] for name in names))
                 for (of, image), found in quality[cell["identity"]].items()],
                columns=[*QUALITY_COLUMNS, *names],
            ),
            pd.DataFrame(),
        )
        for cell in evaluated
    ]  # fmt: skip


def _read(folder: str, name: str) -> list[dict[str, str]]:
    with (ROOT / folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _by_seed(row: dict[str, str], stem: str) -> dict[str, float]:
    cells, mean = row["cell"].split(), float(row[f"{stem}_value"])
    if len(cells) == 1:
        return {cells[0]: mean}
    lowest, highest = float(row[f"{stem}_lowest"]), float(row[f"{stem}_highest"])
    middle = [(len(cells) * mean - lowest - highest) / (len(cells) - 2)] * (len(cells) - 2)
    return dict(zip(cells, [lowest, *middle, highest], strict=True))


def _strewn(rng: np.random.Generator, rate: float, images: int, bits: int) -> list[int]:
    wrong = np.zeros(images * bits, dtype=int)
    wrong[rng.choice(images * bits, round((1 - rate) * images * bits), replace=False)] = 1
    return [int(number) for number in wrong.reshape(images, bits).sum(axis=1)]


def _image(number: int) -> tuple[str, str, str]:
    return f"{number:032x}", f"{number}.png", "ab"[number % 2]
