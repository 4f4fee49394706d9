"""Draws docs/figures/swap-graphics.png: ``python docs/make_swap_graphics.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_simulators.swap_graphics import SwapGraphics

TARGET = Path(__file__).resolve().parent / "figures" / "swap-graphics.png"
SIZE, PEOPLE, PHOTOGRAPHS = 160, 6, (0, 4, 12, 10, 13, 9)


def picture() -> Image.Image:
    """People, their donors, and what comes of them."""
    source = ProceduralFaces(identities=PEOPLE, images_per_identity=3, seed=0)
    items = [source.items[place] for place in PHOTOGRAPHS]
    faces = torch.from_numpy(np.stack([source.load(item, SIZE) for item in items])).permute(0, 3, 1, 2) / 255
    points = torch.from_numpy(np.stack([source.landmarks(item) for item in items]))
    donor = faces.roll(2, 0)
    given = {"donor": donor, "landmarks": points, "donor_landmarks": points.roll(2, 0)}
    fakes = SwapGraphics(size=SIZE, reach=1.0)(faces, given)
    whole = torch.cat([torch.cat(list(row), dim=2) for row in (faces, donor, fakes)], dim=1)
    return Image.fromarray((whole * 255).round().byte().permute(1, 2, 0).numpy())


if __name__ == "__main__":
    # 256 colours: a third of the bytes, and no eye tells.
    picture().quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(TARGET, optimize=True)
