"""What of an image or a code a network listens to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

TILE = 8


def settled(network: nn.Module, *inputs: Tensor) -> nn.Module:
    """The network in double precision and eval(), its running statistics those of ``inputs``."""
    network = network.double().train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Of the one batch alone.
            module.momentum = 1.0
    with torch.no_grad():
        network(*inputs)
    return network.eval()


def covers(size: int, count: int = 8) -> Tensor:
    """Noise in the middle of the range: (count, 3, size, size)."""
    return 0.3 + 0.4 * torch.rand(count, 3, size, size, dtype=torch.float64)


def codes(bits: int, count: int = 8) -> Tensor:
    """Random codes (count, bits)."""
    return torch.randint(0, 2, (count, bits)).double()


def weights_of(network: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in network.parameters())


def silent_tiles(decoder: Callable[[Tensor], Tensor], size: int, bits: int) -> list[tuple[int, int]]:
    """(logit, tile) of every tile of 8×8 px whose pixels leave a logit as it is."""
    image = covers(size, 1).requires_grad_()
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
    cover, code = covers(size, 1), codes(bits, 1)
    marked = encoder(cover, code)
    deaf = []
    for bit in range(bits):
        flipped = code.clone()
        flipped[0, bit] = 1 - flipped[0, bit]
        change = (encoder(cover, flipped) - marked).abs().amax(dim=1, keepdim=True)
        heard = functional.max_pool2d(change, TILE).flatten()
        deaf += [(bit, tile) for tile in torch.nonzero(heard == 0).flatten().tolist()]
    return deaf
