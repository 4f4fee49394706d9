"""One image file, as upright 8-bit RGB."""

from __future__ import annotations

import importlib.util
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from ftbench_datasets.files import closed, unfit
from ftbench_datasets.pngtexts import without_texts

Pixels = npt.NDArray[np.uint8]

# Only these: among Pillow's other readers is one that starts Ghostscript. AVIF came with Pillow 11.3.
FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000")
if importlib.util.find_spec("PIL.AvifImagePlugin"):
    FORMATS = (*FORMATS, "AVIF")
_KINDS = "not a JPEG, PNG, WebP, BMP, TIFF, GIF, PPM, JPEG 2000 or AVIF image"

# 268 MB as RGB; Pillow begins to warn here as well.
MAXIMUM_PIXELS = 89_478_485

# A residual added to white or black is clipped on one side, which would flatter or punish a watermark
# wherever a picture is transparent; mid-grey leaves it the same room up and down.
BACKGROUND = (128, 128, 128, 255)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImage(Exception):
    """The message is the reason, a few words that name no path."""


def read_rgb(path: Path) -> Pixels:
    """The image in a file, uint8 (h, w, 3), as ``decode`` makes it. Raises UnreadableImage."""
    return np.asarray(decode(read_bytes(path)))


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises UnreadableImage with a reason that leaves the path out."""
    why = unfit(path)
    if why:
        raise UnreadableImage(why)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(closed(error)) from error


def decode(data: bytes, *, minimum: int = 1, coarse: int | None = None) -> Image.Image:
    """The first frame in ``data`` as an upright 8-bit RGB image, every byte of it decoded.

    The EXIF orientation is applied. Grey, CMYK and palette images are converted without colour profiles.
    16-bit grey is scaled, 65535 to 255 (colour of 16 bits keeps its high byte); transparent parts lie
    on mid-grey. ``coarse`` lets a JPEG be decoded at a reduced scale, its sides at least so many pixels.
    Texts and colour profiles of a PNG that are damaged, or longer than Pillow reads, are passed over.

    Raises UnreadableImage for damaged and truncated files, for other formats, for 32-bit samples (their
    range is unknown), for a shorter side under ``minimum`` and for more than MAXIMUM_PIXELS pixels.
    """
    try:
        return _decode(data, minimum, coarse)
    except UnreadableImage:
        lean = without_texts(data)
        if len(lean) == len(data):
            raise
        return _decode(lean, minimum, coarse)


def _decode(data: bytes, minimum: int, coarse: int | None) -> Image.Image:
    try:
        with _quiet(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAXIMUM_PIXELS:
                raise UnreadableImage(_too_large(image.size))
            if min(image.size) < minimum:
                raise UnreadableImage(f"too small: {image.width}×{image.height} pixels, under {minimum}")
            if coarse is not None:
                image.draft(None, (coarse, coarse))
            image.load()
            # Asked after loading: Pillow turns a TIFF itself then, and forgets its tag.
            turn = _UPRIGHT.get(_orientation(image))
            upright = _to_rgb(image)
            return upright if turn is None else upright.transpose(turn)
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage(_too_large(None)) from error
    except UnidentifiedImageError as error:
        raise UnreadableImage("empty file" if not data else _KINDS) from error
    # Pillow's readers meet damage with OSError, SyntaxError, struct.error, zlib.error and a dozen more.
    except Exception as error:
        raise UnreadableImage("damaged or truncated") from error


def upright_size(data: bytes) -> tuple[int, int]:
    """Width and height of the picture in ``data`` as ``decode`` gives it; raises as that does."""
    return decode(data).size


def coarseness(data: bytes) -> float | None:
    """The mean step that a JPEG's brightness was quantised with, 1 to 255; None for other formats."""
    if not data.startswith(b"\xff\xd8"):
        return None
    with _quiet(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        tables: dict[int, list[int]] = getattr(image, "quantization", {})
        return float(np.mean(tables[0])) if tables.get(0) else None


def fit_square(image: Pixels, size: int) -> Pixels:
    """Centre-crop (h, w, 3) to a square and resize it: uint8 (size, size, 3).

    Pillow's bicubic widens with the reduction, so nothing aliases; it keeps more detail than bilinear,
    and rings less than Lanczos about hair and eyes, where a halo would count as the cover's own texture.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(np.ascontiguousarray(image[top : top + side, left : left + side]))
    return np.array(square.resize((size, size), Image.Resampling.BICUBIC))


def _to_rgb(image: Image.Image) -> Image.Image:
    # Older Pillows open a 16-bit PNG as "I", and their convert("L") clips where it should scale; so is every
    # grey map of more than 8 bits, scaled to 16.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        samples = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((samples * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise UnreadableImage("32-bit samples of unknown range: save it with 8 or 16 bits")
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, BACKGROUND)
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    # Damaged metadata must not cost a sound picture.
    except Exception:
        return 1


def _too_large(size: tuple[int, int] | None) -> str:
    found = "" if size is None else f"{size[0]}×{size[1]} pixels, "
    return f"too large: {found}over {MAXIMUM_PIXELS / 1e6:.0f} million pixels"


class _Silence:
    """Pillow's warnings off while any thread decodes; filters are global, so the last out restores them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.filters = warnings.catch_warnings()

    def enter(self) -> None:
        with self.lock:
            if not self.depth:
                self.filters = warnings.catch_warnings()
                self.filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self.depth += 1

    def leave(self) -> None:
        with self.lock:
            self.depth -= 1
            if not self.depth:
                self.filters.__exit__(None, None, None)


_SILENCE = _Silence()


@contextmanager
def _quiet() -> Iterator[None]:
    _SILENCE.enter()
    try:
        yield
    finally:
        _SILENCE.leave()
