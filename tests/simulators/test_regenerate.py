"""Regeneration: the noise goes, a faint pattern goes with it, and both hang on what is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

from ftbench.parts.catalogue import Plugins
from ftbench.testing import check
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_simulators.objections import object_to_regenerate
from ftbench_simulators.plugin import RegenerateParameters
from ftbench_simulators.regenerate import MIDDLE, SPREAD, Regenerate

FAINT = 0.02
"""Of a pattern as a mark leaves it: 34 dB."""


@pytest.fixture(scope="module")
def faces() -> Tensor:
    """Pictures (192,3,32,32) of sixteen people; the last 48 are of four whom the others do not show."""
    source = ProceduralFaces(identities=16, images_per_identity=12, seed=5)
    drawn = np.stack([source.load(item, 32) for item in source.items])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def fitted(faces: Tensor, steps: int, **parameters: Any) -> Regenerate:
    torch.manual_seed(0)
    network = Regenerate(size=32, **{"width": 0.25, **parameters}).train()
    adam = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(steps):
        draws = torch.Generator().manual_seed(step)
        batch = faces[torch.randint(len(faces), (16,), generator=draws)]
        adam.zero_grad()
        network.fit_loss(batch, {}, draws).backward()
        adam.step()
    return network.eval()


@pytest.fixture(scope="module")
def known(faces: Tensor) -> dict[float, Regenerate]:
    """Networks fitted on the first twelve people, by their noise."""
    return {noise: fitted(faces[:144], 150, noise=noise) for noise in (0.05, 0.2)}


@torch.no_grad()
def regenerated(network: Regenerate, image: Tensor, seed: int = 1) -> Tensor:
    torch.manual_seed(seed)
    return network(image, {})


def decibels(covers: Tensor, images: Tensor) -> float:
    pairs = zip(covers.numpy(), images.clamp(0, 1).numpy(), strict=True)
    return float(np.mean([peak_signal_noise_ratio(cover, image, data_range=1) for cover, image in pairs]))


@pytest.mark.parametrize("parameters", [{}, {"noise": 0.3}, {"noise": 0.0}, {"trained_on": "reserve", "seed": 3}])
def test_it_keeps_the_contract(plugins: Plugins, parameters: dict[str, Any]) -> None:
    check(plugins.find("simulator", "regenerate").record, size=32, width=0.25, **parameters)


@pytest.mark.parametrize(("noise", "gained"), [(0.05, 2), (0.2, 6)])
def test_strangers_are_restored(known: dict[float, Regenerate], faces: Tensor, noise: float, gained: float) -> None:
    covers = faces[144:]
    torch.manual_seed(1)
    noisy = covers + noise * torch.randn_like(covers)
    assert decibels(covers, regenerated(known[noise], covers)) > decibels(covers, noisy) + gained


def watched(network: Regenerate) -> list[tuple[Tensor, Tensor]]:
    """What the network is shown from now on: pictures under noise, and the deviations that it is told (b,)."""
    shown: list[tuple[Tensor, Tensor]] = []

    def note(_: nn.Module, given: tuple[Tensor]) -> None:
        seen = given[0].detach()
        told = (seen[:, 3, 0, 0] + 1) / 4
        power = (told.square() + SPREAD**2).view(-1, 1, 1, 1)
        shown.append((MIDDLE + seen[:, :3] * power.sqrt(), told))

    network.stem.register_forward_pre_hook(note)
    return shown


def test_the_noise_is_what_was_asked_for(faces: Tensor) -> None:
    network = Regenerate(size=32, width=0.25, noise=0.04)
    shown = watched(network)
    # In black, noise that was clipped would show.
    for covers in (faces[144:], torch.zeros(48, 3, 32, 32)):
        regenerated(network, covers)
        noisy, told = shown.pop()
        assert torch.allclose(told, torch.full((48,), 0.04))
        assert float((noisy - covers).std()) == pytest.approx(0.04, rel=0.02)
        assert float((noisy - covers).mean()) == pytest.approx(0, abs=0.001)


def test_without_noise_nothing_changes(faces: Tensor) -> None:
    network = Regenerate(size=32, width=0.25, noise=0.0)
    assert torch.allclose(regenerated(network, faces[144:]), faces[144:], atol=1e-6)


def test_more_noise_leaves_less_of_a_faint_pattern(known: dict[float, Regenerate], faces: Tensor) -> None:
    pattern = FAINT * torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(9)).sign()
    covers = 0.1 + 0.8 * faces[144:]
    # The same noise falls on both, so noise alone would leave the whole pattern.
    left = {
        noise: float(((regenerated(network, covers + pattern) - regenerated(network, covers)) * pattern).mean())
        / FAINT**2
        for noise, network in known.items()
    }
    assert left[0.2] < 0.7 * left[0.05]
    assert left[0.05] < 0.9


def test_what_is_drawn_is_the_global_generators(known: dict[float, Regenerate], faces: Tensor) -> None:
    network, covers = known[0.2], faces[144:150]
    assert torch.equal(regenerated(network, covers), regenerated(network, covers))
    assert not torch.equal(regenerated(network, covers), regenerated(network, covers, seed=2))


def test_the_fit_sees_noise_of_up_to_twice_the_deviation(faces: Tensor) -> None:
    network = Regenerate(size=32, width=0.25, noise=0.1)
    shown = watched(network)
    network.fit_loss(faces, {}, torch.Generator().manual_seed(0))
    [(noisy, told)] = shown
    assert torch.allclose((noisy - faces).flatten(1).std(dim=1), told, rtol=0.1, atol=1e-3)
    assert 0 <= float(told.min()) < 0.02
    assert 0.18 < float(told.max()) <= 0.2


@pytest.mark.parametrize(
    "parameters", [{"noise": -0.1}, {"noise": 0.6}, {"width": 0.0}, {"seed": -1}, {"trained_on": "test"}]
)
def test_what_is_out_of_bounds_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RegenerateParameters(**parameters)


def test_sizes_that_cannot_be_regenerated_are_refused() -> None:
    assert object_to_regenerate(size=36) is None
    assert "multiple of 4" in str(object_to_regenerate(size=38))
    assert "16 or more" in str(object_to_regenerate(size=8))
