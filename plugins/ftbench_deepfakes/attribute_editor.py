"""What the attribute editors share: what is asked of a picture, and how a painter learns to give it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_deepfakes.attributes import DARKEST, Attribute, luma, measured, places, tone, wished

Towards = Literal["other", "more", "less"]
END = 1.3
"""Where an amount of 1 leads, in standard deviations from the train split's mean: a usual picture of that end."""
REACH = 1.15
"""How far beyond the ends training asks, so that they lie inside of what was learned."""
IDLE = 8
"""Of so many pictures training asks no change of one."""
EVEN, COLOUR, KEPT, SMOOTH, CYCLE = 1.0, 4.0, 4.0, 1.0, 2.0
"""Weights beside the attribute's own error, which has 1: tone and colour of each pixel where the attribute is, every
change elsewhere, change with edges of its own, and the way back."""
LIGHTEST = 0.97
"""Largest luma that a pixel is asked for."""
EDGE = 12.0
"""How soon an edge of the picture lets a change end there, to a step of 1 in luma."""


class AttributeEditor(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> the picture with one attribute changed (b,3,s,s) in [0,1]``.

    A painter is told by how much an attribute is to change, in standard deviations of the train split. It learns from
    the measure of what it painted (``attributes.measured``); from its pixels, whose tones are to move alike where the
    attribute is and nowhere else, so that texture stays; from their colour, which stays in light and fades with the
    light in dark; from the price of a change with edges that the picture lacks; and from the way back, as Zhu et al.,
    CycleGAN, ICCV 2017. There is no adversary.

    Args:
        painter: ``(image (b,3,s,s), shift (b,)) -> fake (b,3,s,s) in [0,1]``.
        attribute: which; see ``attributes.measured``.
        towards: ``other``: the end across from where the picture is, so that every picture changes; ``more`` and
            ``less``: that end, and a picture beyond it stays.
        amount: share of the way there, 0 none.
    """

    def __init__(self, painter: nn.Module, *, attribute: Attribute, towards: Towards, amount: float) -> None:
        super().__init__()
        self.attribute, self.towards, self.amount = attribute, towards, amount
        self.painter = painter
        self.statistics: Tensor
        # Images seen, the mean of the measure and the sum of its squared deviations.
        self.register_buffer("statistics", torch.zeros(3))

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Edit."""
        return self._edited(image, self.amount * self._way(self.standing(image).detach()))

    def standing(self, image: Tensor, cover: Tensor | None = None) -> Tensor:
        """The measure of images (b,3,s,s), or of fakes of covers: (b,), in deviations from the train split's mean."""
        _, mean, _ = self.statistics.unbind()
        return (measured(image, self.attribute, cover) - mean) / self._spread()

    @torch.no_grad()
    def asks_for_more(self, image: Tensor) -> Tensor:
        """Which way each image (b,3,s,s) is led: (b,) of True for more of the attribute, False for less."""
        if self.towards == "other":
            return self._way(self.standing(image)) > 0
        return torch.full((len(image),), self.towards == "more", device=image.device)

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """The attribute's error in standard deviations, and what the edit costs."""
        if self.training:
            self._see(image)
        standing = self.standing(image).detach()
        target = REACH * END * (2 * torch.rand(len(image), generator=generator).to(image.device) - 1)
        asked = torch.arange(len(image), device=image.device) % IDLE < IDLE - 1
        shift = asked * (target - standing)
        fake = self._edited(image, shift)
        loss = functional.smooth_l1_loss(self.standing(fake, image), standing + shift)
        loss = loss + self._price(image.float(), fake, shift)
        # Every other picture goes the way back: half the time, and the same in expectation.
        return loss + CYCLE * (self._edited(fake[::2], -shift[::2]) - image[::2]).abs().mean()

    def _edited(self, image: Tensor, shift: Tensor) -> Tensor:
        painted: Tensor = self.painter(image, shift)
        return painted.float()

    def _way(self, standing: Tensor) -> Tensor:
        if self.towards == "more":
            return (END - standing).clamp_min(0)
        if self.towards == "less":
            return (-END - standing).clamp_max(0)
        return torch.where(standing < 0, END, -END) - standing

    def _spread(self) -> Tensor:
        seen, _, power = self.statistics.unbind()
        return torch.where(seen > 1, (power / seen.clamp_min(1)).sqrt().clamp_min(1e-3), 1.0)

    @torch.no_grad()
    def _see(self, image: Tensor) -> None:
        # Chan et al.'s update, so that no batch counts for more than its images.
        new = measured(image, self.attribute)
        seen, mean, power = self.statistics.unbind()
        total, step = seen + len(new), new.mean() - mean
        self.statistics.copy_(
            torch.stack(
                [
                    total,
                    mean + step * len(new) / total,
                    power + (new - new.mean()).square().sum() + step.square() * seen * len(new) / total,
                ]
            )
        )

    def _price(self, image: Tensor, fake: Tensor, shift: Tensor) -> Tensor:
        change, inside = fake - image, places(image, self.attribute)
        wish = (shift * self._spread())[:, None, None] * wished(self.attribute, image.shape[-1]).to(image.device)
        wanted = (tone(image) + wish).clamp_max(math.log(LIGHTEST + DARKEST))
        # What is darkened loses colour in proportion; what is lightened keeps as much as it had.
        colour = _colour(image) * wish.exp().clamp_max(1)[:, None]
        apart = EVEN * (tone(fake) - wanted).abs() + COLOUR * (_colour(fake) - colour).abs().mean(dim=1)
        price = (inside * apart).mean() / inside.mean().clamp_min(1e-3)
        price = price + KEPT * ((1 - inside)[:, None] * change.abs()).mean()
        for axis in (2, 3):
            edges = torch.exp(-EDGE * luma(image)[:, None].diff(dim=axis).abs())
            price = price + SMOOTH * (change.diff(dim=axis).abs() * edges).mean()
        return price


def _colour(image: Tensor) -> Tensor:
    return image - luma(image)[:, None]


def repainted(image: Tensor, mask: Tensor, change: Tensor) -> Tensor:
    """Under a mask (b,1,s,s), an image (b,3,s,s) in [0,1] whose log-odds are moved by ``change`` (b,3,s,s).

    The mask is told by its log-odds. In [0, 1] without any clamping of the result; a change of 0 gives the image back,
    but for values within .02 of black or white, which move as far as the mask is open.
    """
    image = image.float()
    odds = torch.logit(image.clamp(0.02, 0.98)) + change.float()
    return image + mask.float().sigmoid() * (odds.sigmoid() - image)
