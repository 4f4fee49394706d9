"""What the library itself gives, called as its README calls it, and faces to give it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from imwatermark import WatermarkDecoder, WatermarkEncoder
from PIL import Image

from ftbench.parts.catalogue import Plugins

Pixels = npt.NDArray[np.uint8]
METHODS = {"dwt-dct": "dwtDct", "dwt-dct-svd": "dwtDctSvd", "rivagan": "rivaGan"}


def library_marks(image: Pixels, bits: Sequence[int], name: str) -> Pixels:
    """RGB (h,w,3) -> RGB, marked by the library."""
    WatermarkEncoder.loadModel()
    encoder = WatermarkEncoder()
    encoder.set_watermark("bits", [int(bit) for bit in bits])
    marked: Pixels = encoder.encode(np.ascontiguousarray(image[..., ::-1]), METHODS[name])
    return np.ascontiguousarray(marked[..., ::-1])


def library_reads(image: Pixels, bits: int, name: str) -> npt.NDArray[np.bool_]:
    """RGB (h,w,3) -> the library's bits (n,)."""
    WatermarkDecoder.loadModel()
    read = WatermarkDecoder("bits", bits).decode(np.ascontiguousarray(image[..., ::-1]), METHODS[name])
    return np.asarray(read, dtype=bool)


def jpeg(image: Pixels, quality: int) -> Pixels:
    """RGB (h,w,3) through a JPEG file with halved chroma, by Pillow."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=2)
    return np.array(Image.open(file))


def faces(plugins: Plugins, count: int, size: int) -> list[Pixels]:
    """Drawn faces of as many people, RGB uint8 (size,size,3)."""
    record = plugins.find("dataset", "procedural-faces").record
    source = record.load()(**dict(record.parameters(identities=count, images_per_identity=1, seed=5)))
    return [source.load(item, size) for item in source.items]
