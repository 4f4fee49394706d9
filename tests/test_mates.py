"""An attack that averages, in training: over other covers of the batch, each with the attacked image's code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.known import Known, mean_residual
from ftbench.pipeline.stages import Pair, SimulatorStage
from ftbench.train.mates import Mates
from ftbench.train.parts import Rows
from tests.test_train import SIMULATOR, Reads, Writes, task

CODE = (torch.arange(24).reshape(6, 4) % 3 == 0).float()


def covers(count: int, seed: int = 0) -> Tensor:
    drawn = torch.randint(60, 190, (count, 3, 8, 8), generator=torch.Generator().manual_seed(seed))
    return drawn / 255


ALL = Rows(6)


def mates_of(pair: Pair, batch: Tensor, code: Tensor, rows: Rows = ALL, **others: Any) -> Mates:
    marks = partial(pair.marking, psnr=None)
    return Mates(batch, code, rows, marks(rows.of(code))(rows.of(batch)), marks, **others)


def averaged(mates: Mates, known: Known, some: slice | Tensor, step: int = 5) -> Tensor:
    inputs = mates.inputs(Inputs(), known, some, 0, (step,))
    return inputs.of(("averaged",), mates.rows.of(mates.covers)[some])["averaged"]


def test_the_mean_is_over_those_that_follow_in_the_batch() -> None:
    pair, batch = Pair(Writes(4), Reads(4)), covers(6)
    found = averaged(mates_of(pair, batch, CODE), Known(2), torch.tensor([1, 5]))
    for row, (place, others) in enumerate([(1, (2, 3)), (5, (0, 1))]):
        each = [pair.mark(batch[other : other + 1], CODE[place : place + 1]) - batch[other] for other in others]
        assert torch.allclose(found[row], torch.cat(each).mean(0), atol=1e-6)


def test_no_image_is_its_own_mate_where_complements_lie_on_one_cover() -> None:
    half = covers(3)
    batch = torch.cat([half, half])
    met: list[Tensor] = []

    def noted(code: Tensor) -> partial[Tensor]:
        def mark(image: Tensor) -> Tensor:
            met.append(image)
            return image

        return partial(mark)

    averaged(Mates(batch, CODE, ALL, batch, noted, twice=True), Known(2), slice(None))
    assert len(met) == 2
    for mates in met:
        assert not any(torch.equal(mates[place], batch[place]) for place in range(6))
    assert not any(torch.equal(met[0][place], met[1][place]) for place in range(6))


def test_flat_mates_are_drawn_anew_each_step() -> None:
    mates = mates_of(Pair(Writes(4), Reads(4)), covers(6), CODE)
    shown = [averaged(mates, Known(2, flat=True), slice(None), step) for step in (1, 1, 2)]
    assert torch.equal(shown[0], shown[1])
    assert not torch.equal(shown[0], shown[2])


def test_the_mean_of_many_is_that_of_all_at_once() -> None:
    pair, many = Pair(Writes(4), Reads(4)), covers(70)
    found = mean_residual(pair.marking(CODE), many, len(CODE))
    each = torch.stack([pair.mark(cover.expand(6, -1, -1, -1), CODE) - cover for cover in many])
    assert torch.allclose(found, each.mean(0), atol=1e-6)
    # As it was when all were held at once: what was measured over 32 goes on counting.
    assert torch.equal(mean_residual(pair.marking(CODE), many[:32], 6), each[:32].mean(0))


def test_a_training_takes_its_batchs_means_off_and_learns_from_it() -> None:
    seen: list[Tensor] = []

    def taken_off(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        seen.append(inputs["averaged"])
        return image - inputs["averaged"]

    made = task(pieces=1)
    record = replace(SIMULATOR, name="averaging", needs=("averaged",))
    made.attacks = [SimulatorStage(record, taken_off, known=Known(2))]
    [(total, values)] = made.losses(made.network, 0)
    total.backward()
    assert len(seen) == 1
    assert seen[0].requires_grad
    assert "accuracy_swapped" in values
    scored = made.validate(made.network.eval())[1]
    assert len(seen) == 2
    assert "val_accuracy_swapped" in scored


PARTS = [Rows(6, torch.tensor([1, 2, 5])), Rows(6, torch.tensor([0, 3, 4])), Rows(6, torch.tensor([4]))]


@pytest.mark.parametrize("rows", PARTS)
@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_parts_of_a_batch_meet_the_mates_that_the_whole_meets(rows: Rows, fresh: bool, twice: bool) -> None:
    pair, batch = Pair(Writes(4), Reads(4)), covers(6)
    if twice:
        batch = torch.cat([batch[:3], batch[:3]])
    whole = averaged(mates_of(pair, batch, CODE, twice=twice, fresh=fresh), Known(2), slice(None))
    part = averaged(mates_of(pair, batch, CODE, rows, twice=twice, fresh=fresh), Known(2), slice(None))
    assert rows.places is not None
    assert torch.allclose(part, whole[rows.places], atol=1e-6)


def test_where_every_picture_has_another_word_its_mates_are_those_as_they_are_marked() -> None:
    pair, batch = Pair(Writes(4), Reads(4)), covers(6)
    found = averaged(mates_of(pair, batch, CODE, fresh=True), Known(2), torch.tensor([1, 5]))
    for row, others in enumerate([(2, 3), (0, 1)]):
        # Each with its own code, as an attacker finds them.
        each = [pair.mark(batch[one : one + 1], CODE[one : one + 1]) - batch[one] for one in others]
        assert torch.allclose(found[row], torch.cat(each).mean(0), atol=1e-6)


@pytest.mark.parametrize("count", [5, 6, 7])
def test_none_of_them_has_the_attacked_cover(count: int) -> None:
    half = -(-count // 2)
    # What is averaged tells how often each cover was taken: each counts in a decimal of its own.
    decimals = 10.0 ** (torch.arange(count) % half).double()
    marked = decimals[:, None, None, None].expand(-1, 3, 8, 8)
    pair = Pair(Writes(4), Reads(4))
    mates = Mates(torch.zeros_like(marked), torch.zeros(count, 4), Rows(count), marked, pair.marking, True, True)
    found = (half - 1) * averaged(mates, Known(half - 1), slice(None))[:, 0, 0, 0]
    for row in range(count):
        taken = f"{round(float(found[row])):0{half}d}"[::-1]
        assert taken[row % half] == "0"
        assert sum(map(int, taken)) == half - 1


def test_what_has_no_other_image_to_study_says_so() -> None:
    pair, batch = Pair(Writes(4), Reads(4)), covers(6)
    record = replace(SIMULATOR, name="studies", needs=("known",), studies_batches=True)
    stage = SimulatorStage(record, lambda image, inputs: image, known=Known(3))
    with pytest.raises(ValueError, match=r"'studies' has no other image of the step to study; raise train\.batch_size"):
        mates_of(pair, batch, CODE).study(stage, slice(None), 0, (5,))


def test_a_training_shows_those_who_study_the_images_that_others_attack() -> None:
    class Studies:
        def __init__(self) -> None:
            self.shown: list[tuple[Tensor, Tensor]] = []
            self.met: list[Tensor] = []

        def study(self, *, marked: Tensor, covers: Tensor, generator: torch.Generator) -> None:
            self.shown.append((marked, covers))

        def __call__(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
            self.met.append(image.detach())
            return image * 1

    made = task(pieces=2)
    attacker = Studies()
    record = replace(SIMULATOR, name="studies", needs=("known",), studies_batches=True)
    other = SimulatorStage(SIMULATOR, lambda image, inputs: image * 1)
    made.attacks = [other, SimulatorStage(record, attacker, known=Known(100))]
    [(total, _)] = made.losses(made.network, 0)
    total.backward()
    [(marked, shown)], [met] = attacker.shown, attacker.met
    size = made.settings.batch_size
    # Neither those that it attacks, nor their complements.
    assert len(marked) == len(shown) > 0
    assert len(marked) <= size - len(met)
    assert not marked.requires_grad
    # None of those that it attacks is among them.
    assert not any(torch.equal(one, own) for one in marked for own in met)
    assert (marked - shown).abs().max() > 0
    made.validate(made.network.eval())
    # In a look at val, of the train split.
    assert len(attacker.shown) == 2
    assert any(
        torch.equal(attacker.shown[1][1][0], cover)
        for cover in made.images.covers(torch.arange(len(made.images)), "cpu")
    )
