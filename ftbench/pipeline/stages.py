"""The way from a cover to read logits, shared by training and evaluation.

cover -> encoder -> 8-bit -> simulator -> 8-bit -> distortion -> 8-bit -> decoder
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ftbench.contract.inputs import FORGES
from ftbench.contract.protocols import ChannelCode, DistortionFunction, RandomisedCode, SimulatorNetwork
from ftbench.contract.records import Distortion, Simulator
from ftbench.machine.stopwatch import backward_of, timed
from ftbench.pipeline.guard import Guard
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.known import Known

Held = float | Callable[[Tensor, Tensor, bool], Tensor]
"""What marked images are held at: dB of PSNR, or a rule that scales residuals (``held.HeldAt``)."""
HALF_LEVEL = 0.5 / 255
MOST_CORRECTION = 16.0
"""Bound on what to_psnr gains back: beyond it nothing is left to amplify but clamped pixels."""


def eight_bit(image: Tensor) -> Tensor:
    """Round to what an 8-bit file can hold; the gradient passes straight through.

    Image of any shape -> the same shape, in [0, 1], every value a multiple of 1/255.
    """
    if not (image.requires_grad and torch.is_grad_enabled()):
        return image.clamp(0, 1).mul_(255).round_().div_(255)
    # Half a level of slack: a value that rounding put a hair outside must not lose its gradient.
    held = image.clamp(-HALF_LEVEL, 1 + HALF_LEVEL)
    return straight_through(held, (held.detach().clamp(0, 1) * 255).round() / 255)


def straight_through(image: Tensor, changed: Tensor) -> Tensor:
    """``changed``, with the gradient of ``image``: how a part without gradient is trained through."""
    if not (image.requires_grad and torch.is_grad_enabled()):
        return changed
    return image + (changed - image).detach()


def to_psnr(cover: Tensor, marked: Tensor, psnr: float, exact: bool = True) -> Tensor:
    """Scale each residual so that the 8-bit marked image has ``psnr`` dB to its cover, or a hair more.

    Cover and marked image (b,3,h,w) in [0,1] -> marked image (b,3,h,w), 8-bit. The scale is differentiable in
    the residual's norm; the correction for what clamping and rounding take away is not. Not ``exact``, as in
    training: two corrections and no search, which may end a little to either side. An image whose residual is
    zero, or points mostly out of [0, 1], stays above ``psnr``; never is one below it.

    >>> cover = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> marked = to_psnr(cover, 1 - cover, 30.0)
    >>> error = (marked - (cover * 255).round() / 255).square().mean()
    >>> bool(-10 * error.log10() > 29.9)
    True
    """
    wanted = 10 ** (-psnr / 10)
    residual = marked - cover
    power = residual.square().mean(dim=(1, 2, 3), keepdim=True)
    gain = (wanted / power.clamp_min(1e-12)).sqrt()

    def error(correction: Tensor) -> Tensor:
        image = eight_bit(cover + gain * correction * residual)
        return (image - cover).square().mean(dim=(1, 2, 3), keepdim=True)

    with torch.no_grad():
        correction = torch.ones_like(gain)
        for _ in range(4 if exact else 2):
            step = (wanted / error(correction).clamp_min(wanted / 4)).sqrt()
            correction = (correction * step).clamp(max=MOST_CORRECTION)
        if exact:
            # The error never falls as the scale grows: halve the span that holds the largest scale allowed. From
            # zero, because where rounding moves all pixels at once every scale near the estimate may be too much.
            low, high = torch.zeros_like(correction), 2 * correction
            for _ in range(15):
                middle = (low + high) / 2
                allowed = error(middle) <= wanted
                low, high = torch.where(allowed, middle, low), torch.where(allowed, high, middle)
            correction = low
    return eight_bit(cover + gain * correction * residual)


class Pair(nn.Module):
    """An encoder and a decoder, trained together; one batched decode for all readings.

    ``critic`` is an adversary that only training needs: it is never among the kept weights. ``bits``: n of the code,
    to which the logits are held; None: any.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        critic: nn.Module | None = None,
        guard: tuple[Guard, Guard] = (Guard("the encoder"), Guard("the decoder")),
        bits: int | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.critic = encoder, decoder, critic
        self.guard, self.bits = guard, bits

    def encode(self, cover: Tensor, code: Tensor) -> Tensor:
        """Cover (b,3,h,w), code (b,n) -> what the encoder paints (b,3,h,w), before any rounding."""
        with timed("encoder"):
            return backward_of(self.guard[0].encode(self.encoder, cover, code), "encoder")

    def mark(self, cover: Tensor, code: Tensor, psnr: Held | None = None, exact: bool = True) -> Tensor:
        """Cover (b,3,h,w), code (b,n) -> marked image (b,3,h,w), 8-bit; at ``psnr`` dB or as a rule says, if given."""
        painted = self.encode(cover, code)
        with timed("encoder"):
            if psnr is None:
                return eight_bit(painted)
            return psnr(cover, painted, exact) if callable(psnr) else to_psnr(cover, painted, psnr, exact)

    def marking(self, code: Tensor, psnr: Held | None = None, exact: bool = True) -> Callable[[Tensor], Tensor]:
        """``mark`` with everything settled but the image."""
        return lambda image: self.mark(image, code, psnr, exact)

    def read(self, image: Tensor) -> Tensor:
        """Image (b,3,h,w) -> logits (b,n)."""
        with timed("decoder"):
            return backward_of(self.guard[1].decode(self.decoder, image, self.bits), "decoder")


