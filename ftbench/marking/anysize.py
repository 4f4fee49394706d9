"""Writes a payload into a picture of any size, and reads it: tensors in, tensors out.

The networks know one size. The picture as a whole is squeezed to it, the encoder's change is enlarged again
and added to the picture's own pixels; reading squeezes the picture the same way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ftbench.errors import BadInput
from ftbench.pipeline.stages import Pair

FLAT_LEVELS = 2
"""A picture whose channels vary by no more levels than this is of one colour: what JPEG adds to a flat one."""
TOLERANCE = 0.002
"""Decibels above a wanted PSNR at which the search ends."""
NEAR = 0.5
"""Decibels above a wanted PSNR that will do, where a picture's few values leave nothing nearer."""
TRIES = 60
ROUNDS = 8
"""Corrections of a change that is enlarged: then squeezing gives it back but for a hundredth."""
CORRECTED_AT = 4
"""Times the network's size at which corrections are made: a larger picture's filters do the same."""
PATIENCE = 8
"""Tries that look for an upper bound by the error's square law; then the factor is doubled."""


def fit(pixels: Tensor, size: int) -> Tensor:
    """Squeeze or stretch pixels (3,h,w) uint8 to (1,3,size,size) in [0, 1], bicubic and without aliasing."""
    if pixels.shape[-2:] == (size, size):
        return pixels[None].float() / 255
    channels = [squeezed(channel[None, None].float() / 255, size) for channel in pixels]
    return torch.cat(channels, dim=1).clamp(0, 1)


def enlarged(change: Tensor, height: int, width: int) -> Tensor:
    """A change (1,3,s,s) at a picture's size, (1,3,height,width), such that squeezing gives it back.

    Two bicubic filters, there and back, would take most of its finest detail: what they take is put in beforehand, by
    back-projection (Irani and Peleg, CVGIP 1991).
    """
    size = change.shape[-1]
    if (height, width) == (size, size):
        return change
    side = CORRECTED_AT * size
    there = (min(height, side), min(width, side))
    sent = change
    for _ in range(ROUNDS):
        sent = sent + change - squeezed(_stretched(sent, there), size)
    return _stretched(sent, (height, width))


@torch.inference_mode()
def mark(pair: Pair, cover: Tensor, code: Tensor, size: int, psnr: float | None = None) -> Tensor:
    """Cover (3,h,w) uint8, code (1,n) -> marked picture (3,h,w) uint8.

    ``psnr`` in dB is that of the marked picture against the cover, over all 8-bit values, rounding and clipping
    included, or a hair more; None leaves the change as strong as the encoder made it. Raises BadInput for a picture
    smaller than ``size`` or of one colour, and where the encoder changes nothing or no factor reaches the PSNR.
    """
    height, width = cover.shape[-2:]
    if min(height, width) < size:
        raise BadInput(f"{width}×{height} pixels are too few: this model needs {size} on either side; enlarge it first")
    if is_flat(cover):
        raise BadInput("it is of one flat colour, in which no mark can hide; choose a picture that shows something")
    small = fit(cover, size)
    change = 255 * (pair.encode(small, code) - small)
    if not bool(change.isfinite().all()):
        raise BadInput("the model gives values that are no numbers; train it anew")
    change = enlarged(change, height, width)
    marked = _add(cover, change[0], 1.0 if psnr is None else _strength(cover, change[0], psnr))
    if torch.equal(marked, cover):
        raise BadInput("the model changes nothing in it; give a lower --psnr or another model")
    return marked


@torch.inference_mode()
def read(pair: Pair, pixels: Tensor, size: int) -> Tensor:
    """Pixels (3,h,w) uint8 -> logits (1,n)."""
    return pair.read(fit(pixels, size))


def is_flat(pixels: Tensor) -> bool:
    """Whether pixels (3,h,w) uint8 are all of one colour, give or take what JPEG adds."""
    lowest, highest = torch.aminmax(pixels.flatten(1), dim=1)
    return bool((highest.int() - lowest.int()).max() <= FLAT_LEVELS)


def psnr_of(cover: Tensor, marked: Tensor) -> float:
    """PSNR in dB of two (3,h,w) uint8; infinite where they are equal."""
    return _decibels(_error(cover, marked))


def squeezed(image: Tensor, size: int) -> Tensor:
    """Image (b,c,h,w) -> (b,c,size,size), bicubic and without aliasing; it may leave [0, 1] a little."""
    return functional.interpolate(image, size=(size, size), mode="bicubic", antialias=True, align_corners=False)


def _stretched(image: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(image, size=size, mode="bicubic", align_corners=False)


def _add(cover: Tensor, change: Tensor, strength: float) -> Tensor:
    # One channel after the other: the whole in float32 would take three times the memory.
    return torch.stack(
        [
            (level + strength * by).round_().clamp_(0, 255).to(torch.uint8)
            for level, by in zip(cover, change, strict=True)
        ]
    )


def _error(cover: Tensor, marked: Tensor) -> float:
    """Mean squared error in squared levels."""
    sums = [(a.float() - b.float()).square_().sum(dtype=torch.float64) for a, b in zip(cover, marked, strict=True)]
    return float(sum(sums)) / cover.numel()


def _decibels(error: float) -> float:
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def _strength(cover: Tensor, change: Tensor, psnr: float) -> float:
    """The factor on ``change`` at which the marked 8-bit picture has this PSNR, or a hair more.

    Every value moves away from a whole level without turning back, so the error never falls as the factor grows:
    between a factor that is too weak and one that is too strong lies the one that is sought.
    """
    energy = float(change.square().mean(dtype=torch.float64))
    if energy == 0:
        raise BadInput("the model changes nothing in it, so no PSNR can be reached; choose another model")
    best, reached = 0.0, math.inf
    for strength, error in _search(cover, change, energy, psnr + TOLERANCE / 2):
        if psnr <= _decibels(error) < reached:
            best, reached = strength, _decibels(error)
    if reached > psnr + NEAR:
        nearest = "" if math.isinf(reached) else f", {reached:.2f} dB comes nearest"
        raise BadInput(f"{psnr:g} dB cannot be reached in it{nearest}; give another --psnr")
    return best


def _search(cover: Tensor, change: Tensor, energy: float, psnr: float) -> Iterator[tuple[float, float]]:
    """(factor, error) of each trial: the secant's next point where it lies between the bounds, else their middle."""
    wanted = 255**2 / 10 ** (psnr / 10)
    weak, strong = 0.0, math.inf
    strength = math.sqrt(wanted / energy)
    for tried in range(TRIES):
        error = _error(cover, _add(cover, change, strength))
        yield strength, error
        if abs(_decibels(error) - psnr) <= TOLERANCE / 2:
            return
        if error < wanted:
            weak = strength
        else:
            strong = strength
        # The error grows with the square of the factor, but for rounding and clipping.
        guess = strength * math.sqrt(wanted / error) if error else 2 * strength
        if weak < guess < strong and (tried < PATIENCE or math.isfinite(strong)):
            strength = guess
        else:
            strength = 2 * weak if math.isinf(strong) else (weak + strong) / 2
