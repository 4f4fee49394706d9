"""Identity swap of any two people, and its black-box twin."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from ftbench.contract.records import Simulator
from ftbench.testing import check
from ftbench_deepfakes.objections import object_to_swap_any
from ftbench_deepfakes.records.swap import RECORDS
from ftbench_deepfakes.swap_any import SwapAny
from ftbench_deepfakes.swap_any_warped import SwapAnyWarped
from ftbench_deepfakes.swap_fit import AnySwap, nudged, partners
from ftbench_deepfakes.swap_region import FaceRegion
from tests.deepfakes.drawn_people import drawn

NARROW = {"width": 0.25}
both = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)


def built(record: Simulator, size: int = 32, **parameters: object) -> AnySwap:
    torch.manual_seed(3)
    network: AnySwap = record.load()(size=size, **{**NARROW, **parameters})
    return network


def inputs(count: int, size: int = 32) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(5)
    image, donor = torch.rand(2, count, 3, size, size, generator=generator)
    return image, {"identity": torch.arange(count) // 2, "donor": donor}


@both
def test_it_keeps_the_contract(record: Simulator) -> None:
    check(record, size=32, **NARROW)


@both
@pytest.mark.parametrize("size", [48, 80])
def test_any_multiple_of_sixteen_is_taken(record: Simulator, size: int) -> None:
    image, given = inputs(1, size)
    fake = built(record, size).eval()(image, given)
    assert fake.shape == image.shape
    assert bool(((fake >= 0) & (fake <= 1)).all())


@pytest.mark.parametrize("size", [16, 40, 33])
def test_other_sizes_are_refused_in_a_sentence(size: int) -> None:
    assert str(size) in str(object_to_swap_any(size=size))
    assert object_to_swap_any(size=64, width=1.0) is None


@both
def test_hair_and_background_stay_the_covers(record: Simulator) -> None:
    network = built(record).eval()
    image, given = inputs(3)
    fake = network(image, given)
    outside = torch.nn.functional.pad(network.region.mask, network.region.rest) == 0
    assert 0.5 < float(outside.float().mean()) < 0.8
    assert torch.equal(torch.where(outside, fake, image), image)
    assert (fake - image).abs().mean() > 0.02


@both
def test_the_donor_decides_and_the_image_is_reached_by_gradients(record: Simulator) -> None:
    network = built(record).eval()
    image, given = inputs(2)
    fake = network(image.requires_grad_(), given)
    fake.square().sum().backward()
    assert image.grad is not None
    # Where the face is, the image is seen through the veil alone; where it is not, it passes.
    assert bool((image.grad.abs().amax(1) > 0).all())
    another = network(image.detach(), {**given, "donor": given["donor"].flip(0)})
    assert (another - fake).abs().amax() > 0.02


@both
def test_nothing_of_the_face_passes_but_its_cells(record: Simulator) -> None:
    network = built(record, veil=4).eval()
    image, given = inputs(1)
    box = network.region.cut(image)
    core = (network.region.mask == 1).float()
    # Noise of mean 0 in each of the 4×4 cells of 6 px.
    noise = torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(1)) * core
    cells = noise.unfold(2, 6, 6).unfold(3, 6, 6)
    share = core.unfold(2, 6, 6).unfold(3, 6, 6)
    mean = cells.sum((4, 5)) / share.sum((4, 5)).clamp_min(1)
    noise = noise - core * mean.repeat_interleave(6, 2).repeat_interleave(6, 3)
    other = network.region.paste(image, box + 0.1 * noise)
    assert (other - image).abs().max() > 0.1
    assert torch.allclose(network(image, given), network(other, given), atol=2e-4)


def test_the_mask_is_the_ellipse_that_it_says() -> None:
    region = FaceRegion(128)
    mask = torch.nn.functional.pad(region.mask, region.rest)[0, 0].numpy()
    rows, columns = np.mgrid[:128, :128] / 128 + 0.5 / 128
    middle = ndimage.center_of_mass(mask)
    assert middle == pytest.approx((0.53125 * 128 - 0.5, 63.5), abs=0.05)
    radius = np.hypot((columns - 0.5) / 0.31, (rows - 0.53125) / 0.37)
    assert (mask[radius > 1] == 0).all()
    assert (mask[radius < 0.74] == 1).all()
    # A cubic step crosses a half in the middle of its span.
    assert np.abs(mask[np.abs(radius - 0.875) < 0.005] - 0.5).max() < 0.04
    assert not np.concatenate([region.mask[0, 0, [0, -1]].numpy(), region.mask[0, 0, :, [0, -1]].T.numpy()]).any()


def test_relighting_gives_the_mean_colour_by_a_gain_a_channel() -> None:
    region = FaceRegion(64)
    box = 0.2 + 0.3 * torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    like = box.flip(0) * torch.tensor([0.5, 1.2, 1.5])[:, None, None]
    found = region.relit(box, like).numpy()
    weight = region.mask[0, 0].double().numpy()
    for b in range(2):
        for channel in range(3):
            means = [np.average(each[b, channel], weights=weight) for each in (found, like.numpy())]
            # A floor under both means keeps black faces from being blown up; it costs a little of the match.
            assert means[0] == pytest.approx(means[1], rel=0.1)
            assert np.ptp(found[b, channel] / box[b, channel].numpy()) < 1e-5
    assert torch.allclose(region.relit(box, torch.zeros_like(box)), box / 4)
    assert torch.allclose(region.relit(box, box), box)


def test_levelling_takes_light_and_contrast_away() -> None:
    region = FaceRegion(32)
    box = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(region.levelled(box), region.levelled(0.4 * box + 0.3), atol=1e-4)
    flat = region.levelled(torch.full((1, 3, 24, 24), 0.5))
    assert torch.isfinite(flat).all()


def test_partners_are_other_photos_of_the_same_person() -> None:
    identity = torch.tensor([4, 7, 4, 9, 7, 4])
    seen: dict[int, set[int]] = {row: set() for row in range(6)}
    for seed in range(200):
        chosen = partners(identity, torch.Generator().manual_seed(seed))
        assert torch.equal(identity[chosen], identity)
        for row, partner in enumerate(chosen.tolist()):
            seen[row].add(partner)
    assert seen == {0: {2, 5}, 1: {4}, 2: {0, 5}, 3: {3}, 4: {1}, 5: {0, 2}}
    generator = torch.Generator().manual_seed(0)
    own = torch.stack([partners(identity, generator, 0.5) == torch.arange(6) for _ in range(400)]).float().mean(0)
    assert (own[[0, 1, 2, 4, 5]] - 0.5).abs().max() < 0.1
    assert own[3] == 1


def test_nudging_shifts_and_mirrors_and_changes_no_pixel() -> None:
    box = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    moved = [nudged(box, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert all(torch.equal(one.flatten().sort().values, box.flatten().sort().values) for one in moved)
    assert len({one.numpy().tobytes() for one in moved}) > 10


def _vectors(degrees: list[float]) -> Tensor:
    angle = torch.tensor(degrees).deg2rad()
    return torch.stack([angle.cos(), angle.sin()], dim=1)


@pytest.mark.parametrize("kind", [SwapAny, SwapAnyWarped])
def test_telling_apart_wants_one_person_near_and_two_far(kind: type[AnySwap]) -> None:
    network = kind(size=32, width=0.25)  # type: ignore[call-arg]
    identity = torch.tensor([0, 0, 1, 1, 2])
    network.requires_grad_(False)
    good = network.tell_apart(_vectors([0, 5, 120, 125, 240]), identity)
    bad = network.tell_apart(_vectors([0, 120, 5, 125, 240]), identity)
    assert float(good) < 0.1
    assert float(bad) > 1
    alone = network.tell_apart(_vectors([0, 90, 180]), torch.arange(3))
    assert torch.isfinite(alone)


def test_telling_apart_is_a_cross_entropy_over_the_batch() -> None:
    angles = [0.0, 30, 100, 170]
    codes, identity = _vectors(angles), torch.tensor([0, 0, 1, 1])
    wanted = []
    for row in range(4):
        likeness = [math.cos(math.radians(angle - angles[row])) / 0.1 for angle in angles]
        others = [likeness[j] for j in range(4) if j != row]
        partner = likeness[row ^ 1]
        wanted.append(math.log(sum(math.exp(x - partner) for x in others)))
    found = SwapAny(size=32, width=0.25).tell_apart(codes, identity)
    assert float(found) == pytest.approx(sum(wanted) / 4, rel=1e-4)


@both
def test_a_fit_teaches_the_identity_network_from_photos_alone(record: Simulator) -> None:
    network = built(record)
    image, given = inputs(8)
    seen: list[bool] = []

    def watch(module: nn.Module, arguments: tuple[Tensor], output: Tensor) -> None:
        seen.append(all(not value.requires_grad for value in arguments) and output.requires_grad)

    network.identity.register_forward_hook(watch)
    before = {name: value.clone() for name, value in network.named_parameters()}
    loss = network.fit_loss(image, given, torch.Generator().manual_seed(0))
    loss.backward()
    # Photos teach it; the fakes' own pass goes through a copy that learns nothing, and reaches the painter.
    assert seen.count(True) == 1
    assert all(torch.equal(value, before[name]) for name, value in network.named_parameters())
    assert all(value.grad is not None and torch.isfinite(value.grad).all() for value in network.parameters())


@both
def test_a_short_fit_rebuilds_held_out_people_better(record: Simulator) -> None:
    train, held_out = drawn(people=12, each=6, seed=0), drawn(people=6, each=4, seed=99)
    network = built(record)

    def judged() -> tuple[float, float]:
        network.eval()
        with torch.no_grad():
            whole = float(network.fit_loss(held_out.image, held_out.inputs(1), torch.Generator().manual_seed(1)))
            code = network.identity(network.region.cut(train.image))
            return whole, float(network.tell_apart(code, train.identity))

    before = judged()
    network.train()
    adam = torch.optim.Adam(network.parameters(), 3e-3, (0.5, 0.999))
    for step in range(20):
        batch = train.batch(step, people=8)
        adam.zero_grad()
        network.fit_loss(batch.image, batch.inputs(step), torch.Generator().manual_seed(step)).backward()
        adam.step()
    after = judged()
    assert after[0] < before[0]
    assert after[1] < before[1]


@both
def test_the_same_draws_give_the_same_loss(record: Simulator) -> None:
    network = built(record).eval()
    image, given = inputs(6)
    losses = [network.fit_loss(image, given, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert losses[0] == losses[1]


def test_an_untrained_twin_pastes_the_donors_own_face() -> None:
    network = built(RECORDS[1]).eval()
    image, given = inputs(2)
    fake, region = network(image, given), network.region
    veiled = region.veil(region.cut(image), network.veil)
    expected = region.relit(region.cut(given["donor"]), veiled)
    inner = (region.mask == 1).expand_as(expected)
    assert torch.allclose(region.cut(fake)[inner], expected[inner], atol=1e-5)


@both
def test_it_says_what_it_was_published_in_and_takes_what_the_harness_reads(record: Simulator) -> None:
    parameters: Mapping[str, object] = dict(record.parameters())
    assert {"seed", "trained_on", "width", "veil"} <= set(parameters)
    assert record.needs == ("identity", "donor")
    assert record.per_person == 2
