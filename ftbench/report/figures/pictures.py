"""Covers, marked images, what was changed, and what the deepfake made of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ftbench.errors import BadInput
from ftbench.report.figures.canvas import (
    LINE_PIXELS,
    QUIET,
    TEXT,
    caption_lines,
    figure,
    plain_style,
    save,
    wrapped,
    write_caption,
)
from ftbench.report.result import Caption, Samples

GAIN = 10
SMALLEST, LARGEST = 160, 280
"""Pixels along a shown picture's side."""
GAP, MARGIN, NAMES, HEADINGS, TITLE = 8, 20, 124, 28, 38


def difference(cover: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """128 + 10·(marked − cover), clipped, uint8: mid-grey where nothing was changed."""
    change = marked.astype(np.int16) - cover.astype(np.int16)
    return np.clip(128 + GAIN * change, 0, 255).astype(np.uint8)


def picture_grid(path: Path, samples: Mapping[str, Samples], caption: Caption) -> Path:
    """One block a setting, one row a sample; columns cover, marked, change ×10, and both after the deepfake.

    Pixels are shown whole: small images are enlarged by repeating them. Raises BadInput without a sample.
    """
    if not samples or not all(len(sample.names) for sample in samples.values()):
        raise BadInput("there are no sample images to show; evaluate at least one image")
    first = next(iter(samples.values()))
    with_swap = any(sample.swapped_cover is not None for sample in samples.values())
    headings = ["cover", "marked", f"change ×{GAIN}", "fake of cover", "fake of marked"][: 5 if with_swap else 3]
    cell = _shown(first.cover[0]).shape[0]
    width = NAMES + MARGIN + len(headings) * (cell + GAP)
    said = caption_lines("Samples. Change: 128 + 10 · (marked − cover), so grey is no change. " + caption.line(), width)
    rows = sum(len(sample.names) for sample in samples.values())
    height = rows * (cell + GAP) + len(samples) * (TITLE + HEADINGS) + (len(said) + 2) * LINE_PIXELS + GAP
    with plain_style():
        made = figure(width, height)
        y = height - GAP
        for label, sample in samples.items():
            y -= TITLE
            made.text(
                MARGIN / width, (y + 6) / height, wrapped(label, (width - MARGIN) // 11, 1),
                fontsize=13, color=TEXT, weight="bold", va="bottom",
            )  # fmt: skip
            y -= HEADINGS
            for column, heading in enumerate(headings):
                x = NAMES + column * (cell + GAP) + cell / 2
                place = (x / width, (y + 6) / height)
                made.text(*place, heading, fontsize=10, color=TEXT, ha="center", va="bottom")
            for row, name in enumerate(sample.names):
                y -= cell
                made.text(
                    (NAMES - 10) / width, (y + cell / 2) / height, wrapped(name, 14, 4),
                    fontsize=9, color=QUIET, ha="right", va="center",
                )  # fmt: skip
                for column, picture in enumerate(_pictures(sample, row)):
                    made.figimage(_shown(picture), NAMES + column * (cell + GAP), y, origin="upper")
                y -= GAP
        write_caption(made, said)
        return save(path, made, vector=False)


def _pictures(sample: Samples, row: int) -> list[np.ndarray]:
    cover, marked = sample.cover[row], sample.marked[row]
    pictures = [cover, marked, difference(cover, marked)]
    if sample.swapped_cover is not None and sample.swapped_marked is not None:
        pictures += [sample.swapped_cover[row], sample.swapped_marked[row]]
    return pictures


def _shown(picture: np.ndarray) -> np.ndarray:
    """Square images (h, h, 3), each pixel repeated a whole number of times, or averaged over whole blocks."""
    side = picture.shape[0]
    if side > LARGEST:
        return np.asarray(Image.fromarray(picture).reduce(-(-side // LARGEST)))
    zoom = -(-SMALLEST // side)
    if zoom > 1 and zoom * side > LARGEST:
        zoom -= 1
    return picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
