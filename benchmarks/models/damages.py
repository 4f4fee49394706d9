"""What is done to pictures before they are read: the rows of a card's table."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Damage = Callable[[Image.Image, np.random.Generator], Image.Image]
"""A picture in RGB and a source of randomness -> the picture as it is found."""


def saved(image: Image.Image, kind: str, quality: int) -> Image.Image:
    """An image as it comes out of a file."""
    file = io.BytesIO()
    image.convert("RGB").save(file, kind, quality=quality)
    return Image.open(file).convert("RGB")


def cut(image: Image.Image, draw: np.random.Generator, share: float) -> Image.Image:
    """A crop of this share of a picture's area, of its shape, from anywhere."""
    width, height = (max(1, round(side * share**0.5)) for side in image.size)
    left, top = draw.integers(0, image.width - width + 1), draw.integers(0, image.height - height + 1)
    return image.crop((left, top, left + width, top + height))


def _scaled(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    scale = draw.uniform(0.6, 1.4)
    return image.resize([round(side * scale) for side in image.size], Image.Resampling.BICUBIC)


def _noise(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    levels = np.asarray(image) + draw.normal(0, 0.05 * 255, (image.height, image.width, 3))
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))


def _screenshot(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    shown = _scaled(image, draw)
    border = tuple(int(side) for side in draw.integers(0, max(2, shown.width // 6), 4))
    return saved(ImageOps.expand(shown, border, (245, 245, 245)), "JPEG", 80)


def _text(image: Image.Image, _: np.random.Generator) -> Image.Image:
    shown = image.copy()
    for row in (0.1, 0.5, 0.85):
        ImageDraw.Draw(shown).text((image.width * 0.05, image.height * row), "who took this?", "white", font_size=40)
    return shown


def _network(image: Image.Image, _: np.random.Generator) -> Image.Image:
    large = image.resize((1080, round(1080 * image.height / image.width)), Image.Resampling.LANCZOS)
    small = saved(large, "JPEG", 80)
    small.thumbnail((320, 320))
    return small


def _small(image: Image.Image, _: np.random.Generator) -> Image.Image:
    small = image.resize((max(1, image.width // 4), max(1, image.height // 4)), Image.Resampling.BICUBIC)
    return small.resize(image.size, Image.Resampling.BICUBIC)


DAMAGES: dict[str, Damage] = {
    "nothing": lambda image, _: image,
    "JPEG 90": lambda image, _: saved(image, "JPEG", 90),
    "JPEG 75": lambda image, _: saved(image, "JPEG", 75),
    "JPEG 50": lambda image, _: saved(image, "JPEG", 50),
    "WebP 50": lambda image, _: saved(image, "WEBP", 50),
    "a quarter of its size and back": _small,
    "blur, σ 2": lambda image, _: image.filter(ImageFilter.GaussianBlur(2)),
    "noise, σ 0.05": _noise,
    "brightness × 0.5": lambda image, _: ImageEnhance.Brightness(image).enhance(0.5),
    "brightness × 1.5": lambda image, _: ImageEnhance.Brightness(image).enhance(1.5),
    "contrast × 0.5": lambda image, _: ImageEnhance.Contrast(image).enhance(0.5),
    "contrast × 1.5": lambda image, _: ImageEnhance.Contrast(image).enhance(1.5),
    "text over it": _text,
    "crop to 60 % of its area, JPEG 75": lambda image, draw: saved(cut(image, draw, 0.6), "JPEG", 75),
    "crop to half of its area, scaled by 0.6 to 1.4, JPEG 75": lambda image, draw: saved(
        _scaled(cut(image, draw, 0.5), draw), "JPEG", 75
    ),
    "turned by up to 10°": lambda image, draw: image.rotate(draw.uniform(-10, 10), Image.Resampling.BICUBIC),
    "mirrored": lambda image, _: ImageOps.mirror(image),
    "a screenshot: scaled by 0.6 to 1.4, borders, JPEG 80": _screenshot,
    "a content network: 1080 px, JPEG 80, 320 px": _network,
}
