"""What a card's table compares: our model, and two methods of the invisible-watermark library at the same quality."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ftbench.marking import anysize, finding, given, payloads
from ftbench.marking.trained import Trained
from ftbench.pipeline.stages import to_psnr

BITS = 32
PSNR = 40.0
"""dB that the library's marks are held to."""
SCALE = 40.0
"""Step of dwtDctSvd, where the library has 36: so coarse that holding the PSNR makes marks smaller and never larger,
which its quantiser would not survive. As in ``benchmarks/field-256.yaml``."""
NEEDED = "imwatermark"


@dataclass(frozen=True)
class Read:
    """What a method found in a picture."""

    payload: str
    marked: bool
    """Whether it knows by itself that this is a mark."""


@dataclass(frozen=True)
class Method:
    """Pixels are (3,h,w) uint8 of any size, payloads ``0110``."""

    name: str
    bits: int
    draw: Callable[[], str]
    mark: Callable[[Tensor, str], Tensor]
    read: Callable[[Tensor], Read]
    name_among: Callable[[Tensor, finding.Candidates], str] | None = None
    """Which of some known payloads it holds a picture for, empty: none; None: it cannot tell marks from chance."""


def ours(model: Trained, rules: finding.Rules, name: str) -> Method:
    """Marks at the model's own PSNR, reads as ``extract`` does, without knowing the payload."""

    def read(pixels: Tensor) -> Read:
        found = finding.find(model, pixels, finding.Candidates(), rules)
        return Read(found.payload, found.marked is True)

    def name_among(pixels: Tensor, known: finding.Candidates) -> str:
        found = finding.find(model, pixels, known, rules)
        if found.match and found.match.p_value is not None and found.match.p_value <= rules.bound / 2:
            return found.match.known.payload
        return found.payload if found.marked else ""

    def mark(cover: Tensor, payload: str) -> Tensor:
        return anysize.mark(model.pair, cover, model.code(payload), model.size, model.target_psnr)

    return Method(name, model.bits, lambda: given.draw(model, rules.key), mark, read, name_among)


def rivals() -> list[Method]:
    """rivaGan and dwtDctSvd, on whole pictures as the library works; none where the library is not installed."""
    if importlib.util.find_spec(NEEDED) is None:
        return []
    from ftbench_classical import library, wavelets

    def svd(image: library.Pixels, payload: str) -> library.Pixels:
        (marked,) = wavelets.mark(image[None], np.array([_bits(payload)]), "dwt-dct-svd", SCALE, threads=1)
        return cast("library.Pixels", marked)

    def read_svd(image: library.Pixels) -> library.Scores:
        (scores,) = wavelets.read(image[None], BITS, "dwt-dct-svd", SCALE, threads=1)
        return cast("library.Scores", scores)

    def rivagan(image: library.Pixels, payload: str) -> library.Pixels:
        return library.mark_rivagan(image, _bits(payload), threads=1)

    def read_rivagan(image: library.Pixels) -> library.Scores:
        return library.read_rivagan(image, threads=1)

    def method(
        name: str,
        mark: Callable[[library.Pixels, str], library.Pixels],
        read: Callable[[library.Pixels], library.Scores],
    ) -> Method:
        return Method(
            name,
            BITS,
            lambda: payloads.draw(BITS),
            lambda cover, payload: held(cover, _rgb(mark(_bgr(cover), payload))),
            lambda pixels: Read("".join("01"[int(score > 0)] for score in read(_bgr(pixels))), marked=False),
        )

    return [method("rivaGan", rivagan, read_rivagan), method("dwtDctSvd", svd, read_svd)]


def held(cover: Tensor, marked: Tensor, psnr: float = PSNR) -> Tensor:
    """The residual of a marked picture scaled to this PSNR, or the next above it that 8-bit values allow."""
    return (to_psnr(cover[None].float() / 255, marked[None].float() / 255, psnr)[0] * 255).round().to(torch.uint8)


def _bits(payload: str) -> list[int]:
    return [int(bit) for bit in payload]


def _bgr(pixels: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    found: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = pixels.flip(0).permute(1, 2, 0).contiguous().numpy()
    return found


def _rgb(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).flip(0).contiguous()
