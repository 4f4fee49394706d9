"""Reenactment: motions against scipy, what drives a face and what does not, and whether a fit teaches it to follow."""

from __future__ import annotations

import inspect
from functools import cache

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.interpolate import RBFInterpolator
from torch import Tensor

import ftbench
from ftbench.data.donors import donors
from ftbench.data.images import Images, choose
from ftbench.machine.randomness import generator
from ftbench.pipeline.inputs import Inputs
from ftbench.testing import check
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_deepfakes.records.reenactment import RECORDS
from ftbench_deepfakes.reenact import SOFTNESS, Reenact
from ftbench_deepfakes.reenact_fit import LEAST_VARIANCE, Reenactment, partners, structure_apart
from ftbench_deepfakes.reenact_motion import (
    carried,
    face_window,
    followed,
    moved,
    places,
    random_motion,
    relit,
    spline_field,
    undone,
)

SMALL = {"width": 0.25}
every_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)


def build(record: ftbench.Simulator, size: int = 32, **parameters: float) -> Reenactment:
    torch.manual_seed(0)
    network = record.load()(size=size, **{**SMALL, **parameters})
    assert isinstance(network, Reenactment)
    return network.eval()


def smooth(count: int, size: int, seed: int = 0) -> Tensor:
    noise = np.random.default_rng(seed).random((count, 3, size, size))
    blurred = ndimage.gaussian_filter(noise, (0, 0, size / 16, size / 16), mode="reflect")
    low, high = blurred.min(axis=(1, 2, 3), keepdims=True), blurred.max(axis=(1, 2, 3), keepdims=True)
    return torch.from_numpy((blurred - low) / (high - low)).float()


@cache
def faces() -> Images:
    return choose(ProceduralFaces(identities=12, images_per_identity=16, seed=3), 32, None, None, "test").split("train")


def batch(start: int, count: int = 24) -> tuple[Tensor, dict[str, Tensor]]:
    images = faces()
    order = torch.argsort(images.identity, stable=True).roll(-start)[:count]
    identity, cover = images.identity[order], images.covers(order, "cpu")
    others = donors(images, identity, generator("donors", start), "cpu")
    return cover, Inputs(identity=identity, donor=others).of(("identity", "donor"), cover)


@every_record
def test_the_contract_is_kept(record: ftbench.Simulator) -> None:
    check(record, size=32, **SMALL)


