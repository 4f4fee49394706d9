"""The other architecture: other parts, other parameters, and it learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ftbench_faketagger.faceswap import Faceswap
from ftbench_faketagger.faceswap_residual import FaceswapResidual


def kinds(network: nn.Module) -> set[type[nn.Module]]:
    return {type(module) for module in network.modules()}


def test_it_is_another_architecture() -> None:
    residual, published = FaceswapResidual(size=32, width=0.1), Faceswap(size=32, width=0.1, latent=64)
    theirs = {name: value.shape for name, value in published.named_parameters()}
    mine = {name: value.shape for name, value in residual.named_parameters()}
    assert not {name for name in mine if theirs.get(name) == mine[name] and len(mine[name]) > 1}
    with pytest.raises(RuntimeError, match="key"):
        residual.load_state_dict(published.state_dict())
    assert {nn.GroupNorm, nn.SiLU, nn.AvgPool2d, nn.Upsample} <= kinds(residual) - kinds(published)
    assert {nn.Linear, nn.LeakyReLU, nn.PixelShuffle} <= kinds(published) - kinds(residual)
    assert all(module.stride == (1, 1) for module in residual.modules() if isinstance(module, nn.Conv2d))


def test_one_network_takes_every_multiple_of_16() -> None:
    torch.manual_seed(0)
    network = FaceswapResidual(size=32, width=0.06, latent=8)
    for size in (16, 48, 80):
        image = torch.rand(1, 3, size, size)
        assert network(image, {"identity": torch.tensor([1])}).shape == image.shape
        # One image of one pixel in the middle must not be too few for a normalisation.
        assert network.fit_loss(image, {"identity": torch.tensor([1])}, torch.Generator()).isfinite()


def test_light_reaches_the_fake() -> None:
    """Normalised blocks must leave a way for brightness: a fit on pairs of light and dark pictures finds it."""
    torch.manual_seed(0)
    network = FaceswapResidual(size=16, width=0.06, latent=8, colour_shift=False)
    adam = torch.optim.Adam(network.parameters(), 5e-3)
    who = torch.tensor([0, 1] * 4)
    pattern = torch.rand(1, 3, 16, 16)
    for step in range(160):
        light = torch.rand(8, 1, 1, 1, generator=torch.Generator().manual_seed(step))
        loss = network.fit_loss(pattern * light, {"identity": who}, torch.Generator().manual_seed(step))
        adam.zero_grad()
        loss.backward()
        adam.step()
    levels = torch.tensor([0.2, 0.5, 0.8])
    fakes = network.eval()(pattern * levels[:, None, None, None], {"identity": torch.tensor([0, 1, 0])})
    assert torch.allclose(fakes.mean(dim=(1, 2, 3)), pattern.mean() * levels, atol=0.1)
