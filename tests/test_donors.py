"""Pictures of somebody else, for deepfakes that take a face or a pose from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import ftbench
from ftbench.data.donors import draw_donors
from ftbench.data.images import Images
from ftbench.errors import BadInput
from ftbench.machine.randomness import generator
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.guard import Guard
from ftbench.pipeline.stages import SimulatorStage
from ftbench.plan.cells import Plan
from ftbench.plan.planner import PlanInputs
from ftbench.train.batches import draw_batch
from tests.small_pair import task
from tests.test_evaluate import found
from tests.test_plan import BASE, GROUNDS, planned

TAKES = ftbench.Simulator(
    name="takes", factory="x:x", summary="x", differentiable=True, trainable=False, needs=("donor",)
)


def crowd(*counts: int) -> Images:
    """Images of as many people, whose first pixel says their place; in no order of who is shown."""
    identity = torch.cat([torch.full((count,), who) for who, count in enumerate(counts)])
    identity = identity[torch.randperm(len(identity), generator=torch.Generator().manual_seed(0))]
    pixels = torch.arange(len(identity)).to(torch.uint8)[:, None, None, None].expand(-1, 3, 16, 16)
    keys = tuple(f"{i:03d}" for i in range(len(identity)))
    return Images(keys, keys, tuple(f"p{who}" for who in range(len(counts))), identity, pixels.contiguous())


def test_a_donor_is_any_image_of_anyone_else() -> None:
    images = crowd(3, 7, 1, 9)
    identity = torch.arange(4).repeat_interleave(3000)
    index = draw_donors(images, identity, generator("donors"))
    assert not (images.identity[index] == identity).any()
    for who in range(4):
        others = torch.nonzero(images.identity != who).flatten().numpy()
        drawn = index[identity == who].numpy()
        counts = np.array([(drawn == other).sum() for other in others])
        assert counts.sum() == 3000
        assert stats.chisquare(counts).pvalue > 1e-4


def test_a_person_whom_the_split_does_not_show_has_donors_too() -> None:
    images = replace(crowd(4, 4), people=("p0", "p1", "p2"))
    index = draw_donors(images, torch.tensor([2] * 200), generator("x"))
    assert set(index.tolist()) == set(range(8))


def test_marked_and_unmarked_covers_meet_the_same_donor() -> None:
    seen: list[Tensor] = []

    def takes(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        seen.append(inputs["donor"])
        return (image + inputs["donor"]) / 2

    found(draws=2, attacks={"takes": SimulatorStage(TAKES, takes)})
    # Two batches, two draws, marked and then unmarked each.
    assert len(seen) == 8
    for marked, unmarked in zip(seen[::2], seen[1::2], strict=True):
        assert torch.equal(marked, unmarked)
    assert not torch.equal(seen[0], seen[4])


def test_a_training_step_has_the_same_donors_whenever_it_is_made() -> None:
    seen: list[Tensor] = []

    def takes(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        seen.append(inputs["donor"])
        return image * inputs["donor"]

    for step in (3, 4, 3):
        made = task()
        made.attacks = [SimulatorStage(TAKES, takes)]
        list(made.losses(made.network, step))
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])


def test_a_donor_comes_in_the_size_that_the_part_takes() -> None:
    sizes: list[torch.Size] = []

    def takes(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        sizes.append(inputs["donor"].shape)
        return inputs["donor"]

    image = torch.rand(5, 3, 16, 16)
    fake = Guard(size=32, max_batch=3).change(takes, image, {"donor": image})
    assert sizes == [(3, 3, 32, 32), (2, 3, 32, 32)]
    assert fake.shape == image.shape


def test_a_split_of_one_person_is_a_conflict_for_it(plugins: Plugins) -> None:
    record = replace(plugins.find("simulator", "faceswap").record, needs=("donor",), people=None)
    grounds = replace(GROUNDS, shown={"train": 5, "val": 2, "test": 1})
    with pytest.raises(BadInput, match="every split must show two people or more; test shows 1"):
        _planned(plugins, record, grounds)
    assert _planned(plugins, record, GROUNDS).evaluations


def _planned(plugins: Plugins, record: ftbench.Simulator, grounds: PlanInputs) -> Plan:
    parts = tuple(replace(part, record=record) if part.record.name == "faceswap" else part for part in plugins.parts)
    return planned(BASE, replace(plugins, parts=parts), grounds)


@pytest.mark.parametrize(("size", "per_person"), [(8, 2), (8, 4), (8, 1), (9, 2), (2, 4)])
def test_a_batch_shows_as_many_images_of_a_person_as_a_fit_asks_for(size: int, per_person: int) -> None:
    images = crowd(*[5] * 12)
    for step in range(20):
        index = draw_batch(images, size, generator("batch", step), per_person)
        assert len(index) == size
        counts = torch.bincount(images.identity[index])
        shown = counts[counts > 0]
        # The last person may come short where the batch does not divide.
        assert int((shown >= min(per_person, size)).sum()) >= len(shown) - 1
        assert len(set(index.tolist())) == size
