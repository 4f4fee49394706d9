"""Entire synthesis by another architecture: a vector-quantised autoencoder of ConvNeXt blocks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from timm.models.convnext import ConvNeXtBlock
from torch import Tensor, nn

from ftbench_deepfakes.objections import REPAINT_CELL

CHANNELS = 192
COMMITMENT = 0.25
"""Weight of drawing the latents to their codes, against drawing the codes to the latents; as published."""
FULL_SIZE = 32
"""Channels of the two convolutions that join the cells."""


class Codebook(nn.Module):
    """``latent (b,c,h,w) -> the nearest code at each place (b,c,h,w)``, with a gradient for the codes alone.

    The codes are one learned linear map of vectors that were drawn once and stay, so that all move together and none
    dies: Zhu et al., Addressing Representation Collapse in Vector Quantized Models with One Linear Layer, ICCV 2025.
    """

    def __init__(self, codes: int, length: int) -> None:
        super().__init__()
        self.drawn: Tensor
        self.register_buffer("drawn", torch.randn(codes, length))
        self.turn = nn.Linear(length, length, bias=False)
        nn.init.eye_(self.turn.weight)

    def forward(self, latent: Tensor) -> Tensor:
        """Look up."""
        # Float32 throughout: in bfloat16 half of the codes would be as near as the nearest.
        codes = self.drawn @ self.turn.weight.float().T
        with torch.no_grad():
            places = latent.permute(0, 2, 3, 1)
            distances = codes.square().sum(dim=1) - 2 * places @ codes.T
            index = distances.argmin(dim=-1)
        return codes[index].permute(0, 3, 1, 2)


class ResynthesiseQuantised(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> the picture, painted anew (b,3,s,s) in [0,1]``.

    After van den Oord et al., Neural Discrete Representation Learning, NeurIPS 2017, with residual codebooks (Lee et
    al., Autoregressive Image Generation using Residual Quantization, CVPR 2022): each cell is told by ``levels``
    codes, each of what those before it left over. The gradient passes the look-up straight through. Departs from both
    in its blocks (Liu et al., A ConvNet for the 2020s, CVPR 2022), in codes that cannot die, and in ``strength``.

    Args:
        size: side of the image in pixels, a multiple of 4.
        width: factor on the 192 channels of every block.
        depth: blocks of the encoder, and as many of the decoder.
        codes: entries of each codebook.
        levels: codebooks.
        length: numbers in a code.
        strength: noise on the latent before it is looked up, in root mean squares of what the codes leave over of that
            image: 0 takes the nearest codes, more takes neighbours of them.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        depth: int = 3,
        codes: int = 512,
        levels: int = 3,
        length: int = 16,
        strength: float = 1.0,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        super().__init__()
        self.strength = strength
        wide = max(16, 8 * round(CHANNELS * width / 8))
        self.encoder = nn.Sequential(nn.Conv2d(3, wide, REPAINT_CELL, stride=REPAINT_CELL), *_blocks(wide, depth))
        self.shorten = nn.Sequential(nn.Conv2d(wide, length, 1), nn.GroupNorm(1, length, affine=False))
        self.codebooks = nn.ModuleList(Codebook(codes, length) for _ in range(levels))
        with torch.no_grad():
            for level, codebook in enumerate(self.codebooks):
                assert isinstance(codebook, Codebook)
                # What is left over shrinks from level to level.
                codebook.turn.weight *= 0.6**level
        self.decoder = nn.Sequential(
            nn.Conv2d(length, wide, 1),
            *_blocks(wide, depth),
            nn.Conv2d(wide, FULL_SIZE * REPAINT_CELL**2 // 2, 1),
            nn.PixelShuffle(REPAINT_CELL),
            nn.Conv2d(FULL_SIZE // 2, FULL_SIZE, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(FULL_SIZE, 3, 3, padding=1),
        )

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Repaint."""
        latent = self._latent(image)
        told = self._told(latent)
        if self.strength:
            left = (latent - told).detach().square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
            told = self._told(latent + self.strength * left * torch.randn_like(latent))
        return self._paint(latent + (told - latent).detach())

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Root mean squared error of the painted image, and what draws codes and latents to each other."""
        latent = self._latent(image)
        told = self._told(latent)
        error = (self._paint(latent + (told - latent).detach()) - image).square().mean()
        codes_to_latents = (told - latent.detach()).square().mean()
        latents_to_codes = (told.detach() - latent).square().mean()
        # A square root holds the balance: the error falls by two orders of magnitude, the other terms by one.
        return (error + 1e-6).sqrt() + 0.1 * (codes_to_latents + COMMITMENT * latents_to_codes)

    def _latent(self, image: Tensor) -> Tensor:
        latent: Tensor = self.shorten(self.encoder(2 * image - 1))
        return latent.float()

    def _told(self, latent: Tensor) -> Tensor:
        told, left = torch.zeros_like(latent), latent.detach()
        for codebook in self.codebooks:
            code = codebook(left)
            told, left = told + code, left - code.detach()
        return told

    def _paint(self, told: Tensor) -> Tensor:
        painted: Tensor = self.decoder(told)
        return painted.float().sigmoid()


def _blocks(channels: int, depth: int) -> list[nn.Module]:
    return [ConvNeXtBlock(channels, ls_init_value=None) for _ in range(depth)]
