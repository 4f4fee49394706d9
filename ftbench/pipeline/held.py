"""Marked images that are held at a difference to their covers which some metric tells: residuals scaled until they are.

A PSNR has a formula for the scale (``to_psnr``); anything else is searched for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ftbench.contract.protocols import QualityMeasure
from ftbench.pipeline.stages import HALF_LEVEL, MOST_CORRECTION, eight_bit

LOOKS, HALVINGS = 4, 14
"""Steps towards the scale, and, in tests, of the bisection that follows: it ends within a 5,000th of the scale."""
START = 0.03
"""Root mean square of the residuals that the search begins with: some eight levels."""
CURVED = (0.3, 1.5)
"""How fast a difference grows with the scale, as a power: what the steps take it for at least and at most."""


@dataclass(frozen=True)
class HeldAt:
    """Scales each residual so that the 8-bit marked image is ``wanted`` from its cover by ``measure``, or a hair less.

    ``measure`` grows with the scale, is 0 for identical images and has a gradient. An image whose residual is zero, or
    points out of [0, 1], stays below ``wanted``; none is above it.
    """

    wanted: float
    measure: QualityMeasure

    def __call__(self, cover: Tensor, marked: Tensor, exact: bool = True) -> Tensor:
        """Cover and marked image (b,3,h,w) in [0,1] -> marked image (b,3,h,w), 8-bit.

        Not ``exact``, as in training: no bisection, which may end a little to either side, and the scale follows the
        residual: what makes it more visible makes it weaker.
        """
        residual = (marked - cover).float()
        with torch.no_grad():
            against = getattr(self.measure, "against", None)
            of: Callable[[Tensor], Tensor] = against(cover) if against else lambda image: self.measure(cover, image)

            def apart(scale: Tensor) -> Tensor:
                return of(eight_bit(cover + _each(scale) * residual)).to(scale)

            start = START / residual.square().mean((1, 2, 3)).sqrt().clamp_min(1e-9)
            scale = self._near(apart, start)
            if exact:
                scale = self._exactly(apart, scale)
        if residual.requires_grad and torch.is_grad_enabled():
            scale = self._following(cover, residual, scale)
        return eight_bit(cover + _each(scale) * residual)

    def _near(self, apart: Callable[[Tensor], Tensor], scale: Tensor) -> Tensor:
        found, power = apart(scale), torch.full_like(scale, 0.8)
        for _ in range(LOOKS):
            step = (self.wanted / found.clamp_min(1e-6)).pow(1 / power).clamp(1 / MOST_CORRECTION, MOST_CORRECTION)
            before, found = found, apart(scale * step)
            seen = (found / before.clamp_min(1e-6)).log() / step.log()
            power = torch.where((step.log().abs() > 1e-3) & seen.isfinite(), seen, power).clamp(*CURVED)
            scale = scale * step
        return scale

    def _exactly(self, apart: Callable[[Tensor], Tensor], scale: Tensor) -> Tensor:
        # From zero, because rounding may move all pixels at once: every scale near the estimate may then be too much.
        low, high = torch.zeros_like(scale), 1.5 * scale
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            allowed = apart(middle) <= self.wanted
            low, high = torch.where(allowed, middle, low), torch.where(allowed, high, middle)
        return low

    def _following(self, cover: Tensor, residual: Tensor, scale: Tensor) -> Tensor:
        """The scale, with the gradient of the rule that it follows from: measure(scale · residual) stays ``wanted``."""
        held = (_each(scale) * residual).detach().requires_grad_()
        # Unrounded: the measure has no gradient where whole pixels are alike.
        image = (cover + held).clamp(-HALF_LEVEL, 1 + HALF_LEVEL).clamp(0, 1)
        [slope] = torch.autograd.grad(self.measure(cover, image).sum(), held)
        # d measure = slope · (residual · d scale + scale · d residual) = 0.
        along = (slope * residual.detach()).sum((1, 2, 3))
        change = (slope * residual).sum((1, 2, 3)) / along
        return torch.where(along > 0, scale * (1 + change.detach() - change), scale)


def _each(scale: Tensor) -> Tensor:
    return scale[:, None, None, None]
