"""A swap of another architecture, for black-box tests: fully convolutional, residual, normalised."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from ftbench_faketagger.swap import PUBLISHED_WARP, SwapAutoencoder

STEM_CHANNELS = 64
ENCODER_CHANNELS = (128, 256, 512, 512)
DECODER_CHANNELS = (256, 128, 64)
LAST_CHANNELS = 32
GROUPS = 4


class FaceswapResidual(SwapAutoencoder):
    """``(image (b,3,s,s), {"identity": (b,) int64 of {0,1}}) -> the other person's face, (b,3,s,s) in [0,1]``.

    Residual blocks with group normalisation and SiLU, halved by averaging and doubled by repeating pixels,
    where ``Faceswap`` strides, has no normalisation, passes through a vector and shuffles pixels.

    Args:
        size: side of the image in pixels, a multiple of 16; the network itself is the same for all.
        width: factor on the channels of every convolution.
        latent: channels between encoder and decoders, at a sixteenth of the side; the default's 64 are 1024
            numbers for a 64 px image, as many as ``Faceswap`` has.
        warp: standard deviation of the control points' shift in training, as a share of the side.
        colour_shift: whether the first person is shown in the second one's mean colour, see ``SwapAutoencoder``.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        latent: int = 64,
        warp: float = PUBLISHED_WARP,
        colour_shift: bool = True,
        seed: int = 0,
    ) -> None:
        before = _channels(STEM_CHANNELS, width)
        encoder: list[nn.Module] = [nn.Conv2d(3, before, 3, padding=1)]
        for channels in ENCODER_CHANNELS:
            after = _channels(channels, width)
            encoder += [nn.AvgPool2d(2), ResidualBlock(before, after)]
            before = after
        # No normalisation at either end: it would take away how bright and how rich in contrast a picture is.
        encoder += [nn.SiLU(), nn.Conv2d(before, latent, 1)]
        decoders = [_decoder(latent, before, width) for _ in range(2)]
        super().__init__(nn.Sequential(*encoder), decoders, warp=warp, colour_shift=colour_shift)


class ResidualBlock(nn.Module):
    """Two normalised 3×3 convolutions beside a shortcut: ``(b, before, h, w) -> (b, after, h, w)``."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.GroupNorm(GROUPS, before),
            nn.SiLU(),
            nn.Conv2d(before, after, 3, padding=1),
            nn.GroupNorm(GROUPS, after),
            nn.SiLU(),
            nn.Conv2d(after, after, 3, padding=1),
        )
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolutions change."""
        return cast(Tensor, self.shortcut(x) + self.change(x))


def _channels(channels: int, width: float) -> int:
    # A multiple of the groups, and never so few that a group is one number.
    return GROUPS * max(2, round(channels * width / GROUPS))


def _decoder(latent: int, before: int, width: float) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(latent, before, 1), ResidualBlock(before, before)]
    for channels in DECODER_CHANNELS:
        after = _channels(channels, width)
        layers += [nn.Upsample(scale_factor=2, mode="nearest"), ResidualBlock(before, after)]
        before = after
    after = _channels(LAST_CHANNELS, width)
    layers += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(before, after, 3, padding=1), nn.SiLU()]
    return nn.Sequential(*layers, nn.Conv2d(after, 3, 3, padding=1), nn.Sigmoid())
