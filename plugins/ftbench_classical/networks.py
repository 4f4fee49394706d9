"""The factories: the library's methods behind the harness's contracts. Nothing here has a gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ftbench_classical.library import Pixels, Scores, mark_rivagan, mark_wavelet, read_rivagan, read_wavelet
from ftbench_classical.objections import object_to_rivagan, object_to_wavelet


class _Encoder(nn.Module, ABC):
    """``(cover (b,3,s,s) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,s,s)``, 8-bit values in [0,1].

    A cover is rounded to 8 bits first; images are marked one at a time, on the processor, with torch's number of
    threads.
    """

    @torch.no_grad()
    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Mark every cover."""
        rows = code.detach().round().to("cpu", torch.int64).tolist()
        return from_bgr([self.mark(image, row) for image, row in zip(to_bgr(cover), rows, strict=True)], cover)

    @abstractmethod
    def mark(self, image: Pixels, bits: Sequence[int]) -> Pixels:
        """One image, BGR uint8 (s,s,3), and its bits -> the marked image."""


class _Decoder(nn.Module, ABC):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``: the library's scores less its thresholds, float32.

    An image is rounded to 8 bits first; images are read one at a time, as the encoders mark them.
    """

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Read every image."""
        return torch.from_numpy(np.stack([self.read(one) for one in to_bgr(image)])).to(image.device)

    @abstractmethod
    def read(self, image: Pixels) -> Scores:
        """One image, BGR uint8 (s,s,3) -> a score (n,) a bit."""


class DwtDctEncoder(_Encoder):
    """``dwt-dct``. Raises ValueError with a sentence when it cannot carry ``bits`` in images of ``size`` px."""

    method = "dwtDct"

    def __init__(self, *, size: int, bits: int, scale: float = 36.0) -> None:
        super().__init__()
        _refuse(object_to_wavelet(size=size, bits=bits, scale=scale))
        self.scale = scale

    def mark(self, image: Pixels, bits: Sequence[int]) -> Pixels:
        """Every block's largest coefficient is moved to the middle of a half of its quantiser's step."""
        return mark_wavelet(image, bits, self.method, self.scale, torch.get_num_threads())


class DwtDctSvdEncoder(DwtDctEncoder):
    """``dwt-dct-svd``: the largest singular value of each block's DCT instead of its largest coefficient."""

    method = "dwtDctSvd"


class DwtDctDecoder(_Decoder):
    """Reads ``dwt-dct`` of the same ``scale``. Raises ValueError as the encoder does."""

    method = "dwtDct"

    def __init__(self, *, size: int, bits: int, scale: float = 36.0) -> None:
        super().__init__()
        _refuse(object_to_wavelet(size=size, bits=bits, scale=scale))
        self.bits, self.scale = bits, scale

    def read(self, image: Pixels) -> Scores:
        """A bit's blocks vote."""
        return read_wavelet(image, self.bits, self.method, self.scale, torch.get_num_threads())


class DwtDctSvdDecoder(DwtDctDecoder):
    """Reads ``dwt-dct-svd``."""

    method = "dwtDctSvd"


class RivaganEncoder(_Encoder):
    """``rivagan``, 32 bits. Raises ValueError with a sentence when it cannot be used so."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        _refuse(object_to_rivagan(size=size, bits=bits))

    def mark(self, image: Pixels, bits: Sequence[int]) -> Pixels:
        """The network's residual, added by the library."""
        return mark_rivagan(image, bits, torch.get_num_threads())


class RivaganDecoder(_Decoder):
    """Reads ``rivagan``. Raises ValueError as the encoder does."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        _refuse(object_to_rivagan(size=size, bits=bits))

    def read(self, image: Pixels) -> Scores:
        """The network's output, less the library's threshold of 0.52."""
        return read_rivagan(image, torch.get_num_threads())


def to_bgr(image: Tensor) -> Pixels:
    """Image (b,3,h,w), RGB in [0,1] -> BGR, uint8 (b,h,w,3), rounded; exact for 8-bit values."""
    pixels = image.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    found: Pixels = pixels.flip(1).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return found


def from_bgr(images: Sequence[Pixels], like: Tensor) -> Tensor:
    """BGR images, uint8 (h,w,3) each -> (b,3,h,w), RGB, float32 in [0,1], on the device of ``like``."""
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).flip(1)
    return pixels.to(like.device).float().div(255).contiguous()


def _refuse(sentence: str | None) -> None:
    if sentence:
        raise ValueError(sentence)
