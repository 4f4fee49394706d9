"""The factories: the library's methods behind the harness's contracts. Nothing here has a gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ftbench_classical import wavelets
from ftbench_classical.library import Pixels, Scores, mark_rivagan, read_rivagan
from ftbench_classical.objections import object_to_rivagan, object_to_wavelet


class _Encoder(nn.Module, ABC):
    """``(cover (b,3,s,s) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,s,s)``, 8-bit values in [0,1].

    A cover is rounded to 8 bits first; images are marked on the processor, with torch's number of threads.
    """

    @torch.no_grad()
    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Mark every cover."""
        bits = code.detach().round().to("cpu", torch.int64).numpy()
        return from_bgr(self.mark(to_bgr(cover), bits, torch.get_num_threads()), cover)

    @abstractmethod
    def mark(self, images: Pixels, codes: npt.NDArray[np.int64], threads: int) -> Pixels:
        """Images, BGR uint8 (b,s,s,3), and the bits (b,n) of each -> the marked images."""


class _Decoder(nn.Module, ABC):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``: the library's scores less its thresholds, float32.

    An image is rounded to 8 bits first.
    """

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Read every image."""
        return torch.from_numpy(self.read(to_bgr(image), torch.get_num_threads())).to(image.device)

    @abstractmethod
    def read(self, images: Pixels, threads: int) -> Scores:
        """Images, BGR uint8 (b,s,s,3) -> a score (b,n) a bit."""


class DwtDctEncoder(_Encoder):
    """``dwt-dct``. Raises ValueError with a sentence when it cannot carry ``bits`` in images of ``size`` px."""

    method: wavelets.Method = "dwt-dct"

    def __init__(self, *, size: int, bits: int, scale: float = 36.0) -> None:
        super().__init__()
        _refuse(object_to_wavelet(size=size, bits=bits, scale=scale))
        self.scale = scale

    def mark(self, images: Pixels, codes: npt.NDArray[np.int64], threads: int) -> Pixels:
        """Every block's largest coefficient is moved to the middle of a half of its quantiser's step."""
        return wavelets.mark(images, codes, self.method, self.scale, threads)


class DwtDctSvdEncoder(DwtDctEncoder):
    """``dwt-dct-svd``: the largest singular value of each block's DCT instead of its largest coefficient."""

    method = "dwt-dct-svd"


class DwtDctDecoder(_Decoder):
    """Reads ``dwt-dct`` of the same ``scale``. Raises ValueError as the encoder does."""

    method: wavelets.Method = "dwt-dct"

    def __init__(self, *, size: int, bits: int, scale: float = 36.0) -> None:
        super().__init__()
        _refuse(object_to_wavelet(size=size, bits=bits, scale=scale))
        self.bits, self.scale = bits, scale

    def read(self, images: Pixels, threads: int) -> Scores:
        """A bit's blocks vote."""
        return wavelets.read(images, self.bits, self.method, self.scale, threads)


class DwtDctSvdDecoder(DwtDctDecoder):
    """Reads ``dwt-dct-svd``."""

    method = "dwt-dct-svd"


class RivaganEncoder(_Encoder):
    """``rivagan``, 32 bits. Raises ValueError with a sentence when it cannot be used so."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        _refuse(object_to_rivagan(size=size, bits=bits))

    def mark(self, images: Pixels, codes: npt.NDArray[np.int64], threads: int) -> Pixels:
        """The network's residual, added by the library."""
        rows = codes.tolist()
        return np.stack([mark_rivagan(image, row, threads) for image, row in zip(images, rows, strict=True)])


class RivaganDecoder(_Decoder):
    """Reads ``rivagan``. Raises ValueError as the encoder does."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        _refuse(object_to_rivagan(size=size, bits=bits))

    def read(self, images: Pixels, threads: int) -> Scores:
        """The network's output, less the library's threshold of 0.52."""
        return np.stack([read_rivagan(image, threads) for image in images])


def to_bgr(image: Tensor) -> Pixels:
    """Image (b,3,h,w), RGB in [0,1] -> BGR, uint8 (b,h,w,3), rounded; exact for 8-bit values."""
    levels = image.detach().float().mul(255).round_().clamp_(0, 255)
    found: Pixels = levels.to(torch.uint8).flip(1).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return found


def from_bgr(images: Pixels, like: Tensor) -> Tensor:
    """BGR images, uint8 (b,h,w,3) -> (b,3,h,w), RGB, float32 in [0,1], on the device of ``like``."""
    pixels = torch.from_numpy(images).to(like.device).permute(0, 3, 1, 2).flip(1)
    return pixels.float().div_(255).contiguous()


def _refuse(sentence: str | None) -> None:
    if sentence:
        raise ValueError(sentence)
