"""The faceswap simulator: one shared encoder, one decoder a person; a swap decodes with the other's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ftbench_faketagger.warp import random_warp

ENCODER_CHANNELS = (128, 256, 512, 1024)
DECODER_CHANNELS = (256, 128, 64)
SHARED_CHANNELS = 512


class Faceswap(nn.Module):
    """``(image (b,3,s,s), {"identity": (b,) int64 of {0,1}}) -> the other person's face, (b,3,s,s)``.

    Args:
        size: side of the image in pixels, a multiple of 16.
        width: factor on the channels of every convolution.
        latent: length of the vector between encoder and decoders.
        warp: standard deviation of the control points' shift in training, as a share of the side; the
            published training uses 5 px of 256.
    """

    def __init__(self, *, size: int, width: float, latent: int, warp: float) -> None:
        super().__init__()
        self.warp = warp
        encoder: list[nn.Module] = []
        before = 3
        for channels in ENCODER_CHANNELS:
            after = max(8, round(channels * width))
            encoder += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.LeakyReLU(0.1, inplace=True)]
            before = after
        cells = (size // 16) ** 2
        shared = max(8, round(SHARED_CHANNELS * width))
        self.encoder = nn.Sequential(
            *encoder,
            nn.Flatten(),
            nn.Linear(before * cells, latent),
            nn.Linear(latent, before * cells),
            nn.Unflatten(1, (before, size // 16, size // 16)),
            _upscale(before, shared),
        )
        self.decoders = nn.ModuleList(_decoder(shared, width) for _ in range(2))
        self.apply(_initialise)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Swap each face for the other person's."""
        return self._decode(self.encoder(image), 1 - inputs["identity"])

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Mean absolute error of rebuilding each face from a warped one, by its own person's decoder."""
        warped = random_warp(image, self.warp, generator)
        return (self._decode(self.encoder(warped), inputs["identity"]) - image).abs().mean()

    def _decode(self, shared: Tensor, person: Tensor) -> Tensor:
        # Each decoder sees its own rows only; the concatenation is put back into the batch's order.
        order = torch.argsort(person, stable=True)
        first = int((person == 0).sum())
        faces = torch.cat(
            [
                decoder(part)
                for decoder, part in zip(self.decoders, shared[order].split([first, len(person) - first]), strict=True)
                if len(part)
            ]
        )
        return faces[torch.argsort(order)].float()


def object_to_faceswap(*, size: int, **_: object) -> str | None:
    """Why this size cannot be swapped, or None."""
    return None if size % 16 == 0 else f"faceswap halves the image four times: {size} is not a multiple of 16"


def _initialise(module: nn.Module) -> None:
    # Nothing here normalises: torch's default weights would let the signal die out over ten layers.
    if isinstance(module, nn.Conv2d | nn.Linear):
        slope = 0.1 if isinstance(module, nn.Conv2d) else 1.0
        nn.init.kaiming_normal_(module.weight, a=slope)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _upscale(before: int, after: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after * 4, 3, padding=1), nn.LeakyReLU(0.1, inplace=True), nn.PixelShuffle(2)
    )


def _decoder(before: int, width: float) -> nn.Module:
    layers: list[nn.Module] = []
    for channels in DECODER_CHANNELS:
        after = max(8, round(channels * width))
        layers.append(_upscale(before, after))
        before = after
    return nn.Sequential(*layers, nn.Conv2d(before, 3, 5, padding=2), nn.Sigmoid())
