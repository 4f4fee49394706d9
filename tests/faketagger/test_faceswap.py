"""What all swaps of two people promise, and how a swap learns whose face is whose."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ftbench_faketagger.faceswap import Faceswap
from ftbench_faketagger.faceswap_residual import FaceswapResidual
from ftbench_faketagger.pasted import FaceswapPasted
from ftbench_faketagger.plugin import ftbench_simulators
from ftbench_faketagger.swap import SwapAutoencoder

Make = Callable[..., nn.Module]
FIRST, SECOND = torch.tensor([0.8, 0.25, 0.35]), torch.tensor([0.2, 0.45, 0.7])
RECORDS = {record.name: record for record in ftbench_simulators()}

every_swap = pytest.mark.parametrize(
    "make",
    [
        pytest.param(partial(Faceswap, width=0.06, latent=16), id="faceswap"),
        pytest.param(partial(FaceswapPasted, width=0.06, latent=16), id="pasted"),
        pytest.param(partial(FaceswapResidual, width=0.06, latent=8), id="residual"),
    ],
)
autoencoders = pytest.mark.parametrize(
    "make",
    [
        pytest.param(partial(Faceswap, width=0.06, latent=16), id="faceswap"),
        pytest.param(partial(FaceswapResidual, width=0.06, latent=8), id="residual"),
    ],
)


def mixed(count: int, size: int) -> tuple[Tensor, dict[str, Tensor]]:
    images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(count))
    return images, {"identity": torch.arange(count) * 2 % 3 % 2}


@every_swap
@pytest.mark.parametrize("size", [32, 48, 96])
def test_a_fake_hangs_on_its_own_image_and_person_only(make: Make, size: int) -> None:
    torch.manual_seed(0)
    network = make(size=size).eval()
    images, inputs = mixed(5, size)
    fakes = network(images, inputs)
    assert fakes.shape == images.shape
    assert fakes.dtype == torch.float32
    assert fakes.min() >= 0
    assert fakes.max() <= 1
    for row in range(5):
        alone = network(images[row : row + 1], {"identity": inputs["identity"][row : row + 1]})
        assert torch.allclose(alone[0], fakes[row], atol=1e-4)
        other = network(images[row : row + 1], {"identity": 1 - inputs["identity"][row : row + 1]})
        assert not torch.allclose(other[0], fakes[row], atol=1e-3)


@every_swap
@pytest.mark.parametrize("who", [[0, 1, 1], [0, 0, 0], [1]])
def test_gradients_flow_in_bfloat16_and_channels_last(make: Make, who: list[int]) -> None:
    torch.manual_seed(0)
    network = make(size=32).to(memory_format=torch.channels_last).eval()
    images = torch.rand(len(who), 3, 32, 32).to(memory_format=torch.channels_last).requires_grad_()
    inputs = {"identity": torch.tensor(who)}
    with torch.autocast("cpu", torch.bfloat16):
        fakes = network(images, inputs)
    assert torch.allclose(fakes, network(images, inputs), atol=0.1)
    (fakes * torch.rand_like(fakes)).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert (images.grad.abs().amax(dim=(1, 2, 3)) > 0).all()

    network.train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = network.fit_loss(images.detach(), inputs, torch.Generator())  # type: ignore[operator]
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@autoencoders
@pytest.mark.parametrize("colour_shift", [False, True])
def test_a_fitted_swap_paints_the_other_persons_colour(make: Make, colour_shift: bool) -> None:
    """Two people of one colour each, dark and light: a fake is the other's colour."""
    torch.manual_seed(0)
    network = make(size=16, colour_shift=colour_shift, warp=0.02).train()
    adam = torch.optim.Adam(network.parameters(), 5e-3)
    who = torch.tensor([0, 1] * 4)
    inputs = {"identity": who}
    faces = torch.stack([FIRST, SECOND])[who][:, :, None, None].expand(-1, -1, 16, 16)
    for step in range(100):
        draws = torch.Generator().manual_seed(step)
        light = 0.8 + 0.2 * torch.rand(8, 1, 1, 1, generator=draws)
        loss = network.fit_loss(faces * light, inputs, draws)  # type: ignore[operator]
        adam.zero_grad()
        loss.backward()
        adam.step()
    network.eval()
    fakes = network(faces * 0.9, inputs).mean(dim=(2, 3))
    assert (fakes[who == 0] - 0.9 * SECOND).abs().max() < 0.12
    # In shared colours both decoders paint in the second person's, see SwapAutoencoder.
    seen_on_second = SECOND if colour_shift else FIRST
    assert (fakes[who == 1] - 0.9 * seen_on_second).abs().max() < 0.12


