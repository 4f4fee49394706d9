"""Where the regions of a face lie, as rounded boxes in shares of the picture; light enough for listing."""

from __future__ import annotations

from typing import Literal

Region = Literal["eyes", "nose", "mouth", "lower-face", "inner-face"]
Box = tuple[float, float, float, float]
"""x and y of the middle from the upper left corner, half width and half height, as shares of the picture's side."""

BOXES: dict[Region, Box] = {
    "eyes": (0.50, 0.42, 0.27, 0.11),
    "nose": (0.50, 0.55, 0.11, 0.12),
    "mouth": (0.50, 0.69, 0.18, 0.10),
    "lower-face": (0.50, 0.68, 0.24, 0.17),
    "inner-face": (0.50, 0.55, 0.27, 0.26),
}
"""For faces whose eyes are at about 41 % of the height and whose mouth is at 69 %, as in ``procedural-faces`` and in
aligned photographs."""
