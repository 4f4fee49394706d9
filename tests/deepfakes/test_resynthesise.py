"""Repainting: what it loses, what it keeps, and that its losses are what they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from ftbench.testing import check
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_deepfakes.objections import object_to_quantised, object_to_resynthesise
from ftbench_deepfakes.records.synthesis import RECORDS
from ftbench_deepfakes.resynthesise import Resynthesise
from ftbench_deepfakes.resynthesise_quantised import Codebook, ResynthesiseQuantised

BY_NAME = {record.name: record for record in RECORDS}


@pytest.fixture(scope="module")
def faces() -> Tensor:
    """Pictures (96,3,32,32) of eight people; the last 32 are of two whom the others do not show."""
    source = ProceduralFaces(identities=8, images_per_identity=12, seed=3)
    drawn = np.stack([source.load(item, 32) for item in source.items])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def variational(**changed: Any) -> Resynthesise:
    torch.manual_seed(0)
    return Resynthesise(size=32, **{"width": 0.25, "latent": 8, **changed})


def quantised(**changed: Any) -> ResynthesiseQuantised:
    torch.manual_seed(0)
    return ResynthesiseQuantised(size=32, **{"width": 0.17, "depth": 1, "codes": 64, **changed})


def fitted(network: nn.Module, faces: Tensor, steps: int) -> tuple[float, float]:
    """The loss on faces that the fit does not see, before and after it."""

    def held_out() -> float:
        with torch.no_grad():
            return float(network.eval().fit_loss(faces[64:], {}, torch.Generator().manual_seed(1)))  # type: ignore[operator]

    before = held_out()
    adam = torch.optim.Adam(network.train().parameters(), 4e-3)
    for step in range(steps):
        draws = torch.Generator().manual_seed(step)
        batch = faces[torch.randint(64, (8,), generator=draws)]
        loss = network.fit_loss(batch, {}, draws)  # type: ignore[operator]
        adam.zero_grad()
        loss.backward()
        adam.step()
    return before, held_out()


def decibels(one: Tensor, other: Tensor) -> float:
    return float(-10 * (one - other).square().mean().log10())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resynthesise", {"width": 0.25, "latent": 8}),
        ("resynthesise", {"width": 0.25, "strength": 0.0}),
        ("resynthesise-2", {"width": 0.1, "depth": 1, "codes": 32}),
        ("resynthesise-2", {"width": 0.1, "depth": 1, "levels": 1, "strength": 0.0}),
    ],
)
def test_it_keeps_the_contract(name: str, parameters: dict[str, Any]) -> None:
    check(BY_NAME[name], size=32, **parameters)


def test_the_loss_is_the_evidence_bound() -> None:
    network = variational(noise=0.1).eval()
    image = torch.rand(2, 3, 32, 32)
    seen: list[Tensor] = []
    network.encoder.register_forward_hook(lambda *given: seen.append(given[-1]))
    network.decoder.register_forward_hook(lambda *given: seen.append(given[-1]))
    with torch.no_grad():
        loss = network.fit_loss(image, {}, torch.Generator().manual_seed(5))
    latents, painted = seen
    mean, spread = latents.chunk(2, dim=1)
    posterior = Normal(mean, (4 * torch.tanh(spread / 8)).exp())
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    likelihood = Normal(painted.sigmoid(), 0.1).log_prob(image).mean()
    constant = Normal(0.0, 0.1).log_prob(torch.tensor(0.0))
    bound = likelihood - constant - kl_divergence(posterior, prior).sum() / image.numel()
    assert float(loss) == pytest.approx(-float(bound), rel=1e-4)


def test_codes_are_the_nearest() -> None:
    torch.manual_seed(0)
    book = Codebook(codes=50, length=6)
    nn.init.normal_(book.turn.weight)
    latent = torch.randn(2, 6, 5, 4)
    codes = (book.drawn @ book.turn.weight.T).detach().double().numpy()
    places = latent.permute(0, 2, 3, 1).reshape(-1, 6).double().numpy()
    nearest = codes[cdist(places, codes).argmin(axis=1)].reshape(2, 5, 4, 6)
    assert np.allclose(book(latent).detach().permute(0, 2, 3, 1).numpy(), nearest, atol=1e-5)


@pytest.mark.parametrize("make", [variational, quantised])
def test_it_learns_and_strength_repaints_more(make: Callable[..., Any], faces: Tensor) -> None:
    network = make()
    before, after = fitted(network, faces, 60)
    assert after < 0.6 * before
    held = faces[64:]
    apart = []
    for strength in (0.0, 1.0, 4.0):
        network.strength = strength
        torch.manual_seed(0)
        with torch.no_grad():
            apart.append(decibels(network(held, {}), held))
    assert apart[0] > apart[2] + 1
    assert apart[0] >= apart[1] >= apart[2]
    assert max(apart) < 28
    # A picture painted anew lies nearer to its own cover than one of the others does.
    assert apart[1] > decibels(held.roll(1, 0), held) + 1


@pytest.mark.parametrize("make", [variational, quantised])
def test_what_is_drawn_is_the_global_generators(make: Callable[..., Any]) -> None:
    image = torch.rand(2, 3, 32, 32)
    network = make().eval()
    painted = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        painted.append(network(image, {}))
    assert torch.equal(painted[0], painted[1])
    assert not torch.equal(painted[0], painted[2])
    still = make(strength=0.0).eval()
    assert torch.equal(still(image, {}), still(image, {}))


def test_a_tighter_noise_keeps_more(faces: Tensor) -> None:
    told = []
    for noise in (0.3, 0.03):
        network = variational(noise=noise, strength=0.0)
        fitted(network, faces, 25)
        with torch.no_grad():
            told.append(decibels(network(faces[64:], {}), faces[64:]))
    assert told[1] > told[0] + 0.5


@pytest.mark.parametrize("make", [variational, quantised])
def test_every_level_learns(make: Callable[..., Any]) -> None:
    network = make()
    network.fit_loss(torch.rand(4, 3, 32, 32), {}, torch.Generator().manual_seed(0)).backward()
    silent = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert not silent


def test_sizes_that_cannot_be_repainted_are_refused() -> None:
    assert object_to_resynthesise(size=36) is None
    assert "multiple of 4" in str(object_to_resynthesise(size=38))
    assert "16 or more" in str(object_to_resynthesise(size=8))
    assert object_to_quantised(size=36) is None
    assert "multiple of 4" in str(object_to_quantised(size=34))
