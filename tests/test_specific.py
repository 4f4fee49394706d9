"""Residuals that are unlike those of other covers with the same code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ftbench.benchfile.schema import Benchmark, Curriculum, Loss
from ftbench.machine.randomness import generator
from ftbench.train.specific import MATES, likeness, shared
from tests.small_pair import task
from tests.test_plan import changed

CODE = torch.tensor([[1.0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [1, 1]])


def test_it_is_the_squared_cosine_to_the_mean_of_the_mates() -> None:
    residual = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    flat = residual.flatten(1).double().numpy()
    expected = []
    for one in range(5):
        mates = [other for other in range(6) if other != one and torch.equal(CODE[other], CODE[one])]
        mean = flat[mates].mean(0)
        cosine = flat[one] @ mean / np.linalg.norm(flat[one]) / np.linalg.norm(mean)
        expected.append(max(cosine, 0) ** 2)
    assert float(likeness(residual, CODE)) == pytest.approx(np.mean(expected), rel=1e-4)


def test_one_residual_for_all_is_as_like_as_can_be_and_codes_without_mates_are_not() -> None:
    same = torch.ones(6, 3, 4, 4)
    assert float(likeness(same, CODE)) == pytest.approx(1)
    assert float(likeness(-same, CODE)) == pytest.approx(1)
    assert float(likeness(same, torch.eye(6))) == 0


def test_following_it_makes_residuals_unlike() -> None:
    residual = torch.ones(4, 3, 4, 4) + 0.1 * torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    residual.requires_grad_()
    code = torch.ones(4, 2)
    optimiser = torch.optim.SGD([residual], lr=100)
    before = float(likeness(residual, code).detach())
    for _ in range(200):
        optimiser.zero_grad()
        likeness(residual, code).backward()
        optimiser.step()
    assert float(likeness(residual, code).detach()) < 0.2 * before


def test_mates_carry_the_first_ones_code() -> None:
    code = shared(torch.arange(2 * MATES + 1.0)[:, None])
    assert code.flatten().tolist() == [0] * MATES + [MATES] * MATES + [2 * MATES]


@pytest.mark.parametrize(("share", "complement"), [(1.0, False), (1.0, True), (0.0, True)])
def test_steps_with_one_code_have_mates(share: float, complement: bool) -> None:
    made = task(same_code=share, complement=complement)
    _, _, code = made._draw(generator(0, "train", 1))
    alike = (code[:, None] == code[None]).all(2).sum(1)
    assert len(code) == 8
    assert bool((alike >= MATES).all()) == (share == 1)


def test_it_is_added_to_the_loss() -> None:
    curriculum = Curriculum(kind="none")
    made = task(Loss(image=0.1, specific=2.0), same_code=1.0, curriculum=curriculum)
    [(total, values)] = made.losses(made.network, 0)
    [(plain, _)] = task(Loss(image=0.1), same_code=1.0, curriculum=curriculum).losses(made.network, 0)
    # The small pair paints the same on every cover.
    assert float(values["specific_loss"]) == pytest.approx(2, rel=1e-2)
    assert total.item() - plain.item() == pytest.approx(float(values["specific_loss"]), rel=1e-3)


def test_without_mates_there_is_nothing_to_be_unlike() -> None:
    data = changed(matrix={"loss": {"target_psnr": 30, "specific": 1.0}})
    with pytest.raises(ValidationError, match="and none do"):
        Benchmark.model_validate(data)
    Benchmark.model_validate(changed(matrix={"loss": {"target_psnr": 30, "specific": 1.0}}, train={"same_code": 0.5}))
