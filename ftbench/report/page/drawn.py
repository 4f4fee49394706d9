"""Figures inside a page: drawings as they are where there is room, else pictures made small enough."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from ftbench.plaintext import shown

if TYPE_CHECKING:
    from PIL import Image

PICTURES, FEWEST = 400_000, 100_000
"""Bytes that all figures may take, and have beside ever so many tables; they are made smaller until they do."""
PAGE = 1_000_000
"""Bytes that a page should not be longer than."""
SAMPLES = "samples"
TITLES = {
    SAMPLES: "Original (cover), marked picture, what was changed ×10, and the fake of each",
    "transfer": "Bits read after each simulator",
    "psnr": "Bits read at equal PSNR",
    "flip": "Bits read at equal FLIP",
    "distortions": "Bits read after each distortion",
    "bits": "How each bit is read",
    "residuals": "What is changed, and at which frequencies",
    "curves": "Training curves",
}
"""Stem of a figure's file -> what it shows."""
TRIES = ((2400, 90), (1600, 85), (1100, 75), (800, 60), (500, 30))
"""Pixels across and WebP quality that a figure is tried at; of samples at the last as many are shown as
there is room for, and other figures are taken as they are then."""
TALLEST = 16_383
"""Pixels that a side of a WebP picture may have; samples of many pairs and simulators are taller than that."""
IN_BASE64 = 4 / 3
"""What a byte of a picture takes in a page."""


@dataclass(frozen=True)
class Figure:
    """A picture inside the page."""

    stem: str
    """Of its file."""
    title: str
    source: str
    width: int
    height: int


def room(words: int) -> int:
    """Bytes for the figures of a page whose words take so many."""
    return max(FEWEST, min(PICTURES, int((PAGE - words) / IN_BASE64)))


def drawn(figures: Mapping[str, bytes], drawings: Mapping[str, bytes], most: int = PICTURES) -> Iterator[Figure]:
    """``figures``: stem of a file -> PNG; ``drawings``: the SVG of some, which is sharp; ``most``: bytes of all."""
    from PIL import Image

    names = sorted(figures, key=lambda name: (list(TITLES).index(name) if name in TITLES else len(TITLES), name))
    sources, left = _sharp({name: _as_text(drawings[name]) for name in names if name in drawings}, len(names), most)
    for name in names:
        with Image.open(io.BytesIO(figures[name])) as opened:
            size, picture = opened.size, opened.convert("RGB")
        source, title = sources.get(name), TITLES.get(name, name)
        if source is None:
            source, size, whole = _small(picture, int(left) // (len(names) - len(sources)), cut=name == SAMPLES)
            title += "" if whole else f" (the first; all are in figures/{name}.png)"
        yield Figure(name, shown(title), source, *size)


def _sharp(texts: Mapping[str, str], count: int, most: int) -> tuple[dict[str, str], float]:
    """The drawings that leave each of ``count`` figures its share, the smallest first, and the bytes that are left."""
    taken: dict[str, str] = {}
    left = float(most)
    for name, text in sorted(texts.items(), key=lambda item: len(item[1])):
        if len(text) / IN_BASE64 <= left / (count - len(taken)):
            taken[name] = text
            left -= len(text) / IN_BASE64
    return taken, left


def _as_text(drawing: bytes) -> str:
    # Quotes stay what they are, each as its code: one kind stands inside the other, as in a font's name.
    return "data:image/svg+xml," + quote(" ".join(drawing.decode().split()), safe=" =/:,;()-.!?*+@$~[]{}|^_")


def _small(picture: Image.Image, most: int, cut: bool) -> tuple[str, tuple[int, int], bool]:
    """A picture as text, its size, and whether it is all of it: in ``most`` bytes where that can be had.

    ``cut``: else as much of its upper part as there is room for.
    """
    from PIL import Image

    for width, quality in TRIES:
        scaled = picture.copy()
        scaled.thumbnail((width, TALLEST), Image.Resampling.LANCZOS)
        if len(data := _webp(scaled, quality)) <= most:
            break
    shorter = _upper(scaled, int(scaled.height * most / len(data))) if cut and len(data) > most else scaled
    whole = shorter.height == scaled.height
    return _in_base64(data if whole else _webp(shorter, quality)), shorter.size, whole


def _upper(picture: Image.Image, most: int) -> Image.Image:
    """At most ``most`` rows of it, down to one that is of one colour; all of it where that would be next to nothing."""
    import numpy as np

    pixels = np.asarray(picture)[:most]
    plain = np.flatnonzero((pixels == pixels[:, :1]).all(axis=(1, 2)))
    rows = int(plain[-1]) if len(plain) else 0
    return picture.crop((0, 0, picture.width, rows)) if rows > picture.width / 2 else picture


def _webp(picture: Image.Image, quality: int) -> bytes:
    held = io.BytesIO()
    picture.save(held, "WEBP", quality=quality, method=6)
    return held.getvalue()


def _in_base64(data: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(data).decode()