def what_the_encoder_sees(network: SwapAutoencoder, images: Tensor, who: Tensor) -> Tensor:
    seen: list[Tensor] = []
    handle = network.encoder.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    network(images, {"identity": who})
    handle.remove()
    return seen[0]


def fed(network: SwapAutoencoder, batches: list[tuple[Tensor, Tensor]]) -> None:
    network.train()
    for images, who in batches:
        network.fit_loss(images, {"identity": who}, torch.Generator())
    network.eval()


def test_the_first_persons_images_get_the_second_ones_mean_colour() -> None:
    draws = torch.Generator().manual_seed(0)
    # Batches of any mix, one person alone among them: the means are over images, not over batches.
    people = [[0, 1, 1], [0], [1, 1], [0, 1, 0, 0]]
    batches = [
        (
            0.5 * torch.rand(len(who), 3, 16, 16, generator=draws) + 0.3 * torch.tensor(who)[:, None, None, None],
            torch.tensor(who),
        )
        for who in people
    ]
    pixels = np.concatenate([images.numpy() for images, _ in batches])
    names = np.concatenate([who.numpy() for _, who in batches])
    shift = pixels[names == 1].mean(axis=(0, 2, 3)) - pixels[names == 0].mean(axis=(0, 2, 3))

    network = Faceswap(size=16, width=0.05, latent=8)
    fed(network, batches)
    images, who = torch.rand(3, 3, 16, 16), torch.tensor([0, 1, 0])
    moved = (what_the_encoder_sees(network, images, who) - images).detach().numpy()
    assert np.allclose(moved[[0, 2]], shift[None, :, None, None], atol=1e-5)
    assert np.all(moved[1] == 0)

    plain = Faceswap(size=16, width=0.05, latent=8, colour_shift=False)
    fed(plain, batches)
    assert torch.equal(what_the_encoder_sees(plain, images, who), images)


def test_one_person_alone_shifts_nothing_and_looking_at_val_teaches_nothing() -> None:
    network = Faceswap(size=16, width=0.05, latent=8)
    images = torch.rand(4, 3, 16, 16)
    fed(network, [(images, torch.zeros(4, dtype=torch.long))])
    assert torch.equal(what_the_encoder_sees(network, images, torch.tensor([0, 0, 1, 1])), images)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.fit_loss(images, {"identity": torch.tensor([0, 1, 0, 1])}, torch.Generator())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@every_swap
def test_a_fit_survives_its_file(make: Make, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = make(size=32).train()
    images, inputs = mixed(6, 32)
    dark = torch.where(inputs["identity"][:, None, None, None] == 0, 0.5, 1.0)
    network.fit_loss(images * dark, inputs, torch.Generator())  # type: ignore[operator]
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    again = make(size=32).eval()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(again(images, inputs), network.eval()(images, inputs))


@pytest.mark.parametrize("name", ["faceswap", "faceswap-pasted", "faceswap-residual"])
def test_records_say_what_their_factories_take(name: str) -> None:
    record = RECORDS[name]
    assert (record.differentiable, record.trainable, record.needs, record.people) == (True, True, ("identity",), 2)
    taken = {
        key: parameter.default
        for key, parameter in inspect.signature(record.load()).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    assert dict(record.parameters()) == taken
    settings = record.parameters(width=0.06, latent=8, seed=7)
    assert isinstance(record.load()(size=32, **dict(settings)), nn.Module)
    assert record.object_to(settings, size=32) is None
    assert "multiple of 16" in str(record.object_to(settings, size=40))


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"colour_shift": 1}, {"warp": 0.3}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    for record in RECORDS.values():
        with pytest.raises(ValueError, match=next(iter(wrong))):
            record.parameters(**wrong)
