"""Draws docs/figures/attacks.png: every built-in distortion on one procedural face. ``python docs/make_attacks.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ftbench_datasets.plugin import ftbench_datasets
from ftbench_distortions.plugin import ftbench_distortions

TARGET = Path(__file__).resolve().parent / "figures" / "attacks.png"
SIDE, ACROSS, GAP, WORDS = 60, 8, 5, 13
GIVEN: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 20},
    "jpeg-simulated": {"quality": 20},
    "webp": {"quality": 10},
    "gaussian-blur": {"sigma": 2},
    "median-blur": {"kernel": 7},
    "box-blur": {"kernel": 7},
    "motion-blur": {"length": 15, "angle": 30},
    "poisson-noise": {"photons": 30},
    "posterize": {"bits": 2},
    "crop": {"keep": 0.5},
    "rotation": {"angle": 20},
    "perspective": {"move": 0.2},
    "collage": {"scale": 0.6},
}
"""Where a default is too weak to be seen at this size."""


def main() -> None:
    """Write the picture."""
    faces = next(record for record in ftbench_datasets() if record.name == "procedural-faces")
    source = faces.load()(**dict(faces.parameters()))
    face = torch.tensor(np.array(source.load(source.items[3], SIDE))).permute(2, 0, 1)[None].float() / 255
    records = list(ftbench_distortions())
    down = -(-len(records) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * (SIDE + GAP), down * (SIDE + GAP + WORDS)), "white")
    generator = torch.Generator().manual_seed(4)
    for number, record in enumerate(records):
        parameters = record.parameters.model_validate(GIVEN.get(record.name, {}))
        damaged = record.load()(**dict(parameters))(face, generator)[0]
        x, y = number % ACROSS * (SIDE + GAP), number // ACROSS * (SIDE + GAP + WORDS)
        ImageDraw.Draw(sheet).text((x, y), record.name, font=ImageFont.load_default(8), fill="black")
        pixels = (damaged.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        sheet.paste(Image.fromarray(pixels), (x, y + WORDS))
    TARGET.parent.mkdir(exist_ok=True)
    sheet.save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
