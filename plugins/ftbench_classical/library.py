"""The invisible-watermark library: its own code on one 8-bit image at a time, with the scores behind its bits.

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
    from imwatermark.dwtDctSvd import EmbedDwtDctSvd
    from imwatermark.maxDct import EmbedMaxDct
    from imwatermark.rivaGan import RivaWatermark

WEIGHTS = {role: Path(imwatermark.__file__).parent / f"rivagan_{role}.onnx" for role in ("encoder", "decoder")}
"""RivaGAN's networks, inside the library's wheel."""


class _DwtDctVotes(EmbedMaxDct):  # type: ignore[misc]
    """The library's reader, which forgets its votes."""

    def decode_frame(self, frame: Any, scale: float, scores: Any) -> Any:
        self.votes = super().decode_frame(frame, scale, scores)
        return self.votes


class _DwtDctSvdVotes(EmbedDwtDctSvd):  # type: ignore[misc]
    """The library's reader, which forgets its votes."""

    def decode_frame(self, frame: Any, scale: float, scores: Any) -> Any:
        self.votes = super().decode_frame(frame, scale, scores)
        return self.votes


_READERS: dict[str, Any] = {"dwtDct": _DwtDctVotes, "dwtDctSvd": _DwtDctSvdVotes}


def mark_wavelet(image: Pixels, bits: Sequence[int], method: str, scale: float, threads: int) -> Pixels:
    """What ``WatermarkEncoder.encode`` makes of an image; ``method`` is ``dwtDct`` or ``dwtDctSvd``."""
    cv2.setNumThreads(threads)
    return _encoded(image, bits, method, scales=_scales(scale))


def read_wavelet(image: Pixels, bits: int, method: str, scale: float, threads: int) -> Scores:
    """A score (bits,) in [-1, 1.01]: twice the share of blocks that vote for 1, less the library's threshold.

    It is positive where ``WatermarkDecoder.decode`` gives a 1: that is where a mean vote exceeds 127/255.
    """
    cv2.setNumThreads(threads)
    reader = _READERS[method](watermarks=[], wmLen=bits, scales=_scales(scale))
    reader.decode(image)
    shares = np.array([np.mean(votes) for votes in reader.votes])
    scores: Scores = ((shares * 255 - 127) / 127.5).astype(np.float32)
    return scores


def mark_rivagan(image: Pixels, bits: Sequence[int], threads: int) -> Pixels:
    """What ``WatermarkEncoder.encode`` makes of an image by ``rivaGan``."""
    with _sessions(encoder=_session("encoder", threads)):
        return _encoded(image, bits, "rivaGan")


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


def _encoded(image: Pixels, bits: Sequence[int], method: str, **configs: Any) -> Pixels:
    writer = imwatermark.WatermarkEncoder()
    writer.set_watermark("bits", bits)
    marked: Pixels = writer.encode(image, method, **configs)
    return marked


def _scales(scale: float) -> list[float]:
    # Of Y, U and V; the library goes through the first two.
    return [0, scale, scale]


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