class SimulatorStage:
    """A simulator behind its 8-bit stage, fed only with the extra inputs that its record names.

    ``other``: the pair that marks once more for it in tests, where it is not the one under test. ``known``: what it
    knows of the owner's pictures, where it says how many.
    """

    def __init__(
        self,
        record: Simulator,
        network: SimulatorNetwork,
        guard: Guard | None = None,
        other: Pair | None = None,
        known: Known | None = None,
    ) -> None:
        self.record, self.network, self.other, self.known = record, network, other, known
        self.guard = guard or Guard(f"simulator {record.name!r}")

    @property
    def forges(self) -> bool:
        """Whether what it gives was never marked."""
        return FORGES in self.record.needs

    def study(self, marked: Tensor, covers: Tensor, randomness: torch.Generator) -> None:
        """Hand it known images after and before marking, both (m,3,h,w); it is frozen afterwards."""
        network: Any = self.network
        with timed("simulator"), torch.enable_grad():
            given = {"marked": self.guard.resized(marked), "covers": self.guard.resized(covers)}
            self.guard.built(network.study, "while it studied known pictures", **given, generator=randomness)
        if isinstance(network, nn.Module):
            network.eval().requires_grad_(False)

    def __call__(self, image: Tensor, inputs: Inputs, seed: int | None = None) -> Tensor:
        """Image (b,3,h,w) and every extra input there is -> fake (b,3,h,w), 8-bit.

        ``seed``: of torch's generator, for a simulator that draws from it. The fakes of two images with one seed differ
        by the images alone.
        """
        with timed("simulator"):
            wanted = inputs.of(self.record.needs, image)
            if seed is not None:
                torch.manual_seed(seed)
            if self.record.differentiable:
                return backward_of(eight_bit(self.guard.change(self.network, image, wanted)), "simulator")
            with torch.no_grad():
                fake = self.guard.change(self.network, image.detach(), wanted)
            return eight_bit(straight_through(image, fake))


class DistortionStage:
    """A distortion behind its 8-bit stage."""

    def __init__(self, record: Distortion, function: DistortionFunction, guard: Guard | None = None) -> None:
        self.record, self.function = record, function
        self.guard = guard or Guard(f"distortion {record.name!r}")

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Image (b,3,h,w) -> the same shape, 8-bit."""
        with timed("distortion"):
            if self.record.differentiable:
                return backward_of(eight_bit(self.guard.change(self.function, image, generator)), "distortion")
            with torch.no_grad():
                changed = self.guard.change(self.function, image.detach(), generator)
            return eight_bit(straight_through(image, changed))


def randomised(code: ChannelCode) -> bool:
    """Whether a code gives every picture another word."""
    return bool(getattr(code, "randomised", False))


def encoded(code: ChannelCode, payload: Tensor, randomness: torch.Generator) -> Tensor:
    """Payload (b, k) of {0,1} -> code (b, n) of {0,1}; one that is randomised draws from ``randomness``."""
    if not randomised(code):
        return code.encode(payload)
    return cast(RandomisedCode, code).encode(payload, randomness)


class HeldCode:
    """A channel code of ``bits`` payload bits and ``code_bits`` code bits, held to its shapes."""

    def __init__(self, code: ChannelCode, bits: int, code_bits: int, guard: Guard, randomised: bool = False) -> None:
        self.code, self.bits, self.code_bits, self.guard = code, bits, code_bits, guard
        self.randomised = randomised

    def encode(self, payload: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Payload (b, k) of {0,1} -> code (b, n) of {0,1}; only a randomised code draws from ``generator``."""
        drawn = (generator,) if self.randomised else ()
        return self.guard.tensor(self.code.encode, payload, *drawn, shape=(len(payload), self.code_bits))

    def decode(self, logits: Tensor) -> Tensor:
        """Read logits (b, n) -> payload (b, k) of {0,1}."""
        return self.guard.tensor(self.code.decode, logits, shape=(len(logits), self.bits))
