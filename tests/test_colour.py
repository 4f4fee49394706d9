"""The colour term of a training, against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede94, rgb2lab

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Curriculum
from ftbench.train.colour import colour_apart, colour_excess
from tests.small_pair import task


def pictures(apart: float) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    cover = torch.rand(3, 3, 16, 12, generator=draw)
    return cover, (cover + apart * torch.randn(cover.shape, generator=draw)).clamp(0, 1)


@pytest.mark.parametrize("apart", [0.01, 0.1])
def test_it_is_the_difference_of_cie_1994(apart: float) -> None:
    cover, marked = pictures(apart)
    seen = [rgb2lab(image.permute(0, 2, 3, 1).double().numpy()) for image in (cover, marked)]
    expected = deltaE_ciede94(*seen).mean(axis=(1, 2))  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(colour_apart(cover, marked).numpy(), expected, rtol=5e-3)


def test_a_tint_costs_more_than_a_grey_change_of_the_same_psnr() -> None:
    cover = torch.full((1, 3, 8, 8), 0.5)
    grey = cover + 0.03
    tint = cover + 0.03 * torch.tensor([1.0, -1.0, 1.0])[None, :, None, None]
    assert float(colour_apart(cover, tint)) > 3 * float(colour_apart(cover, grey))


def test_identical_images_cost_nothing_and_have_a_gradient() -> None:
    cover, _ = pictures(0)
    marked = cover.clone().requires_grad_()
    apart = colour_apart(cover, marked)
    apart.sum().backward()
    assert float(apart.detach().max()) < 0.02
    assert marked.grad is not None
    assert bool(marked.grad.isfinite().all())


def test_four_steps_see_every_pixel_and_nothing_counts_below_the_limit() -> None:
    cover, marked = pictures(0.05)
    four = sum(float(colour_excess(cover, marked, 0.0, step)) for step in range(4)) / 4
    assert four == pytest.approx(float(colour_apart(cover, marked).mean()), rel=1e-5)
    assert float(colour_excess(cover, marked, 1000.0, 0)) == 0


def test_what_is_above_the_limit_is_added_to_the_loss() -> None:
    made = task(Loss(image=0.1, most_colour=0.5), curriculum=Curriculum(kind="none"))
    [(total, values)] = made.losses(made.network, 0)
    [(plain, _)] = task(Loss(image=0.1), curriculum=Curriculum(kind="none")).losses(made.network, 0)
    assert float(values["colour_loss"]) > 0
    assert total.item() - plain.item() == pytest.approx(float(values["colour_loss"]), rel=1e-3)
