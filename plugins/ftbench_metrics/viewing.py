"""The eye of FLIP: how it blurs colours, and what it finds edges and points with. Weights alone, no images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SENSITIVITY = (((1.0, 0.0047),), ((1.0, 0.0053),), ((34.1, 0.04), (13.5, 0.025)))
"""Contrast sensitivity to lightness, red against green, and yellow against blue: heights and widths of Gaussians."""
WIDEST = math.sqrt(0.04 / (2 * math.pi**2))
"""Standard deviation of the widest of them, degrees."""
FEATURE = 0.082 / 2
"""Standard deviation of the Gaussian whose derivatives find edges and points: half the width of an edge that is seen
best, in degrees."""
REACH = 3
"""Standard deviations."""

Weights = np.ndarray


@dataclass(frozen=True)
class Eye:
    """One that sees so many pixels a degree."""

    pixels_per_degree: float

    @cached_property
    def reach(self) -> int:
        """Pixels that any weights extend to a side."""
        return max(self._reach(WIDEST), self._reach(FEATURE))

    @cached_property
    def blurs(self) -> tuple[tuple[tuple[float, Weights], ...], ...]:
        """Of lightness, red-green and yellow-blue: shares that add up to 1, each with the weights of a blur."""
        found = []
        for gaussians in SENSITIVITY:
            rows = [self._cut(self._gaussian(math.sqrt(width / 2) / math.pi), WIDEST) for _, width in gaussians]
            # The paper's g = a·√(π/b)·exp(-π²r²/b), summed over pixels; all of them together are scaled to 1.
            heights = [a * math.sqrt(math.pi / b) * row.sum() ** 2 for (a, b), row in zip(gaussians, rows, strict=True)]
            found.append(tuple((h / sum(heights), row / row.sum()) for h, row in zip(heights, rows, strict=True)))
        return tuple(found)

    @cached_property
    def features(self) -> tuple[Weights, Weights, Weights]:
        """A blur, its first derivative and its second; what is above 0 adds up to 1, what is below to -1."""
        blur = self._cut(self._gaussian(FEATURE), FEATURE)
        away = self._away / (FEATURE * self.pixels_per_degree)
        return blur / blur.sum(), _balanced(-away * blur), _balanced((away**2 - 1) * blur)

    @property
    def _away(self) -> np.ndarray:
        return np.arange(-self.reach, self.reach + 1.0)

    def _gaussian(self, deviation: float) -> np.ndarray:
        return np.exp(-0.5 * (self._away / (deviation * self.pixels_per_degree)) ** 2)

    def _cut(self, row: np.ndarray, deviation: float) -> np.ndarray:
        return np.where(np.abs(self._away) <= self._reach(deviation), row, 0.0)

    def _reach(self, deviation: float) -> int:
        return math.ceil(REACH * deviation * self.pixels_per_degree)


def _balanced(row: np.ndarray) -> np.ndarray:
    balanced: np.ndarray = row / np.where(row > 0, row[row > 0].sum(), -row[row < 0].sum())
    return balanced
