"""The invisible-watermark library's RivaGAN, on one 8-bit image at a time, with the scores behind its bits.

An image here is BGR, uint8 (h, w, 3), as OpenCV has it; the library never changes the one that it is given.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ("WEIGHTS", "Pixels", "Scores", "cv2", "mark_rivagan", "read_rivagan")

Pixels = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


# OpenCV sets LD_LIBRARY_PATH for the whole process and its children, for windows that are never opened.
with _environment_kept():
    import cv2
    import imwatermark
    from imwatermark.rivaGan import RivaWatermark

WEIGHTS = {role: Path(imwatermark.__file__).parent / f"rivagan_{role}.onnx" for role in ("encoder", "decoder")}
"""RivaGAN's networks, inside the library's wheel."""


def mark_rivagan(image: Pixels, bits: Sequence[int], threads: int) -> Pixels:
    """What ``WatermarkEncoder.encode`` makes of an image by ``rivaGan``."""
    writer = imwatermark.WatermarkEncoder()
    writer.set_watermark("bits", bits)
    with _sessions(encoder=_session("encoder", threads)):
        marked: Pixels = writer.encode(image, "rivaGan")
    return marked


def read_rivagan(image: Pixels, threads: int) -> Scores:
    """The network's output (32,) less the library's threshold: positive where ``WatermarkDecoder`` gives a 1."""
    heard = _Heard(_session("decoder", threads))
    reader = RivaWatermark(watermarks=[], wmLen=32)
    with _sessions(decoder=heard):
        reader.decode(image)
    scores: Scores = heard.output[0] - np.float32(reader._threshold)
    return scores


class _Heard:
    """A session that keeps what it gave last."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.output: Any = None

    def run(self, names: Any, inputs: Mapping[str, Any]) -> Any:
        outputs = self.session.run(names, inputs)
        self.output = outputs[0]
        return outputs


@functools.cache
def _session(role: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True
    # Threads that wait by spinning would take the processors from torch's between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(WEIGHTS[role]), options, providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def _sessions(**lent: Any) -> Iterator[None]:
    # The library holds its sessions in its class, and opens them with every processor that there is.
    before = {role: getattr(RivaWatermark, role) for role in lent}
    for role, session in lent.items():
        setattr(RivaWatermark, role, session)
    try:
        yield
    finally:
        for role, session in before.items():
            setattr(RivaWatermark, role, session)
