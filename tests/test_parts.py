"""A batch in parts: the same step up to rounding, whatever the parts of the benchmark draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import CodeSection, FitSection, TrainSection
from ftbench.pipeline.guard import Guard, rows_at_most
from ftbench.pipeline.stages import Pair, SimulatorStage
from ftbench.plan.cells import _section
from ftbench.train.critic import Critic
from ftbench.train.distortion_pool import Pool, Ranged
from ftbench.train.fit import CodeTask, SimulatorTask
from ftbench.train.loop import Task
from ftbench.train.parts import by_person, by_piece
from tests.small_pair import COMPUTE, IDENTITY, SIMULATOR, Reads, Writes, darker, images, run, task


class Noise:
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return (image + 0.05 * torch.randn(image.shape, generator=generator)).clamp(0, 1)


class Fades:
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return image * float(torch.rand(1, generator=generator))


def donor_shows(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return 0.6 * image + 0.4 * inputs["donor"]


def marked_again(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return 0.5 * image + 0.5 * inputs["remarked"]


def attack(function: object, *needs: str) -> SimulatorStage:
    return SimulatorStage(replace(SIMULATOR, name=needs[0], needs=needs), function)  # type: ignore[arg-type]


def made(parts: int, pieces: int = 4, batch: int = 16) -> Task:
    torch.manual_seed(0)
    distortions = [replace(IDENTITY, name=one.lower(), factory=f"tests.test_parts:{one}") for one in ("Noise", "Fades")]
    pair = task(Loss(structure=1, adversarial=0.1))
    torch.manual_seed(1)
    pair.network = Pair(Writes(4), nn.Sequential(Reads(4), nn.Identity()), Critic())
    # Dropout draws from the generator that all share.
    pair.network.decoder[0].read[1] = nn.Identity()
    pair.settings = TrainSection(batch_size=batch, pieces=pieces)
    pair.attacks = [
        attack(donor_shows, "donor"),
        attack(marked_again, "remarked"),
        SimulatorStage(SIMULATOR, darker),
    ]
    pair.pool = Pool([*(Ranged(record, {}) for record in distortions), Ranged(IDENTITY, {})])
    pair.parts = parts
    return pair


def gradients(task: Task, step: int = 20) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Of one step, and what its curve says."""
    task.network.zero_grad()
    said: dict[str, Tensor | float] = {}
    total = 0.0
    for loss, values in task.losses(task.network, step):
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
        said |= values
    found = {name: one.grad for name, one in task.network.named_parameters() if one.grad is not None}
    return found, {"loss": total, **{name: float(value) for name, value in said.items()}}


def alike(first: Task, second: Task) -> None:
    (a, said_a), (b, said_b) = gradients(first), gradients(second)
    assert a.keys() == b.keys()
    largest = max(float(one.abs().max()) for one in a.values())
    for name in a:
        assert torch.allclose(a[name], b[name], rtol=1e-4, atol=1e-5 * largest), name
    assert list(said_a) == list(said_b)
    assert said_a == pytest.approx(said_b, rel=1e-4)


@pytest.mark.parametrize("parts", [2, 4])
def test_a_pair_in_parts_has_the_gradients_of_the_whole_batch(parts: int) -> None:
    alike(made(1), made(parts))


def test_parts_of_pieces_that_do_not_come_out_even_differ_by_noise_alone() -> None:
    whole, halves = made(1, pieces=3, batch=10), made(2, pieces=3, batch=10)
    for one in (whole, halves):
        one.pool = Pool([Ranged(replace(IDENTITY, factory="tests.test_parts:Darker"), {}), Ranged(IDENTITY, {})])  # type: ignore[attr-defined]
    alike(whole, halves)


class Darker:
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return 0.8 * image


class Repaints(nn.Module):
    """A simulator that learns to paint a cover from a donor's colours."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.paint = nn.Conv2d(6, 3, 3, padding=1)
        self.seen: list[tuple[list[int], int]] = []

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        self.seen.append((sorted(inputs["identity"].tolist()), len(inputs["donor"])))
        return (self.paint(torch.cat([image, inputs["donor"]], dim=1)) - image).abs().mean()


def fit(parts: int, per_person: int = 1, batch: int = 16) -> SimulatorTask:
    return SimulatorTask(
        Repaints(), ("identity", "donor"), FitSection(batch_size=batch), 0, images(), images(4, 4), COMPUTE, per_person,
        parts=parts,
    )  # fmt: skip


def test_a_fit_in_parts_has_the_gradients_of_the_whole_batch() -> None:
    alike(fit(1), fit(2))
    alike(fit(1, batch=7), fit(2, batch=7))


def test_a_part_of_a_fit_shows_each_person_as_often_as_was_asked() -> None:
    made = fit(2, per_person=4)
    gradients(made)
    assert made.network.seen == [([0] * 4 + [1] * 4, 8)] * 2  # type: ignore[comparison-overlap]


class Coded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.counts: list[int] = []

    def fit_loss(self, batch_size: int, generator: torch.Generator) -> Tensor:
        self.counts.append(batch_size)
        return (self.scale - 3).square().mean()


def test_a_code_in_parts_draws_as_many_payloads() -> None:
    network = Coded()
    whole, halves = gradients(CodeTask(network, 9, 0)), gradients(CodeTask(network, 9, 0, parts=2))
    assert network.counts == [9, 5, 4]
    assert float(whole[0]["scale"]) == pytest.approx(float(halves[0]["scale"]))


def test_each_row_is_in_one_part() -> None:
    for parts in (by_piece(10, 3, 4), by_piece(16, 2, 8), by_person(torch.tensor([0, 0, 1, 1, 2, 2, 2]), 2, 2)):
        places = torch.cat([part.places for part in parts if part.places is not None])
        assert places.sort().values.tolist() == list(range(parts[0].batch))
        assert sum(float(part.weighed(torch.tensor(1.0))) for part in parts) == pytest.approx(1)
    # Whole pieces, so that each draws its noise as in the whole batch.
    assert [sorted({int(place) % 4 for place in part.own}) for part in by_piece(16, 2, 4)] == [[0, 1], [2, 3]]  # type: ignore[union-attr]


def test_one_part_is_no_other_setting_and_more_are() -> None:
    for section in (TrainSection(), FitSection(), CodeSection()):
        assert "accumulate" not in _section(section)
    assert _section(TrainSection(accumulate=2))["accumulate"] == 2


def test_a_training_that_was_begun_in_parts_goes_on_in_parts(tmp_path: Path) -> None:
    halves = task()
    halves.parts = 2
    assert run(tmp_path / "halves", made=halves)["parts"] == 2
    whole = task()
    whole.restore(halves.state())
    assert whole.parts == 2
    assert "parts" not in run(tmp_path / "whole")


def test_no_part_gets_more_rows_than_there_may_be_but_for_what_draws() -> None:
    seen: list[int] = []

    def network(image: Tensor) -> Tensor:
        seen.append(len(image))
        return image

    image = torch.rand(10, 3, 8, 8)
    with rows_at_most(4):
        assert torch.equal(Guard("x").change(network, image), image)
        Guard("x", draws=True).change(network, image)
    Guard("x").change(network, image)
    assert seen == [4, 4, 2, 10, 10]
