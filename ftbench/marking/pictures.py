"""Picture files, read with everything that belongs to them and written back with it.

Pixels are upright, as viewers show them; files keep their pixels as they were stored, and the tag that turns them.
"""

from __future__ import annotations

import contextlib
import io
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from ftbench.errors import BadInput
from ftbench.marking import photopng, remains
from ftbench.marking.metadata import Kind, Metadata

Pixels = npt.NDArray[np.uint8]

FORMATS: tuple[Kind, ...] = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""Only these are opened: among Pillow's other readers is one that starts Ghostscript."""
MAXIMUM_PIXELS = 89_478_485
"""Where Pillow begins to warn."""
OPAQUE = 255
MOST_TEXT = 64 * 2**20
"""Bytes of a PNG's texts or colour profile, unpacked: more than any sound picture has, less than a bomb's."""
DRAWING = {"compress_level": 3}
"""As small as Pillow's own choice, 6, in two fifths of the time. What was no JPEG may be a drawing, which would be many
times as large where it is written as a photograph is."""
DEEP = "it has more than 8 bits a channel, which marking would cut off; save it with 8 bits first"
PLAIN_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}
"""Turned into 8-bit RGB or RGBA without losing a level."""

# Orientation -> how the stored pixels are turned upright, and how they are turned back.
_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_LEFT_RIGHT),
    3: (Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_TOP_BOTTOM),
    5: (Image.Transpose.TRANSPOSE, Image.Transpose.TRANSPOSE),
    6: (Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_90),
    7: (Image.Transpose.TRANSVERSE, Image.Transpose.TRANSVERSE),
    8: (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270),
}


@dataclass(frozen=True)
class Picture:
    """One still picture."""

    pixels: Pixels
    """Upright RGB (h, w, 3)."""
    alpha: Pixels | None
    """Upright opacity (h, w)."""
    orientation: int
    """EXIF's number for how the stored pixels lie, 1 to 8."""
    kind: Kind
    metadata: Metadata
    notes: tuple[str, ...] = ()
    """What no file written from it will have."""
    obstacle: str = ""
    """One sentence why it cannot be marked without loss; it can be read all the same."""

    def lost(self, kind: Kind) -> tuple[str, ...]:
        """One phrase for each thing of it that a file of this kind will not have."""
        clear = kind == "BMP" and self.alpha is not None and int(self.alpha.min()) < OPAQUE
        gone = ("its transparency left out, which BMP cannot hold",) if clear else ()
        return (*self.notes, *self.metadata.lost(kind), *gone)


def read_file(path: Path) -> Picture:
    """Decode a file. Raises BadInput with a reason that names no file."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise BadInput("it is a folder; name the pictures in it")
        # To open a pipe without a writer is to wait for ever.
        if not stat.S_ISREG(mode):
            raise BadInput("it is a pipe, a socket or a device; name a file")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is none"
        raise BadInput(f"it cannot be opened: {reason.lower()}") from error
    return read(data)


def read(data: bytes) -> Picture:
    """Decode a file's content. Raises BadInput with a reason that names no file."""
    try:
        # Pillow warns of odd metadata and of large pictures; neither is an error here.
        with warnings.catch_warnings(), _long_texts():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAXIMUM_PIXELS:
                    raise BadInput(_too_large())
                obstacle = _obstacle(image, data)
                image.load()
                return _picture(image, data, obstacle)
    except BadInput:
        raise
    except Image.DecompressionBombError as error:
        raise BadInput(_too_large()) from error
    except UnidentifiedImageError as error:
        raise BadInput("the file is empty" if not data else _other_kind(data)) from error
    # Pillow's readers meet damage with OSError, SyntaxError, struct.error, zlib.error and a dozen more.
    except Exception as error:
        raise BadInput("it is damaged or cut short") from error


def write(picture: Picture, pixels: Pixels, kind: Kind, quality: int) -> bytes:
    """A file of this kind with other pixels (h, w, 3) and all else of a picture.

    ``quality`` 1 to 100 is JPEG's; the other kinds are without loss. Raises BadInput where the kind cannot hold it.
    """
    if kind == "JPEG" and picture.alpha is not None:
        raise BadInput("it is transparent in parts, which JPEG cannot hold; use --format png")
    image = Image.fromarray(pixels if picture.alpha is None else np.dstack([pixels, picture.alpha]))
    turn = _TURNS.get(picture.orientation)
    how: dict[str, dict[str, Any]] = {
        # Without halved colour channels: the mark is in colour.
        "JPEG": {"quality": quality, "subsampling": 0},
        # Exact: the colours under transparent parts carry the mark as well.
        "WEBP": {"lossless": True, "exact": True},
        "PNG": DRAWING,
        # Uncompressed: libtiff, which would compress, takes no EXIF with tables inside.
        "TIFF": {"compression": "raw"},
    }
    file = io.BytesIO()
    try:
        stored = image.transpose(turn[1]) if turn else image
        if kind == "PNG" and picture.kind == "JPEG":
            return photopng.written(stored, picture.metadata.options(kind))
        stored.save(file, kind, **picture.metadata.options(kind), **how.get(kind, {}))
    # Metadata of any origin meets Pillow's writers here, and their complaints are of every type.
    except Exception as error:
        raise BadInput(f"it cannot be written as {kind}: {error}; use another --format") from error
    return file.getvalue()


