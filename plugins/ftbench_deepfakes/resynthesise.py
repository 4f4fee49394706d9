"""Entire synthesis: a variational autoencoder that repaints the whole picture from what it kept of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ftbench_deepfakes.residual import ResidualBlock, channels, doubled, halved

CHANNELS = (64, 128)
"""Of the convolutions at a half and a quarter of the image's side."""
SPREADS = 8.0
"""Bound on the logarithm of a latent's variance."""


class Resynthesise(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> the picture, painted anew (b,3,s,s) in [0,1]``.

    After Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, as the attack of Zhao et al., Invisible Image
    Watermarks Are Provably Removable Using Generative AI, NeurIPS 2024: the image becomes a distribution of latents,
    one is drawn from it, and the decoder paints what it says. The draw is torch's global generator's. Unlike theirs
    the network is small, fully convolutional, and fitted on the faces themselves by squared error.

    How much of a picture survives is settled by the fit: ``noise`` is the error in a pixel that the fit takes to be
    normal, and whatever costs more bits than it repairs, a faint mark first of all, is left out of the latent. The
    price is stated per pixel, so the same ``noise`` gives much the same quality at every size.

    Args:
        size: side of the image in pixels, a multiple of 4.
        width: factor on the channels of every convolution.
        latent: channels of the latent, at a quarter of the image's side; those that do not pay are left unused.
        noise: standard deviation of a pixel about what the decoder paints, of 1.
        strength: standard deviations of the latent that are drawn anew: 0 paints its mean, 1 what the fit saw.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        latent: int = 16,
        noise: float = 0.06,
        strength: float = 1.0,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        super().__init__()
        self.noise, self.strength = noise, strength
        half, quarter = (channels(base, width) for base in CHANNELS)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, half, 3, padding=1),
            ResidualBlock(half, half),
            halved(half, quarter),
            ResidualBlock(quarter, quarter),
            ResidualBlock(quarter, quarter),
            nn.Conv2d(quarter, 2 * latent, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(latent, quarter, 1),
            ResidualBlock(quarter, quarter),
            ResidualBlock(quarter, quarter),
            doubled(quarter, half),
            ResidualBlock(half, half),
            nn.Conv2d(half, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Repaint."""
        mean, spread = self._latents(image)
        if not self.strength:
            return self._paint(mean)
        return self._paint(mean + self.strength * spread * torch.randn_like(spread))

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """The negative evidence bound in nats, a mean over the image's values and without its constant."""
        mean, spread = self._latents(image)
        draw = torch.randn(spread.shape, generator=generator).to(spread.device)
        error = (self._paint(mean + spread * draw) - image).square().mean()
        information = (mean.square() + spread.square() - 1).sum() / 2 - spread.log().sum()
        return error / (2 * self.noise**2) + information / image.numel()

    def _latents(self, image: Tensor) -> tuple[Tensor, Tensor]:
        # In float32: a variance is an exponential, which bfloat16's seven bits would coarsen.
        mean, spread = self.encoder(2 * image - 1).float().chunk(2, dim=1)
        return mean, (SPREADS * torch.tanh(spread / SPREADS) / 2).exp()

    def _paint(self, latent: Tensor) -> Tensor:
        painted: Tensor = self.decoder(latent)
        return painted.float().sigmoid()
