"""Noise that looks alike at every image size.

Every pattern is a fixed spectrum, cut at what the size can hold: the 64 px pattern is the 256 px one,
averaged down. Made once for each size, from constants, then shared by all images.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
"""float32 in fact: NumPy's stubs take the product with a Python float for float64."""

PATTERN = 512
"""Samples along an edge of the surface patterns, whatever the image size."""
STRANDS = 4096
_STEPS = 32


def _white(stream: int, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    # Raw uniforms: NumPy keeps them from version to version, which it doesn't promise of normal().
    uniform: npt.NDArray[np.float64] = np.random.Generator(np.random.PCG64(stream)).random(shape)
    return (uniform - 0.5) * 12**0.5


def _coloured(stream: int, fall: float, pixels: int, lowest: float = 1.0) -> npt.NDArray[np.complex128]:
    """Spectrum of a PATTERN × PATTERN field of unit variance with amplitude f^-fall, seen by ``pixels`` pixels."""
    spectrum = np.fft.fft2(_white(stream, (PATTERN, PATTERN)))
    f = np.fft.fftfreq(PATTERN, 1 / PATTERN)
    radius = np.hypot(f[:, None], f[None, :])
    spectrum *= np.maximum(radius, lowest) ** -fall * (radius > 0)
    spectrum /= np.sqrt(np.mean(np.abs(np.fft.ifft2(spectrum)) ** 2))
    box = np.sinc(f / pixels)
    seen: npt.NDArray[np.complex128] = spectrum * box[:, None] * box[None, :]
    return seen


@lru_cache(maxsize=64)
def tile(size: int, stream: int, fall: float) -> Array:
    """(2·size, 2·size) periodic noise with period ``size``, amplitude f^-fall; any size² window is one period."""
    spectrum = np.fft.fftshift(_coloured(stream, fall, size))
    kept = min(size, PATTERN) // 2
    middle = slice(PATTERN // 2 - kept, PATTERN // 2 + kept)
    room = np.zeros((size, size), np.complex128)
    start = size // 2 - kept
    room[start : start + 2 * kept, start : start + 2 * kept] = spectrum[middle, middle]
    # fftshift puts frequency 0 at size // 2, where ifftshift expects it. Pixel centres lie half a pixel in.
    half = np.exp(1j * np.pi * np.arange(-(size // 2), size - size // 2) * (1 / size - 1 / PATTERN))
    room *= half[:, None] * half[None, :]
    field = np.fft.ifft2(np.fft.ifftshift(room)).real * (size / PATTERN) ** 2
    return np.tile(field, (2, 2)).astype(np.float32)


def window(size: int, stream: int, fall: float, at: tuple[float, float]) -> Array:
    """(size, size) view of ``tile``, begun at ``at`` ∈ [0, 1)², in steps that every common size can make."""
    y, x = (int(int(value * _STEPS) * size / _STEPS) for value in at)
    return tile(size, stream, fall)[y : y + size, x : x + size]


@lru_cache(maxsize=32)
def skin(size: int) -> tuple[Array, Array]:
    """Two (PATTERN²,) patterns to be wrapped round a head: pores and blotches (unit variance); freckles in [0, 1]."""
    # One period spans 2 head half-heights, about 0.77 of the image's edge.
    pixels = max(8, round(0.77 * size))
    pores = np.fft.ifft2(_coloured(11, 0.9, pixels, lowest=4.0)).real
    spots = np.fft.ifft2(_coloured(12, 0.0, PATTERN) * _disc(3.2)).real
    spots = np.clip(spots / spots.std() - 1.5, 0, 0.8) / 0.8
    spots = np.fft.ifft2(np.fft.fft2(spots) * _disc(0.45 * PATTERN / pixels)).real
    return pores.astype(np.float32).ravel(), np.maximum(spots, 0).astype(np.float32).ravel()


def _disc(sigma: float) -> npt.NDArray[np.float64]:
    f = np.fft.fftfreq(PATTERN)
    square = f[:, None] ** 2 + f[None, :] ** 2
    low: npt.NDArray[np.float64] = np.exp(-2 * np.pi**2 * sigma**2 * square)
    return low


@lru_cache(maxsize=32)
def strands(size: int) -> Array:
    """(STRANDS,) periodic brightness across a head of hair, unit variance before the pixels average it.

    One period spans 4 head half-heights.
    """
    spectrum = np.fft.rfft(_white(13, (STRANDS,)))
    f = np.arange(len(spectrum), dtype=np.float64)
    # Locks of a tenth of a head and hairs of a hundredth, little between 0 and 4 to leave the colour alone.
    spectrum *= np.maximum(f, 8.0) ** -0.40 * (f >= 5) * np.exp(-((f / 500) ** 2))
    field = np.fft.irfft(spectrum, STRANDS)
    spectrum /= field.std()
    spectrum *= np.exp(-2 * (np.pi * f * 0.5 / (4 * 0.385 * size)) ** 2)
    return np.fft.irfft(spectrum, STRANDS).astype(np.float32)


@lru_cache(maxsize=64)
def bicubic(size: int, cells: int) -> Array:
    """(size, cells) matrix that spreads ``cells`` values smoothly over ``size`` pixels (uniform B-spline)."""
    at = (np.arange(size) + 0.5) / size * (cells - 3)
    base = np.minimum(at.astype(int), cells - 4)
    t = at - base
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], 1) / 6
    matrix = np.zeros((size, cells), np.float32)
    for k in range(4):
        matrix[np.arange(size), base + k] = weights[:, k]
    return matrix
