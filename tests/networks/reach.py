"""What of an image or a code a network listens to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

TILE = 8


def enlivened(network: nn.Module) -> nn.Module:
    """The network in double precision and eval(), with running statistics as after a training."""
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.2)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return network.double().eval()


def weights_of(network: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in network.parameters())


def silent_tiles(decoder: Callable[[Tensor], Tensor], size: int, bits: int) -> list[tuple[int, int]]:
    """(logit, tile) of every tile of 8×8 px whose pixels leave a logit as it is."""
    image = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    logits = decoder(image)
    assert logits.shape == (1, bits)
    silent = []
    for bit in range(bits):
        (gradient,) = torch.autograd.grad(logits[0, bit], image, retain_graph=True)
        heard = functional.max_pool2d(gradient.abs().amax(dim=1, keepdim=True), TILE).flatten()
        silent += [(bit, tile) for tile in torch.nonzero(heard == 0).flatten().tolist()]
    return silent


def deaf_tiles(encoder: Callable[[Tensor, Tensor], Tensor], size: int, bits: int) -> list[tuple[int, int]]:
    """(bit, tile) of every tile of 8×8 px that a flip of a bit leaves as it is."""
    cover = 0.3 + 0.4 * torch.rand(1, 3, size, size, dtype=torch.float64)
    code = torch.randint(0, 2, (1, bits)).double()
    marked = encoder(cover, code)
    deaf = []
    for bit in range(bits):
        flipped = code.clone()
        flipped[0, bit] = 1 - flipped[0, bit]
        change = (encoder(cover, flipped) - marked).abs().amax(dim=1, keepdim=True)
        deaf += [(bit, tile) for tile in torch.nonzero(functional.max_pool2d(change, TILE).flatten() == 0).flatten()]
    return deaf
