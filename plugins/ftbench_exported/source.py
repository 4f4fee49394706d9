"""The face that a network pastes: a photograph, or the vector that a recogniser made of one."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ftbench_exported.description import Description, Port
from ftbench_exported.files import Unusable
from ftbench_exported.runtime import Array
from ftbench_exported.wiring import FLOATS, filled, image_side

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
"""Only these: among Pillow's other readers is one that starts Ghostscript."""
MAXIMUM_PIXELS = 89_478_485
"""268 MB as RGB; Pillow begins to warn here."""


def is_vector(file: str) -> bool:
    """Whether a source is an array as it is, not a photograph."""
    return Path(file).suffix.lower() == ".npy"


def check_source(network: Description, port: Port, file: str, *, layout: str, byte: bool, size: int) -> None:
    """Raise Unusable unless ``file`` can be given to ``port``. ``size``: side of a photograph where that is open."""
    if is_vector(file):
        if port.dtype not in FLOATS:
            raise Unusable(f"input {port} of {network.file!r} takes {port.dtype}, and a vector is of real numbers")
        filled(network, port, vector(file))
        return
    source_side(network, port, layout, size)
    if port.dtype not in (*FLOATS, "uint8") or (port.dtype == "uint8" and not byte):
        raise Unusable(f"input {port} of {network.file!r} takes {port.dtype}; a photograph needs source_range: byte")
    photograph(file, 1)


def check_photograph(file: str, recipe: str) -> None:
    """Raise Unusable unless ``file`` is a photograph, from which a recipe makes what its network wants."""
    if is_vector(file):
        raise Unusable(
            f"source: recipe {recipe} makes of a face what the network wants, and {Path(file).name!r} is no picture; "
            "give a photograph"
        )
    photograph(file, 1)


def source_side(network: Description, port: Port, layout: str, size: int) -> int:
    """The side that a photograph is brought to: the input's own, or ``size`` where that is open; raises Unusable."""
    if len(port.dims) == 4:
        fixed = port.dims[1 if layout == "nhwc" else 2]
        size = fixed or size
    return image_side(network, port, layout, size=size, resize_to=0)


def vector(file: str) -> Array:
    """The finite numbers of a ``.npy`` file, never unpickled; raises Unusable."""
    path = Path(file)
    try:
        # Not numpy.load, which opens archives and pickles as well, whatever a file is called.
        with path.open("rb") as opened:
            array: Array = np.lib.format.read_array(opened, allow_pickle=False)
        numbers = array.astype(np.float32)
    # numpy meets a damaged header with ValueError, SyntaxError, TokenError, MemoryError and more.
    except Exception as error:
        raise Unusable(f"source: {path.name!r} is not a .npy file of numbers; write it with numpy.save") from error
    if not np.isfinite(numbers).all():
        raise Unusable(f"source: {path.name!r} holds numbers that are not finite")
    return numbers


def photograph(file: str, size: int) -> Array:
    """A photograph, upright, cropped to its middle square: uint8 (size,size,3), RGB; raises Unusable."""
    path = Path(file)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAXIMUM_PIXELS:
                raise Unusable(f"source: {path.name!r} is too large, over {MAXIMUM_PIXELS / 1e6:.0f} million pixels")
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.array(ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC))
    except Unusable:
        raise
    # Pillow's readers meet damage with OSError, SyntaxError, struct.error and more.
    except Exception as error:
        raise Unusable(
            f"source: {path.name!r} is not a sound JPEG, PNG, WebP, BMP or TIFF image, nor a .npy file"
        ) from error