@every_record
def test_records_say_what_their_factories_take(record: ftbench.Simulator) -> None:
    taken = {
        key: parameter.default
        for key, parameter in inspect.signature(record.load()).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    assert dict(record.parameters()) == taken
    for size in (24, 40, 16):
        assert "multiple of 16 px, 32 or more" in str(record.object_to(record.parameters(), size=size))
    assert record.object_to(record.parameters(), size=48) is None


@every_record
@pytest.mark.parametrize("size", [32, 48, 128])
def test_the_driver_moves_pixels_and_gives_none(record: ftbench.Simulator, size: int) -> None:
    network = build(record, size)
    image, driver = smooth(3, size), smooth(3, size, 1)
    with torch.no_grad():
        fake = network(image, {"donor": driver})
        assert (fake - image).abs().max() > 0.01
        assert torch.allclose(network(image, {"donor": image}), image, atol=1e-5)
        # Grey has no structure, so whatever the driver's place in colour space, no colour of it may arrive.
        grey = image.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
        of_grey = network(grey, {"donor": driver})
    assert (of_grey.amax(dim=1) - of_grey.amin(dim=1)).max() < 1e-5
    assert fake.shape == image.shape


@every_record
def test_strength_scales_the_motion(record: ftbench.Simulator) -> None:
    image, driver = smooth(2, 32), smooth(2, 32, 1)
    fakes = []
    for strength in (0.0, 1.0, 2.0):
        network = build(record, strength=strength)
        with torch.no_grad():
            shift = network.displacement(network.describe(image), network.describe(driver))
            fakes.append(network(image, {"donor": driver}))
        # Untrained, the refinement changes nothing.
        assert torch.allclose(fakes[-1], moved(image, strength * shift).clamp(0, 1), atol=1e-6)
    assert torch.allclose(fakes[0], image, atol=1e-6)
    assert (fakes[2] - image).abs().mean() > (fakes[1] - image).abs().mean()


def test_a_picture_is_read_where_the_displacement_says() -> None:
    """A wave whose formula is known, read at other places than its pixels'."""

    def wave(at: Tensor) -> Tensor:
        x, y = at[..., 0], at[..., 1]
        return torch.stack([torch.sin(3 * x + 2 * y), torch.cos(4 * y - x), torch.sin(5 * x) * y], dim=1)

    device = torch.device("cpu")
    motion = random_motion(4, 64, torch.Generator().manual_seed(0), device)
    at = places(64, device)
    found, expected = moved(wave(at).expand(4, -1, -1, -1), motion), wave(at + motion)
    inside = ((at + motion).abs().amax(dim=-1) < 0.95)[:, None].expand_as(found)
    assert inside.float().mean() > 0.7
    assert (found - expected)[inside].abs().max() < 0.01
    assert (wave(at) - expected)[inside].abs().mean() > 0.1


def test_motions_follow_each_other_and_carry_points() -> None:
    device = torch.device("cpu")
    first, then = random_motion(8, 64, torch.Generator().manual_seed(1), device).split(4)
    one_by_one, at_once = moved(moved(smooth(4, 64), first), then), moved(smooth(4, 64), followed(first, then))
    # Away from the border, beyond which the one reflects and the other holds.
    assert (one_by_one - at_once)[..., 12:-12, 12:-12].abs().max() < 0.02

    again = moved(moved(smooth(4, 64), first), undone(first))
    assert (again - smooth(4, 64))[..., 16:-16, 16:-16].abs().max() < 0.03

    point = torch.tensor([[[0.1, -0.2]], [[-0.3, 0.25]], [[0.0, 0.0]], [[0.2, 0.3]]])
    before = carried(point, first)
    dot = torch.exp(-(places(64, device) - before[:, None]).square().sum(-1, keepdim=True) / (2 * 0.06**2)).permute(
        0, 3, 1, 2
    )
    weight = moved(dot, first)[:, 0, :, :, None] ** 4
    seen = (weight * places(64, device)).sum((1, 2)) / weight.sum((1, 2))
    assert (seen - point[:, 0]).abs().max() < 0.02


def test_splines_reproduce_straight_lines() -> None:
    along = torch.linspace(-1, 1, 7)
    knots = torch.stack(torch.meshgrid(along, 2 * along, indexing="xy"), dim=-1)[None]
    field = spline_field(knots, 40)[0]
    # Knots lie a quarter of the picture apart, the outermost one step outside of it.
    expected = 2 / 3 * places(40, torch.device("cpu"))[0] * torch.tensor([1.0, 2.0])
    assert torch.allclose(field, expected, atol=1e-5)


def test_points_carry_their_neighbourhood_as_scipys_radial_basis_functions_do() -> None:
    network = build(RECORDS[0])
    assert isinstance(network, Reenact)
    homes = network.homes.flatten()
    of_driver = (homes + 0.05 * torch.randn(2, len(homes), generator=torch.Generator().manual_seed(0))).double()
    of_image = (homes + 0.05 * torch.randn(2, len(homes), generator=torch.Generator().manual_seed(1))).double()
    with torch.no_grad():
        field = network.displacement(of_image.float(), of_driver.float())
    for row in range(2):
        centres = of_driver[row].reshape(-1, 2).numpy()
        shifts = of_image[row].reshape(-1, 2).numpy() - centres
        reference = RBFInterpolator(
            centres, shifts, kernel="gaussian", epsilon=1 / (2**0.5 * network.spread), smoothing=SOFTNESS, degree=-1
        )
        expected = reference(places(32, torch.device("cpu"))[0].flatten(0, 1).double().numpy())
        assert np.allclose(field[row].flatten(0, 1).numpy(), expected, atol=1e-3)


def test_partners_are_others_of_the_same_person() -> None:
    identity = torch.tensor([3, 1, 3, 1, 3, 7])
    found = partners(identity)
    assert torch.equal(identity[found], identity)
    assert found.tolist() == [2, 3, 4, 1, 0, 5]


def test_structure_is_blind_to_light_and_sees_motion() -> None:
    image = smooth(4, 32)
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(2)) / 10
    textured = (image + noise).clamp(0, 1)
    same = structure_apart(textured, 0.8 * textured + 0.1)
    motion = random_motion(4, 32, torch.Generator().manual_seed(0), torch.device("cpu"))
    # Where there is little contrast, the least variance makes a flat window of it.
    assert same < 0.15
    assert structure_apart(textured, moved(textured, motion)) > 4 * same
    assert structure_apart(textured, 1 - textured) > 1.8


