"""Calls of embed and extract, and what they leave: for the tests of marking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from tests.marking.carriers import photograph

BITS = 8


@dataclass
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


def photo(path: Path, seed: int = 0, shape: tuple[int, int] = (90, 120), **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photograph(*shape, seed=seed)).save(path, **options)
    return path


def register(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "payloads.csv", dtype=str)


def as_drawn(folder: Path) -> Path:
    """The register, as if every payload in it had been drawn."""
    file = folder / "payloads.csv"
    file.write_text(file.read_text(encoding="utf-8").replace('"no"', '"yes"'), encoding="utf-8")
    return file
