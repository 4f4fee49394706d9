"""The faceswap simulator as published: strided convolutions into a vector, pixel-shuffle decoders."""

from __future__ import annotations

from torch import nn

from ftbench_faketagger.swap import PUBLISHED_WARP, SwapAutoencoder

ENCODER_CHANNELS = (128, 256, 512, 1024)
DECODER_CHANNELS = (256, 128, 64)
SHARED_CHANNELS = 512


class Faceswap(SwapAutoencoder):
    """``(image (b,3,s,s), {"identity": (b,) int64 of {0,1}}) -> the other person's face, (b,3,s,s) in [0,1]``.

    Args:
        size: side of the image in pixels, a multiple of 16.
        width: factor on the channels of every convolution.
        latent: length of the vector between encoder and decoders.
        warp: standard deviation of the control points' shift in training, as a share of the side.
        colour_shift: whether the first person is shown in the second one's mean colour, see ``SwapAutoencoder``.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        latent: int = 1024,
        warp: float = PUBLISHED_WARP,
        colour_shift: bool = True,
        seed: int = 0,
    ) -> None:
        encoder: list[nn.Module] = []
        before = 3
        for channels in ENCODER_CHANNELS:
            after = max(8, round(channels * width))
            encoder += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.LeakyReLU(0.1, inplace=True)]
            before = after
        cells = (size // 16) ** 2
        shared = max(8, round(SHARED_CHANNELS * width))
        encoder += [
            nn.Flatten(),
            nn.Linear(before * cells, latent),
            nn.Linear(latent, before * cells),
            nn.Unflatten(1, (before, size // 16, size // 16)),
            _upscale(before, shared),
        ]
        decoders = [_decoder(shared, width) for _ in range(2)]
        super().__init__(nn.Sequential(*encoder), decoders, warp=warp, colour_shift=colour_shift)
        self.apply(_initialise)


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
