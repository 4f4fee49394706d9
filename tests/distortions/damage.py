"""What the tests of distortions share: parts by name, pictures, a seeded generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

import ftbench
from ftbench.contract.protocols import DistortionFunction
from ftbench_distortions.plugin import ftbench_distortions

RECORDS: dict[str, ftbench.Distortion] = {record.name: record for record in ftbench_distortions()}


def distortion(name: str, **given: Any) -> DistortionFunction:
    """The distortion with these parameters, its defaults filled in."""
    record = RECORDS[name]
    made: DistortionFunction = record.load()(**dict(record.parameters.model_validate(given)))
    return made


def at_strength(name: str, strength: float | int | None) -> DistortionFunction:
    """The distortion with its strength parameter, where there is one, set to this."""
    return distortion(name) if strength is None else distortion(name, **{RECORDS[name].strength: strength})


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(batch: int = 2, height: int = 64, width: int = 64, seed: int = 0) -> Tensor:
    """Smooth blobs, texture and saturated corners on the 8-bit grid, (batch, 3, height, width)."""
    rng = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(rng.standard_normal((batch, 3, height, width)), (0, 0, 4, 4)) * 2 + 0.5
    image = np.clip(blobs + 0.05 * rng.standard_normal(blobs.shape), 0, 1)
    image[:, :, :3, :3], image[:, :, -3:, -3:] = 0, 1
    return torch.from_numpy(np.round(image * 255) / 255).float()


def pixels(image: Tensor) -> np.ndarray:
    """One image (3, h, w) as 8-bit (h, w, 3), for Pillow."""
    return np.round(image.numpy() * 255).astype(np.uint8).transpose(1, 2, 0)


def coordinates(height: int, width: int) -> Tensor:
    """A float64 image (1, 3, h, w): red is the column and green the row, both in 1/255; blue is 1."""
    columns = torch.arange(width, dtype=torch.float64).expand(height, width) / 255
    rows = torch.arange(height, dtype=torch.float64)[:, None].expand(height, width) / 255
    return torch.stack([columns, rows, torch.ones(height, width, dtype=torch.float64)])[None]
