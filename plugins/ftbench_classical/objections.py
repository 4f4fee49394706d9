"""What planning asks: one sentence why a classical method cannot be used so, or None."""

from __future__ import annotations

import importlib.util
from types import ModuleType

INSTALL = "pip install 'ftbench[classical]'"
MISSING = f"the classical methods need the invisible-watermark library, which is not installed; {INSTALL}"
NO_RUNTIME = f"rivagan needs onnxruntime, which is not installed; {INSTALL}"
NO_WEIGHTS = (
    "the installed invisible-watermark has no weights for rivagan, and nothing is downloaded; "
    f"{INSTALL} brings a release that has them"
)
SMALLEST = 256
"""Side in pixels; the library refuses images of fewer than 256 × 256."""
RIVAGAN_BITS = 32
PIXELS_A_BLOCK = 8
"""Side of the square of the image that one block of 4×4 wavelet coefficients covers."""


def object_to_wavelet(*, size: int, bits: int, scale: float) -> str | None:
    """Whether ``dwt-dct`` or ``dwt-dct-svd`` can carry ``bits`` in an image of ``size`` px."""
    if said := _unusable() or _too_small(size):
        return said
    blocks = (size // PIXELS_A_BLOCK) ** 2
    if bits > blocks:
        return f"the code has {bits} bits, and an image of {size} px has {blocks} blocks, which carry a bit each"
    return None


def object_to_rivagan(*, size: int, bits: int) -> str | None:
    """Whether ``rivagan`` can carry ``bits`` in an image of ``size`` px."""
    if importlib.util.find_spec("imwatermark") and not importlib.util.find_spec("onnxruntime"):
        return NO_RUNTIME
    if said := _unusable() or _too_small(size):
        return said
    if bits != RIVAGAN_BITS:
        return f"rivagan carries {RIVAGAN_BITS} bits, no more and no fewer, and the code has {bits}"
    return None if all(file.is_file() for file in _library().WEIGHTS.values()) else NO_WEIGHTS


def _library() -> ModuleType:
    return importlib.import_module("ftbench_classical.library")


def _unusable() -> str | None:
    if not importlib.util.find_spec("imwatermark"):
        return MISSING
    try:
        _library()
    # OpenCV's own loader raises more than ImportError where a shared library is missing.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        remedy = (
            "put opencv-python-headless in the place of opencv-python"
            if "cannot open shared object file" in reason
            else INSTALL
        )
        return f"the invisible-watermark library cannot be imported ({reason}); {remedy}"
    return None


def _too_small(size: int) -> str | None:
    if size < SMALLEST:
        return f"the classical methods take images of {SMALLEST} px and up, and these have {size}"
    return None