def of_image(image: Image.Image) -> tuple[Pixels, Pixels | None, str]:
    """Of Pillow's image: upright RGB (h, w, 3), opacity (h, w) if there is any, and ``Picture.obstacle``.

    EXIF's orientation is obeyed; who turned the picture has dropped it, as ``ImageOps.exif_transpose`` does. Raises
    BadInput with a reason that names no file.
    """
    # Loaded, colour of 16 bits is 8 bits, and nothing tells.
    deep = any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    try:
        image.load()
        return *_layers(image, _orientation(image)), DEEP if deep else _obstacle(image, b"")
    except BadInput:
        raise
    # Pillow decodes a file only now, and meets damage with errors of every type.
    except Exception as error:
        closed = "closed" in str(error)
        raise BadInput("it was closed; give it while it is open" if closed else "it is damaged or cut short") from error


def _layers(image: Image.Image, orientation: int) -> tuple[Pixels, Pixels | None]:
    """Upright RGB (h, w, 3), and opacity (h, w) if there is any."""
    turn = _TURNS.get(orientation)
    transparent = image.has_transparency_data
    colours = _eight_bit(image)
    wanted = "RGBA" if transparent else "RGB"
    colours = colours if colours.mode == wanted else colours.convert(wanted)
    layers = np.asarray(colours.transpose(turn[0]) if turn else colours)
    alpha = np.ascontiguousarray(layers[..., 3]) if transparent else None
    return np.ascontiguousarray(layers[..., :3]), alpha


def _picture(image: Image.Image, data: bytes, obstacle: str) -> Picture:
    # Asked after loading: Pillow turns a TIFF upright itself, and forgets its tag.
    orientation = _orientation(image)
    pixels, alpha = _layers(image, orientation)
    more = getattr(image, "n_frames", 1) - 1 if image.format == "MPO" else 0
    return Picture(
        pixels=pixels,
        alpha=alpha,
        orientation=orientation,
        kind=next(kind for kind in FORMATS if kind == ("JPEG" if image.format == "MPO" else image.format)),
        metadata=Metadata.of(image, data),
        notes=(*([f"its {more} smaller picture(s) left out"] if more else []), *remains.named(image, data)),
        obstacle=obstacle,
    )


def _obstacle(image: Image.Image, data: bytes) -> str:
    # A camera's JPEG may carry previews and depth maps after its picture; the first is the picture.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        return f"it has {frames} frames or pages; save the one to mark as a picture of its own"
    if remains.preview_only(image):
        return (
            "it is a raw file or holds further pictures, and only a small one might be marked; "
            "save the one that is meant as a PNG, TIFF or JPEG of its own"
        )
    if _is_deep(image, data):
        return DEEP
    if image.mode not in PLAIN_MODES:
        return f"its colours are {image.mode}; convert it to RGB first"
    if (image.info.get("icc_profile") or b"")[16:20] == b"GRAY":
        return "it is grey with a grey colour profile, which does not fit a mark in colour; convert it to RGB first"
    return ""


def _is_deep(image: Image.Image, data: bytes) -> bool:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return True
    # Pillow reads colour of 16 bits as 8 and says nothing.
    if image.format == "PNG":
        return data[24:25] == b"\x10"
    tags = getattr(image, "tag_v2", {})
    return bool(max(tags.get(ExifTags.Base.BitsPerSample, (8,))) > 8)


def _eight_bit(image: Image.Image) -> Image.Image:
    # Older Pillows open a 16-bit PNG as "I", and their convert("L") clips where it should scale.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        samples = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((samples * 255 + 32767) // 65535).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BadInput("it has 32-bit samples, whose range is unknown; save it with 8 bits first")
    return image


def _orientation(image: Image.Image) -> int:
    try:
        found = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    # Damaged metadata must not cost a sound picture.
    except Exception:
        return 1
    return found if found in _TURNS else 1


@contextlib.contextmanager
def _long_texts() -> Iterator[None]:
    # Pillow calls a PNG damaged whose texts or colour profile pass a megabyte.
    before = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = MOST_TEXT, MOST_TEXT
    try:
        yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = before


def _other_kind(data: bytes) -> str:
    kinds = {b"ftyphe": "HEIC", b"ftypmi": "HEIC", b"ftypavi": "AVIF"}
    kind = next((kind for head, kind in kinds.items() if data[4:].startswith(head)), "")
    what = f"it is a {kind}" if kind else "it is not a JPEG, PNG, WebP, TIFF or BMP"
    return f"{what}; save it as JPEG or PNG first"


def _too_large() -> str:
    return f"it has more than {MAXIMUM_PIXELS / 1e6:.0f} million pixels; make it smaller first"
