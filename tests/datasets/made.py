"""Folders of made photographs, and short ways to open them and look."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from ftbench.contract.protocols import Item
from ftbench_datasets.folder import FolderSource


def photo(seed: int, width: int = 96, height: int = 96) -> Image.Image:
    """Something with a photograph's falling spectrum, and unlike every other seed's."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        ).astype(float)
        for n in (3, 6, 12, 24)
    ]
    mixed = sum(layer * weight for layer, weight in zip(layers, (8, 4, 2, 1), strict=True)) / 15
    return Image.fromarray(np.clip((mixed - 128) * 1.5 + 128, 0, 255).astype(np.uint8))


def put(path: Path, image: Image.Image, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def people(root: Path, count: int = 2, each: int = 20) -> Path:
    # Bitmaps: a packed file's bytes, and so its split, would depend on the packer's release.
    for person in range(count):
        for number in range(each):
            put(root / f"p{person}" / f"{number:03}.bmp", photo(person * 1000 + number, 48, 48))
    return root


def opened(path: Path, split_by: str = "image", minimum_pixels: int = 16) -> FolderSource:
    return FolderSource(path=str(path), split_by=split_by, minimum_pixels=minimum_pixels)


def splits(source: FolderSource) -> dict[str, str]:
    return {item.key: item.split for item in source.items}


def by_name(source: FolderSource) -> dict[str, Item]:
    return {item.name: item for item in source.items}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def said(source: FolderSource, words: str) -> str:
    return next(note for note in source.notes if words in note)


def indexed(root: Path, text: str) -> Path:
    (root / "index.csv").write_text(text, encoding="utf-8")
    return root


def rows(*lines: tuple[str, str, str]) -> str:
    return "path,identity,split\n" + "".join(f"{','.join(line)}\n" for line in lines)


def numbered(root: Path, count: int) -> list[str]:
    return [put(root / "i" / f"{n:03}.bmp", photo(n, 40, 40)).relative_to(root).as_posix() for n in range(count)]
