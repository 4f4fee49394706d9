"""What ``region-repaint`` is for: nothing of the region is left, nothing else is touched, and it learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ftbench_plugin_demo.inpaint import smooth_fill
from ftbench_plugin_demo.regions import BOXES
from ftbench_plugin_demo.repaint import RegionRepaint, object_to_repaint

SIZE = 48


def painted(region: str, feather: float = 0.25) -> RegionRepaint:
    """One whose network paints something, as a fitted one does."""
    torch.manual_seed(1)
    repaint = RegionRepaint(size=SIZE, region=region, width=0.25, feather=feather)  # type: ignore[arg-type]
    torch.nn.init.normal_(repaint.network.leave.weight, std=0.2)
    return repaint.eval()


def pictures(count: int = 2) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("region", BOXES)
def test_no_pixel_of_the_fake_hangs_on_a_hidden_one(region: str) -> None:
    repaint = painted(region)
    first, other = pictures(), pictures()
    hidden = repaint.hole.expand_as(first) > 0
    other[hidden] = torch.rand(int(hidden.sum()), generator=torch.Generator().manual_seed(3))
    assert not torch.equal(first, other)
    assert torch.equal(repaint(first, {}), repaint(other, {}))
    first.requires_grad_()
    repaint(first, {}).square().sum().backward()
    assert first.grad is not None
    assert (first.grad[hidden] == 0).all()
    assert (first.grad[~hidden] != 0).all()


@pytest.mark.parametrize("feather", [0.0, 0.25, 1.0])
def test_outside_the_seam_the_image_is_left_bit_for_bit(feather: float) -> None:
    repaint = painted("mouth", feather)
    image = pictures()
    kept = repaint.mask.expand_as(image) == 0
    fake = repaint(image, {})
    assert torch.equal(fake[kept], image[kept])
    assert (fake[~kept] != image[~kept]).float().mean() > 0.95
    assert kept.float().mean() > 0.5
    # A wider seam takes more of the picture, and never less than the hole.
    assert (repaint.mask[repaint.hole > 0] == 1).all()
    assert (repaint.mask > 0).sum() >= (painted("mouth", feather / 2).mask > 0).sum()


def test_the_regions_lie_where_their_names_say() -> None:
    spots = {"left eye": (0.38, 0.43), "right eye": (0.61, 0.43), "nose": (0.5, 0.58), "mouth": (0.5, 0.685)}
    inside = {
        name: {spot for spot, (x, y) in spots.items() if painted(name).hole[0, 0, int(y * SIZE), int(x * SIZE)]}
        for name in BOXES
    }
    assert inside["eyes"] == {"left eye", "right eye"}
    assert inside["nose"] == {"nose"}
    assert inside["mouth"] == {"mouth"}
    assert inside["lower-face"] == {"nose", "mouth"}
    assert inside["inner-face"] == set(spots)


def test_a_box_takes_the_place_of_the_region() -> None:
    repaint = RegionRepaint(size=SIZE, box=[0.25, 0.75, 0.125, 0.125], width=0.25)
    rows, columns = repaint.hole[0, 0].nonzero().unbind(1)
    assert (int(rows.min()), int(rows.max())) == (30, 41)
    assert (int(columns.min()), int(columns.max())) == (6, 17)


def test_the_smooth_guess_leaves_what_is_seen_and_stays_within_it() -> None:
    image, hole = pictures(), painted("inner-face").hole
    fill = smooth_fill(image, hole)
    hidden = hole.expand_as(image) > 0
    assert torch.equal(fill[~hidden], image[~hidden])
    assert fill.max() <= image[~hidden].max()
    assert fill.min() >= image[~hidden].min()
    # A slope goes on across the hole: a flat guess would be off by a quarter of the range on average.
    slope = torch.linspace(0, 1, SIZE).expand(1, 3, SIZE, SIZE)
    error = (smooth_fill(slope, hole) - slope).abs()[hole.expand_as(slope) > 0]
    flat = (slope.mean() - slope).abs()[hole.expand_as(slope) > 0]
    assert error.mean() < flat.mean() / 2


def test_the_loss_draws_from_its_generator_alone() -> None:
    repaint, image = painted("eyes"), pictures(4)

    def loss(seed: int) -> Tensor:
        return repaint.fit_loss(image, {}, torch.Generator().manual_seed(seed))

    before = torch.get_rng_state()
    assert torch.equal(loss(0), loss(0))
    assert not torch.equal(loss(0), loss(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_what_no_surrounding_shows_is_learned() -> None:
    # A dark bar on each picture's own colour, all of it hidden: a smooth guess cannot know of it.
    torch.manual_seed(0)
    repaint = RegionRepaint(size=32, region="mouth", width=0.25, jitter=0.02)
    generator = torch.Generator().manual_seed(4)
    optimiser = torch.optim.Adam(repaint.parameters(), 5e-3)

    def faces(count: int) -> Tensor:
        image = (0.4 + 0.6 * torch.rand(count, 3, 1, 1, generator=generator)).repeat(1, 1, 32, 32)
        image[..., 21:23, 12:20] *= 0.3
        return image

    for _ in range(120):
        optimiser.zero_grad()
        repaint.fit_loss(faces(8), {}, generator).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    image = faces(32)
    hidden = repaint.hole.expand_as(image) > 0
    with torch.no_grad():
        learned = (repaint.eval()(image, {}) - image).abs()[hidden].mean()
    guessed = (smooth_fill(image, repaint.hole) - image).abs()[hidden].mean()
    assert learned < guessed / 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 12}, "16 px or more"),
        ({"size": 64, "box": [0.5, 0.5, 0.005, 0.1]}, "between 1 px"),
        ({"size": 64, "box": [0.5, 0.5, 0.1, 0.45]}, "40%"),
        ({"size": 64, "box": [1.5, 0.5, 0.1, 0.1]}, "in the picture"),
    ],
)
def test_what_cannot_be_repainted_is_refused_with_the_reason(arguments: dict[str, object], words: str) -> None:
    sentence = object_to_repaint(**arguments)  # type: ignore[arg-type]
    assert sentence is not None
    assert words in sentence


@pytest.mark.parametrize("size", [16, 32, 101, 256])
def test_every_region_can_be_repainted_from_16_px(size: int) -> None:
    assert object_to_repaint(size=size, box=None) is None
    for region in BOXES:
        assert RegionRepaint(size=size, region=region, width=0.1).hole.sum() >= 2
