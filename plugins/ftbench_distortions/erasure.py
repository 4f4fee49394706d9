"""What hides a part of the image. Every image draws its own place."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Erase:
    """Blackens a block of the image's aspect and of ``share`` of its area, uniform over the places where it fits."""

    share: float
    place: Literal["random", "centre"]

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        batch, _, height, width = image.shape
        hidden = torch.zeros(batch, 1, height, width, dtype=torch.bool)
        if self.share:
            side = math.sqrt(self.share)
            rows, columns = max(1, round(height * side)), max(1, round(width * side))
            for mask in hidden:
                top, left = self._corner(height - rows, width - columns, generator)
                mask[:, top : top + rows, left : left + columns] = True
        return image.masked_fill(hidden.to(image.device), 0.0).clamp(0, 1)

    def _corner(self, most_down: int, most_right: int, generator: torch.Generator) -> tuple[int, int]:
        if self.place == "centre":
            return most_down // 2, most_right // 2
        return _drawn(0, most_down, generator), _drawn(0, most_right, generator)


@dataclass(frozen=True, kw_only=True)
class OverlayText:
    """Writes ``text`` over every image, in letters that are ``height`` of its height, black or white by a coin.

    The text lies inside the image where it fits, else it fills the width or height and is cut.
    """

    height: float
    opacity: float
    text: str

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range."""
        batch, _, height, width = image.shape
        letters = _letters(self.text, max(1, round(self.height * height)))
        down, right = height - letters.shape[0], width - letters.shape[1]
        covered = []
        for _ in range(batch):
            top = _drawn(min(0, down), max(0, down), generator)
            left = _drawn(min(0, right), max(0, right), generator)
            covered.append(_placed(letters, top, left, height, width))
        ink = torch.randint(2, (batch, 1, 1, 1), generator=generator).to(image)
        share = self.opacity * torch.stack(covered)[:, None].to(image)
        return (image + share * (ink - image)).clamp(0, 1)


def _drawn(low: int, high: int, generator: torch.Generator) -> int:
    """A whole number from ``low`` to ``high``, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def _placed(letters: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """The letters on an empty (h, w), cut where they leave it."""
    canvas = torch.zeros(height, width)
    seen = letters[max(0, -top) : height - top, max(0, -left) : width - left]
    top, left = max(0, top), max(0, left)
    canvas[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    return canvas


@functools.lru_cache(maxsize=64)
def _letters(text: str, size: int) -> Tensor:
    """How much of each pixel the text covers, cut to its ink: (rows, columns) in [0, 1]."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = (math.floor(edge) for edge in font.getbbox(text))
    picture = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(picture).text((-left, -top), text, font=font, fill=255)
    return torch.from_numpy(np.array(picture)).float() / 255
