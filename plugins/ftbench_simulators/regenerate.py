"""Regeneration: noise drowns whatever is faint in a picture, and a learned denoiser paints what was probably there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

CHANNELS = (64, 128)
"""Of the convolutions at a half and a quarter of the image's side."""
GROUP = 8
"""Channels that are normalised together."""
FEWEST = 16
"""torch 2.14.1 corrupts memory in the backward pass of strided convolutions of 8 channels, laid out channels last."""
BEYOND = 2.0
"""Largest noise of the fit, in units of the attack's: a network that has seen the ends is best between them."""
MIDDLE, SPREAD = 0.5, 0.25
"""Mean and standard deviation of a usual picture's values, of 1: how much of what is seen is noise hangs on them."""
LEAST = 0.02
"""Largest noise of a fit, at least: without any there is nothing to learn."""
SQUARED = 10.0
"""Weight of the squared error beside the absolute one, which is about so much larger."""


class Regenerate(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> the picture as a denoiser restores it from noise, (b,3,s,s) in [0,1]``.

    After Zhao et al., Invisible Image Watermarks Are Provably Removable Using Generative AI, NeurIPS 2024: noise
    hides a mark, and a model of pictures restores the picture and not the mark. Theirs is added to a latent and taken
    away by a diffusion model or an autoencoder that was trained on other pictures; here it is added to the pixels, and
    the restorer is a U-Net, fitted on the faces themselves, that is told the noise's deviation, as FFDNet is (Zhang et
    al., TIP 2018), and weighs what it sees against what it paints by it (Karras et al., NeurIPS 2022). It paints the
    mean of what may have been there where a diffusion model draws a sample of it: softer, and in one pass. Their proof
    needs noise beside which the whole mark is short; at the usual PSNR that is more than a face survives, so here it
    is measured what is left and nothing is proven.

    The noise is drawn from torch's global generator and is not clipped before it is taken away again.

    Args:
        size: side of the image in pixels, a multiple of 4 from 16 up.
        width: factor on the channels of every convolution.
        noise: the noise's standard deviation, of 1; 0 leaves the picture as it is.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self, *, size: int, width: float = 1.0, noise: float = 0.1, seed: int = 0, trained_on: str = "train"
    ) -> None:
        super().__init__()
        self.noise = noise
        half, quarter = (max(FEWEST, GROUP * round(base * width / GROUP)) for base in CHANNELS)
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(16, half, 3, padding=1), ResidualBlock(half))
        self.down = nn.Conv2d(half, quarter, 4, stride=2, padding=1)
        self.middle = nn.Sequential(*(ResidualBlock(quarter) for _ in range(3)))
        self.up = nn.Sequential(nn.Conv2d(quarter, 4 * half, 3, padding=1), nn.PixelShuffle(2))
        self.finish = nn.Sequential(ResidualBlock(half), ResidualBlock(half))
        self.last = nn.Sequential(nn.Conv2d(half, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Add noise and take it away."""
        level = image.new_full((len(image), 1, 1, 1), self.noise)
        return self.restored(image + level * torch.randn_like(image), level).clamp(0, 1)

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Mean absolute error and ten mean squared errors of covers restored from noise of a random deviation each."""
        most = max(LEAST, BEYOND * self.noise)
        level = most * torch.rand(len(image), 1, 1, 1, generator=generator).to(image.device)
        drawn = torch.randn(image.shape, generator=generator).to(image.device)
        error = self.restored(image + level * drawn, level) - image
        return error.abs().mean() + SQUARED * error.square().mean()

    def restored(self, noisy: Tensor, level: Tensor) -> Tensor:
        """A picture (b,3,s,s) with noise of deviation ``level`` (b,1,1,1) -> without it, (b,3,s,s) near [0, 1]."""
        power = level.square() + SPREAD**2
        seen = (noisy - MIDDLE) / power.sqrt()
        half = self.stem(torch.cat([seen, (4 * level - 1).expand(-1, 1, *noisy.shape[-2:])], dim=1))
        half = half + self.up(self.middle(self.down(half)))
        painted: Tensor = self.last(self.finish(half))
        # Of the guess that needs no network, the picture drawn to the middle by its noise, the rest is learned.
        return MIDDLE + SPREAD * (SPREAD * (noisy - MIDDLE) / power + level / power.sqrt() * painted.float())


class ResidualBlock(nn.Module):
    """``(b,c,h,w) -> (b,c,h,w)``: two normalised 3×3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.GroupNorm(channels // GROUP, channels),
                nn.SiLU(),
                nn.Conv2d(channels, channels, 3, padding=1),
            ]
        self.change = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolutions change."""
        return x + cast(Tensor, self.change(x))
