"""What a training batch is: both people alike, changed at random and repeatably."""

from __future__ import annotations

import pytest
import torch

from ftbench.benchfile.schema import Augmentation
from ftbench.machine.randomness import generator
from ftbench.train.augment import augment, blend
from ftbench.train.batches import draw_batch
from tests.small_pair import images


@pytest.mark.parametrize("size", [2, 8, 50])
def test_batches_show_both_people_equally_often(size: int) -> None:
    data = images(first=12, second=30)
    seen = torch.zeros(42)
    for step in range(60):
        index = draw_batch(data, size, generator("batch", step))
        assert len(index) == size
        assert int((data.identity[index] == 0).sum()) == size // 2
        seen[index] += 1
    assert (seen > 0).all() or size == 2


def test_augmentation_repeats_and_stays_in_range() -> None:
    cover = torch.rand(6, 3, 16, 16)
    once = augment(cover, Augmentation(), generator("x"))
    assert torch.equal(once, augment(cover, Augmentation(), generator("x")))
    assert not torch.equal(once, augment(cover, Augmentation(), generator("y")))
    assert once.min() >= 0
    assert once.max() <= 1
    still = Augmentation(rotate=0, scale=0, shift=0, flip=0, gain=0, colour=0)
    assert torch.equal(augment(cover, still, generator("x")), cover)
    flipped = Augmentation(rotate=0, scale=0, shift=0, flip=1, gain=0, colour=0)
    assert torch.allclose(augment(cover, flipped, generator("x")), cover.flip(-1), atol=1e-5)


def test_blending_stays_within_a_person_and_below_its_share() -> None:
    identity = torch.tensor([0, 1, 0, 1, 1, 2])
    # Every image is one grey, so that what came from whom can be read off.
    grey = torch.tensor([0.0, 1.0, 0.5, 0.6, 0.8, 0.3])
    cover = grey[:, None, None, None].expand(6, 3, 4, 4).clone()
    once = blend(cover, identity, 0.4, generator("x"))
    assert torch.equal(once, blend(cover, identity, 0.4, generator("x")))
    assert torch.equal(once[5], cover[5])
    mixed = once[:, 0, 0, 0]
    for who in range(2):
        own = grey[identity == who]
        assert bool(((mixed[identity == who] >= own.min()) & (mixed[identity == who] <= own.max())).all())
    largest = torch.stack(
        [(grey[identity == who] - value).abs().max() for who, value in zip(identity, grey, strict=True)]
    )
    moved = (mixed - grey).abs()
    assert bool((moved <= 0.4 * largest + 1e-6).all())
    assert bool((moved[:5] > 0).all())
