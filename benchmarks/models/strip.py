"""A picture of what a mark looks like: covers, marked, and eight times the difference, side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ftbench.errors import BadInput
from ftbench.marking import anysize, given, pictures, presence
from ftbench.marking.tracing import tensor
from ftbench.marking.trained import Trained

FILE = "strip.jpg"
TIMES = 8
"""How often the difference is seen, about a middle grey."""
LARGEST = 300 * 1000
"""Bytes of the file."""
GAP = 4
"""White pixels between two pictures."""
QUALITIES = (95, 92, 88, 84, 80, 70, 60)


def strip(model: Trained, files: Sequence[Path]) -> bytes:
    """A JPEG: a column for each picture, in rows its cover, the marked one and the difference.

    Each is the largest square from its middle, shrunk to the network's size, so that every pixel is shown. Raises
    BadInput where a file cannot be read or marked, and where the whole would be larger than ``LARGEST``.
    """
    side = model.size
    shown = Image.new("RGB", (len(files) * (side + GAP) - GAP, 3 * (side + GAP) - GAP), "white")
    for column, file in enumerate(files):
        picture = Image.fromarray(pictures.read_file(file).pixels)
        cover = np.array(ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS))
        word = given.draw(model, presence.PUBLIC)
        done = anysize.mark(model.pair, tensor(cover), model.code(word), side, model.target_psnr)
        marked = done.permute(1, 2, 0).numpy()
        difference = (128 + TIMES * (marked.astype(int) - cover)).clip(0, 255).astype(np.uint8)
        for row, pixels in enumerate((cover, marked, difference)):
            shown.paste(Image.fromarray(np.ascontiguousarray(pixels)), (column * (side + GAP), row * (side + GAP)))
    for quality in QUALITIES:
        held = io.BytesIO()
        shown.save(held, "JPEG", quality=quality, subsampling=0, optimize=True)
        if held.tell() <= LARGEST:
            return held.getvalue()
    raise BadInput(f"{len(files)} pictures make a strip of more than {LARGEST // 1000} kB; give fewer with --strip")
