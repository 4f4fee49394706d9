"""A network of ours in the place of a user's file in training: fitted to imitate it, so that there is a gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_deepfakes.attribute_editor import repainted
from ftbench_deepfakes.edit_attribute import UNetPainter
from ftbench_exported.networks import ExportedSimulator

LEAST = 1 / 255
"""Mean change of a pixel that counts as one: of a file that changes less, nothing can be imitated."""
NOISE = 0.03
"""Deviation of the noise on a picture in training, of 1, at most."""


class Painter(UNetPainter):
    """``(pictures (b,3·k,s,s): the image, then what else is seen) -> fake (b,3,s,s) in [0,1]``.

    The U-Net of ``edit-attribute`` with more pictures in its first layer, and told at every level of the means over the
    whole pictures where that one is told how far to go: what a file does hangs on the donor as a whole. Untrained it
    gives the image back.
    """

    def __init__(self, width: float, pictures: int) -> None:
        super().__init__(width)
        first = cast(nn.Conv2d, self.stem[0])
        self.stem[0] = nn.Conv2d(12 * pictures, first.out_channels, 3, padding=1)
        seen = cast(nn.Conv2d, self.bottom[0]).out_channels
        self.told = nn.ModuleList(nn.Linear(seen, cast(nn.Linear, one).out_features) for one in self.told)

    def forward(self, pictures: Tensor) -> Tensor:  # type: ignore[override]
        """Paint."""
        half = self.stem(functional.pixel_unshuffle(2 * pictures - 1, 2))
        quarter = self.down(half)
        bottom = self.bottom(quarter)
        told = [one(bottom.mean(dim=(2, 3)))[:, :, None, None] for one in self.told]
        x = self.deep(bottom + told[0])
        for level, skip in enumerate((quarter, half)):
            x = self.join[level](torch.cat([self.up[level](x), skip + told[level + 1]], dim=1))
        painted = functional.pixel_shuffle(self.paint(x), 2)
        return repainted(pictures[:, :3], painted[:, 3:], painted[:, :3])


class ExportedStandIn(nn.Module):
    """``(image (b,3,s,s) in [0,1], {"donor": (b,3,s,s), where the file takes one}) -> fake (b,3,s,s)``, differentiable.

    What its file does is in its fit alone. Outside of what the file pastes an image stays as it is.

    Args:
        size: side of the image in pixels, a multiple of 8.
        width: factor on the channels of every convolution.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
        parameters: of the file, as in ``plugin.SimulatorParameters``.
    """

    share: Tensor
    """(1,1,s,s) or (1,1,1,1): how much of a pixel the file may change."""

    def __init__(
        self, *, size: int, width: float = 0.5, seed: int = 0, trained_on: str = "train", **parameters: Any
    ) -> None:
        super().__init__()
        self.file = ExportedSimulator(size=size, **parameters)
        self.donated = self.file.donor is not None and self.file.fixed is None
        self.painter = Painter(width, 1 + self.donated)
        self.register_buffer("share", self.file.share().detach(), persistent=False)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Imitate the file."""
        image = image.float()
        seen = torch.cat([image, inputs["donor"].float()], dim=1) if self.donated else image
        fake: Tensor = self.painter(seen)
        return torch.lerp(image, fake, self.share)

    def outside(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """What the file itself gives: (b,3,s,s), without gradient; the part of a fit that torch does not compute."""
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            return cast(Tensor, self.file(image.float(), inputs))

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """How much of what the file changes is not imitated: mean error by mean change; 1 for who changes nothing.

        In training it is the mean error by the size of what is pasted, on pictures with a little noise: a mark is more
        like that than like a picture, and a file's answer to it is what a gradient is for.
        """
        if self.training:
            strength = NOISE * torch.rand(len(image), 1, 1, 1, generator=generator)
            noise = (strength * torch.randn(image.shape, generator=generator)).to(image.device)
            image = (image + noise).clamp(0, 1)
        wanted = self.outside(image, inputs)
        error: Tensor = (self(image, inputs) - wanted).abs().mean()
        if self.training:
            return error / self.share.mean()
        return error / (wanted - image).abs().mean().clamp_min(LEAST)
