"""HiDDeN's encoder and decoder: plain convolutions, the message as constant planes.

Zhu et al., HiDDeN: Hiding Data With Deep Networks, ECCV 2018, supplement A.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ftbench_networks.blocks import chain, conv_norm_relu, held

READ_GAIN = 10.0
"""What a channel's average is worth as a logit at the start: averages over an image differ little."""
MEAN_OF_RELU = 0.4
"""Of what a normalisation gives, as long as it is normal: 1/√(2π)."""


class HiddenEncoder(nn.Module):
    """``(cover (b,3,h,w) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,h,w) in [0,1]``, any h and w.

    Args:
        size: side of the image in pixels; nothing hangs on it.
        bits: n, length of the code.
        channels: filters of every block.
        blocks: conv-BN-ReLU blocks before the message is joined; one more follows.
        residual: the largest change of a pixel, in [0, 1]; 0 paints the whole image, as published.
    """

    def __init__(self, *, size: int, bits: int, channels: int, blocks: int, residual: float) -> None:
        super().__init__()
        self.residual = residual
        self.look = chain(3, channels, blocks)
        self.join = conv_norm_relu(channels + bits + 3, channels)
        self.to_rgb = nn.Conv2d(channels, 3, 1)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Write ``code`` into ``cover``."""
        centred = 2 * cover - 1
        planes = (2 * code - 1)[:, :, None, None].expand(-1, -1, *cover.shape[-2:])
        painted = self.to_rgb(self.join(torch.cat([planes, self.look(centred), centred], dim=1)))
        if self.residual:
            return (cover + self.residual * torch.tanh(painted.float())).clamp(0, 1)
        return held(painted)


class HiddenDecoder(nn.Module):
    """``image (b,3,h,w) in [0,1] -> logits (b,n)``, any h and w: the last activations are averaged over the image.

    Args:
        size: side of the image in pixels; nothing hangs on it.
        bits: n, length of the code.
        channels: filters of every block but the last, which has n.
        blocks: conv-BN-ReLU blocks before that.
    """

    def __init__(self, *, size: int, bits: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.look = nn.Sequential(chain(3, channels, blocks), conv_norm_relu(channels, bits))
        self.read = nn.Linear(bits, bits)
        self._start_with_a_channel_a_bit()

    @torch.no_grad()
    def _start_with_a_channel_a_bit(self) -> None:
        # torch's default weights mix the averages before any of them means something: at 32 px and 8 bits three bits in
        # four are read after 300 steps, and 99 % from here.
        self.read.weight.copy_(READ_GAIN * torch.eye(len(self.read.weight)))
        self.read.bias.fill_(-READ_GAIN * MEAN_OF_RELU)

    def forward(self, image: Tensor) -> Tensor:
        """Read the logits of the code."""
        return cast(Tensor, self.read(self.look(2 * image - 1).mean(dim=(2, 3))).float())
