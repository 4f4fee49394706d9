"""PSNR and SSIM of many pairs, beside scikit-image in a loop; and how far apart the two are."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.clock import in_turn, ratios, spread
from benchmarks.speed.lines import Line
from ftbench.contract.protocols import QualityMeasure
from ftbench.parts.discovery import discover
from ftbench.testing.material import pictures

PAIRS, SIDE, BATCH = 1000, 128, 64
LIBRARY = "scikit-image in a loop"


def pairs(count: int) -> tuple[Tensor, Tensor]:
    """Pictures (count,3,s,s) and the same with noise, both 8-bit values in [0, 1]."""
    reference = pictures(count, SIDE, seed=11)
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(12))
    return reference, ((reference + 0.03 * noise).clamp(0, 1) * 255).round() / 255


def library(reference: Tensor, image: Tensor) -> tuple[list[float], list[float]]:
    """PSNR and SSIM of each pair by scikit-image, from 8-bit pixels, its settings those of the SSIM paper."""
    # The library annotates parts of itself only.
    measures: Any = importlib.import_module("skimage.metrics")
    found: tuple[list[float], list[float]] = ([], [])
    for one, other in zip(as_pixels(reference), as_pixels(image), strict=True):
        found[0].append(float(measures.peak_signal_noise_ratio(one, other, data_range=255)))
        similar = measures.structural_similarity(
            one, other, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        found[1].append(float(similar))
    return found


def as_pixels(image: Tensor) -> np.ndarray:
    """Images (b,3,h,w) in [0, 1] as files hold them: uint8 (b,h,w,3)."""
    pixels: np.ndarray = (image * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def ours(reference: Tensor, image: Tensor) -> tuple[list[float], list[float]]:
    """The same by the metrics that ftbench brings, in an evaluation's batches."""
    found: tuple[list[float], list[float]] = ([], [])
    with torch.inference_mode():
        for one, other in zip(reference.split(BATCH), image.split(BATCH), strict=True):
            for values, measure in zip(found, _measures(), strict=True):
                values.extend(measure(one, other).tolist())
    return found


@functools.cache
def _measures() -> list[QualityMeasure]:
    plugins = discover()
    found: list[Any] = [plugins.find("metric", name, built_in_wins=True).record for name in ("psnr", "ssim")]
    return [record.load()() for record in found]


def quality(threads: tuple[int, ...], repeats: int, warm: int, quick: bool = False, **_: Any) -> Iterator[Line]:
    """Both beside the library, on each number of threads."""
    reference, image = pairs(200 if quick else PAIRS)
    apart = [
        max(abs(one - other) for one, other in zip(*values, strict=True))
        for values in zip(ours(reference, image), library(reference, image), strict=True)
    ]
    before = torch.get_num_threads()
    try:
        for count in threads:
            torch.set_num_threads(count)
            took = in_turn(
                {"ours": lambda: ours(reference, image), "library": lambda: library(reference, image)}, repeats
            )
            yield Line(
                "quality",
                f"PSNR and SSIM at {SIDE} px, {count} thread{'s' if count > 1 else ''}",
                "pairs/s",
                spread([one.by(count) for one in took["ours"]]).over(len(reference)),
                LIBRARY,
                ratios(took["library"], took["ours"], count),
                {"pairs": len(reference), "PSNR differs by": apart[0], "SSIM differs by": apart[1]},
            )
    finally:
        torch.set_num_threads(before)
