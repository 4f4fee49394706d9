"""How a training goes from its first step to its last: learning rate, image quality, averaging. Pure functions."""

from __future__ import annotations

import math

from ftbench.benchfile.schema import Curriculum, Optimiser

LAST_LOOKS = 0.1
"""Share of a training, at its end, whose looks at val may give the kept weights: none before the rate has fallen."""


def image_share(step: int, steps: int, read_step: int | None, curriculum: Curriculum) -> float:
    """The share of the full image weight at a step: the floor until bits are read, then a geometric rise."""
    if curriculum.kind != "message-first":
        return 1.0
    if read_step is None:
        return curriculum.floor
    done = (step - read_step) / max(1, round(curriculum.ramp * steps))
    return float(max(curriculum.floor, 1e-9) ** max(0.0, 1 - done))


def psnr_at(step: int, steps: int, read_step: int | None, curriculum: Curriculum, target: float) -> float:
    """The PSNR held at a step: the start's until bits are read, then a straight line in dB up to the target."""
    if curriculum.kind != "message-first":
        return target
    if read_step is None:
        return min(curriculum.start_psnr, target)
    done = (step - read_step) / max(1, round(curriculum.ramp * steps))
    return min(target, curriculum.start_psnr + (target - curriculum.start_psnr) * done)


def flip_at(step: int, steps: int, read_step: int | None, curriculum: Curriculum, target: float) -> float:
    """The FLIP held at a step: the start's until bits are read, then a geometric fall to the target.

    A FLIP grows about as the residual does, so that equal factors are equal steps in dB.
    """
    if curriculum.kind != "message-first":
        return target
    start = max(curriculum.start_flip, target)
    if read_step is None:
        return start
    done = (step - read_step) / max(1, round(curriculum.ramp * steps))
    return target if done >= 1 else start * (target / start) ** done


def message_share(step: int, steps: int, curriculum: Curriculum) -> float:
    """The share of the message weight at a step: nothing while an image-first curriculum paints covers."""
    return 0.0 if curriculum.kind == "image-first" and step < round(curriculum.ramp * steps) else 1.0


def ema_decay(asked: float, steps: int) -> float:
    """The decay of averaged weights: as asked, but remembering no more than a tenth of a short training."""
    return min(asked, max(0.0, 1 - 10 / steps))


def rate_factor(step: int, steps: int, optimiser: Optimiser) -> float:
    """The learning rate at a step, as a share of its highest."""
    warm = round(steps * optimiser.warmup)
    if step < warm and optimiser.schedule != "one-cycle":
        return (step + 1) / (warm + 1)
    if optimiser.schedule == "constant":
        return 1.0
    if optimiser.schedule == "one-cycle":
        return one_cycle(step / max(1, steps))
    if optimiser.schedule == "stable-decay":
        return min(1.0, (steps - step) / max(1.0, optimiser.decay * steps))
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def one_cycle(done: float) -> float:
    """Share of the highest rate after ``done`` (0 to 1) of the steps: from 1/25 up over 30 %, down to nothing.

    Smith and Topin, Super-Convergence, 2018, with cosines for lines as torch's OneCycleLR has it.
    """
    rise, low = 0.3, 1 / 25
    if done < rise:
        return low + (1 - low) * 0.5 * (1 - math.cos(math.pi * done / rise))
    return 0.5 * (1 + math.cos(math.pi * (done - rise) / (1 - rise)))
