"""A result small enough to work out by hand: 2 images × 2 draws, 4 code bits, 2 payload bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ftbench.report.result import Caption, Samples
from ftbench.storage.results import QUALITY_COLUMNS, ROW_COLUMNS, CellResult

# (image, identity, draw): code errors and payload errors for each simulator without distortion.
READ = {
    "none": {("a", 0): (0, 0), ("a", 1): (1, 0), ("b", 0): (0, 0), ("b", 1): (3, 1)},
    "faceswap": {("a", 0): (1, 1), ("a", 1): (2, 1), ("b", 0): (4, 2), ("b", 1): (1, 0)},
    "unmarked": {("a", 0): (2, 1), ("a", 1): (2, 1), ("b", 0): (1, 1), ("b", 1): (3, 1)},
}
JPEG = {"none": (2, 1), "faceswap": (3, 1)}
QUALITY = {
    "marked": {
        ("a", 0): (30.0, 0.90),
        ("a", 1): (32.0, 0.92),
        ("b", 0): (np.inf, 1.0),
        ("b", 1): (40.0, 0.98),
    },
    "fake:faceswap": {
        ("a", 0): (20.0, 0.5),
        ("a", 1): (22.0, 0.5),
        ("b", 0): (25.0, 0.7),
        ("b", 1): (27.0, 0.7),
    },
}
IDENTITY = {"a": "A", "b": "B"}


@pytest.fixture
def result() -> CellResult:
    rows = [
        (image, f"{image}.png", IDENTITY[image], draw, simulator, "identity", "none", *errors)
        for simulator, read in READ.items()
        for (image, draw), errors in read.items()
    ]
    rows += [
        (image, f"{image}.png", IDENTITY[image], draw, simulator, "jpeg quality=50", "compression", *errors)
        for simulator, errors in JPEG.items()
        for image in "ab"
        for draw in (0, 1)
    ]
    quality = [
        (image, f"{image}.png", IDENTITY[image], draw, of, *values)
        for of, measured in QUALITY.items()
        for (image, draw), values in measured.items()
    ]
    curve = pd.DataFrame(
        {
            "step": [0, 10, 20],
            "loss": [1.0, 0.5, 0.2],
            "accuracy_marked": [0.5, 0.8, 0.9],
            "val_accuracy_marked": [np.nan, np.nan, 0.85],
            "psnr": [20.0, 25.0, 30.0],
        }
    )
    return CellResult(
        cell="ab" * 32,
        label="λ=1 α=0.1",
        settings={"encoder": "unet", "codec": "repetition", "λ": "1", "α": "0.1"},
        status="done",
        bits=2,
        code_bits=4,
        rows=pd.DataFrame(rows, columns=list(ROW_COLUMNS)),
        quality=pd.DataFrame(quality, columns=[*QUALITY_COLUMNS, "psnr", "ssim"]),
        curve=curve,
    )


@pytest.fixture
def caption() -> Caption:
    return Caption("quick", "two_identities", "0123456789abcdef", "small", 32, 2, 2, (0, 1), "100", ("50 % of it",))


@pytest.fixture
def many() -> Callable[..., CellResult]:
    """``many(cell, psnr, wrong, bits=8)``: one value an image, one draw; ``wrong`` counts code errors."""

    def make(cell: str, psnr: np.ndarray, wrong: np.ndarray, bits: int = 8) -> CellResult:
        images = [f"i{number:03}" for number in range(len(psnr))]
        rows = pd.DataFrame(
            [
                (image, image, "A", 0, simulator, "identity", "none", int(errors), int(errors))
                for simulator in ("none", "faceswap")
                for image, errors in zip(images, wrong, strict=True)
            ],
            columns=list(ROW_COLUMNS),
        )
        quality = pd.DataFrame(
            [(image, image, "A", 0, "marked", value, 0.9) for image, value in zip(images, psnr, strict=True)],
            columns=[*QUALITY_COLUMNS, "psnr", "ssim"],
        )
        curve = pd.DataFrame({"step": [1, 2], "loss": [1.0, 0.5]})
        return CellResult(cell, f"set {cell}", {"λ": cell}, "done", bits, bits, rows, quality, curve)

    return make


@pytest.fixture
def stalled(result: CellResult) -> CellResult:
    return replace(
        result,
        cell="cd" * 32,
        label="λ=1 α=0.5",
        status="stalled",
        settings={**result.settings, "α": "0.5"},
    )


@pytest.fixture
def samples() -> Samples:
    """Two rows at 32 px: the first unchanged by the mark, the second changed by +3 in red."""
    cover = np.empty((2, 32, 32, 3), dtype=np.uint8)
    cover[0], cover[1] = (10, 200, 30), (90, 60, 140)
    marked = cover.copy()
    marked[1, :, :, 0] += 3
    return Samples(("first", "second"), cover, marked, cover[:, ::-1] // 2, marked[:, ::-1] // 2)