def test_structure_is_the_correlation_in_a_window() -> None:
    one, other = smooth(1, 32, 5), smooth(1, 32, 6)
    grey = [picture.mean(dim=1)[0].double().numpy() for picture in (one, other)]
    expected = 0.0
    for side in (5, 9):
        means = [_mean(picture, side) for picture in grey]
        first, second = (picture - mean for picture, mean in zip(grey, means, strict=True))
        powers = (_mean(first**2, side) + LEAST_VARIANCE) * (_mean(second**2, side) + LEAST_VARIANCE)
        weight = face_window(32, torch.device("cpu"))[0, 0].double().numpy()
        expected += (weight * (1 - _mean(first * second, side) / np.sqrt(powers))).mean() / 2
    assert float(structure_apart(one, other)) == pytest.approx(expected, abs=1e-4)


def _mean(picture: np.ndarray, side: int) -> np.ndarray:
    kernel = np.ones((side, side))
    total = ndimage.convolve(picture, kernel, mode="constant")
    average: np.ndarray = total / ndimage.convolve(np.ones_like(picture), kernel, mode="constant")
    return average


def test_relit_pictures_keep_their_places() -> None:
    image = smooth(8, 32)
    seen = relit(image, torch.Generator().manual_seed(0))
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert (seen - image).abs().mean() > 0.03
    assert structure_apart(seen, image) < 0.5 * structure_apart(image.roll(1, 0), image)


@every_record
def test_a_fit_teaches_a_face_to_follow_its_driver(record: ftbench.Simulator) -> None:
    """After few steps the held-out loss has fallen, and a known motion of a driver is seen for what it is."""
    network = build(record, width=0.5)
    held_out, inputs = batch(100)
    known = random_motion(len(held_out), 32, torch.Generator().manual_seed(9), torch.device("cpu"))

    def judged() -> tuple[float, float]:
        network.eval()
        with torch.no_grad():
            loss = network.fit_loss(held_out, inputs, torch.Generator().manual_seed(5))
            told = network.describe(held_out), network.describe(moved(held_out, known))
            seen = network.displacement(*told)[:, 8:24, 8:24]
        asked = known[:, 8:24, 8:24]
        return float(loss), float(torch.corrcoef(torch.stack([seen.flatten(), asked.flatten()]))[0, 1])

    before = judged()
    adam = torch.optim.Adam(network.parameters(), 3e-3)
    network.train()
    for step in range(40):
        image, given = batch(step * 7 % 90)
        with torch.autocast("cpu", torch.bfloat16, enabled=step % 10 == 0):
            loss = network.fit_loss(image, given, torch.Generator().manual_seed(step))
        adam.zero_grad()
        loss.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
        adam.step()
    after = judged()
    assert after[0] < 0.9 * before[0]
    assert after[1] > 0.4
