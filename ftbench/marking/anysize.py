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
ROWS = 64
"""Of an enlarged change that are made at a time: they hang on few of its own."""
CORRECTED_AT = 4
"""Times the network's size at which corrections are made: a larger picture's filters do the same."""
SLAB = 2**16
"""Values that are worked on at a time: the whole in float32 would take three times the memory, and as long again."""
PATIENCE = 8
"""Tries that look for an upper bound by the error's square law; then the factor is doubled."""


def fit(pixels: Tensor, size: int) -> Tensor:
    """Squeeze or stretch pixels (3,h,w) uint8 to (1,3,size,size) in [0, 1], bicubic and without aliasing."""
    if pixels.shape[-2:] == (size, size):
        return pixels[None].float() / 255
    channels = [squeezed(channel[None, None].float(), size) for channel in pixels]
    return torch.cat(channels, dim=1).div_(255).clamp_(0, 1)


def enlarged(change: Tensor, height: int, width: int) -> Tensor:
    """A change (1,3,s,s) at a picture's size, (1,3,height,width), such that squeezing gives it back.

    Two bicubic filters, there and back, would take most of its finest detail: what they take is put in beforehand, by
    back-projection (Irani and Peleg, CVGIP 1991).
    """
    size = change.shape[-1]
    if (height, width) == (size, size):
        return change
    side = CORRECTED_AT * size
    # The filters go along one axis after the other, so that each is a matrix.
    down, across = (_there_and_back(size, min(length, side)) for length in (height, width))
    sent = change[0]
    for _ in range(ROUNDS):
        sent = sent + change[0] - down @ sent @ across.T
    wide = sent @ _stretching(size, width).T
    tall = _stretching(size, height)
    found = torch.empty(1, *wide.shape[:1], height, width)
    for top in range(0, height, ROWS):
        rows = tall[top : top + ROWS]
        used = (rows != 0).any(0).nonzero()
        near = slice(int(used[0]), int(used[-1]) + 1)
        torch.matmul(rows[:, near], wide[:, near], out=found[0, :, top : top + ROWS])
    return found


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
    marked = torch.empty_like(cover)
    if psnr is None:
        _add(cover, change[0], 1.0, marked)
    else:
        _hold(cover, change[0], psnr, marked)
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
    error = 0.0
    for part in _slabs(cover):
        difference = cover[part].float().sub_(marked[part]).flatten()
        error += float(difference.dot(difference))
    return _decibels(error / cover.numel())


def squeezed(image: Tensor, size: int) -> Tensor:
    """Image (b,c,h,w) -> (b,c,size,size), bicubic and without aliasing; it may leave [0, 1] a little."""
    return functional.interpolate(image, size=(size, size), mode="bicubic", antialias=True, align_corners=False)


def _stretching(size: int, length: int) -> Tensor:
    """(length, size): what enlarges ``size`` values to ``length``, bicubic."""
    one = torch.eye(size)[None, None]
    return functional.interpolate(one, size=(length, size), mode="bicubic", align_corners=False)[0, 0]


def _there_and_back(size: int, length: int) -> Tensor:
    """(size, size): what is left of ``size`` values that are enlarged to ``length`` and squeezed again."""
    return squeezed(_stretching(size, length)[None, None], size)[0, 0]


def _slabs(picture: Tensor) -> Iterator[tuple[int, slice]]:
    """Places that cover a picture (3,h,w), so small that a processor's cache holds their work."""
    channels, height, width = picture.shape
    rows = max(1, SLAB // width)
    for channel in range(channels):
        for top in range(0, height, rows):
            yield channel, slice(top, top + rows)


def _add(cover: Tensor, change: Tensor, strength: float, into: Tensor) -> float:
    """Mean squared error of the marked picture (3,h,w) in squared levels, which is put ``into`` a tensor of uint8."""
    error = 0.0
    for part in _slabs(cover):
        level = cover[part].float()
        value = torch.add(level, change[part], alpha=strength).round_().clamp_(0, 255)
        into[part] = value
        difference = value.sub_(level).flatten()
        error += float(difference.dot(difference))
    return error / cover.numel()


def _energy(change: Tensor) -> float:
    parts = (change[part].flatten() for part in _slabs(change))
    return sum(float(part.dot(part)) for part in parts) / change.numel()


def _decibels(error: float) -> float:
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def _hold(cover: Tensor, change: Tensor, psnr: float, into: Tensor) -> None:
    """Add ``change``, times the factor at which the marked 8-bit picture has this PSNR, or a hair more.

    Every value moves away from a whole level without turning back, so the error never falls as the factor grows:
    between a factor that is too weak and one that is too strong lies the one that is sought.
    """
    energy = _energy(change)
    if energy == 0:
        raise BadInput("the model changes nothing in it, so no PSNR can be reached; choose another model")
    best, strength, reached = 0.0, 0.0, math.inf
    for strength, error in _search(cover, change, energy, psnr + TOLERANCE / 2, into):
        if psnr <= _decibels(error) < reached:
            best, reached = strength, _decibels(error)
    if reached > psnr + NEAR:
        nearest = "" if math.isinf(reached) else f", {reached:.2f} dB comes nearest"
        raise BadInput(f"{psnr:g} dB cannot be reached in it{nearest}; give another --psnr")
    # The last trial is there already, and nearly always the best one.
    if strength != best:
        _add(cover, change, best, into)


def _search(cover: Tensor, change: Tensor, energy: float, psnr: float, into: Tensor) -> Iterator[tuple[float, float]]:
    """(factor, error) of each trial: the secant's next point where it lies between the bounds, else their middle."""
    wanted = 255**2 / 10 ** (psnr / 10)
    weak, strong = 0.0, math.inf
    strength = math.sqrt(wanted / energy)
    for tried in range(TRIES):
        error = _add(cover, change, strength, into)
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
