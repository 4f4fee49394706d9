"""Residuals are scaled until a marked image is as visible as was asked for."""

from __future__ import annotations

import pytest
import torch

from ftbench.benchfile.schema import EvaluateSection
from ftbench.pipeline.held import HeldAt
from ftbench.pipeline.stages import Pair, eight_bit
from ftbench_metrics.flip import Flip
from tests.test_seen_difference import picture, planes

FLIP = Flip()


def material():
    """Covers, and residuals of several sizes, one of them nothing."""
    covers = eight_bit(torch.cat([planes(picture(40, 48, seed)) for seed in range(4)]))
    residual = 0.03 * torch.randn(covers.shape, generator=torch.Generator().manual_seed(1))
    return covers, residual * torch.tensor([1.0, 8.0, 0.01, 0.0])[:, None, None, None]


@pytest.mark.parametrize("wanted", [0.02, 0.05, 0.15])
def test_each_image_is_as_visible_as_was_asked_for_and_no_more(wanted):
    covers, residual = material()
    marked = HeldAt(wanted, FLIP)(covers, covers + residual)
    assert torch.equal(marked, eight_bit(marked))
    found = FLIP(covers, marked)
    assert (found <= wanted + 1e-6).all()
    torch.testing.assert_close(found[:3], torch.full_like(found[:3], wanted), rtol=0, atol=1e-4)
    # What changes nothing cannot be scaled to anything.
    assert found[3] == 0
    assert torch.equal(marked[3], covers[3])


def test_in_training_it_ends_near_by():
    covers, residual = material()
    found = FLIP(covers, HeldAt(0.05, FLIP)(covers, covers + residual, exact=False))
    torch.testing.assert_close(found[:3], torch.full_like(found[:3], 0.05), rtol=0, atol=1e-3)


def test_a_cover_without_room_stays_below():
    white = torch.ones(1, 3, 24, 24)
    assert torch.equal(HeldAt(0.05, FLIP)(white, white + 0.1), white)


def test_a_measure_that_knows_no_reference_of_its_own():
    covers, residual = material()
    by_error = HeldAt(0.03, lambda one, other: (one - other).abs().mean((1, 2, 3)).double())
    found = (by_error(covers, covers + residual) - covers).abs().mean((1, 2, 3))
    torch.testing.assert_close(found[:3], torch.full_like(found[:3], 0.03), rtol=0, atol=1e-4)


def test_the_scale_follows_the_residual():
    held, generator = HeldAt(0.05, FLIP), torch.Generator().manual_seed(3)
    covers = planes(picture(24, 24), torch.float64) * 0.6 + 0.2
    residual = 0.02 * torch.randn(covers.shape, generator=generator, dtype=torch.float64)
    change = 0.02 * torch.randn(covers.shape, generator=generator, dtype=torch.float64)

    def scale(residual):
        low, high = 0.0, 20.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if FLIP(covers, covers + middle * residual).item() <= 0.05 else (low, middle)
        return low

    step = 1e-4
    wanted = (scale(residual + step * change) - scale(residual - step * change)) / (2 * step)
    residual.requires_grad_()
    following = held._following(covers, residual, torch.tensor([scale(residual.detach())], dtype=torch.float64))
    [slope] = torch.autograd.grad(following.sum(), residual)
    assert (slope * change).sum().item() == pytest.approx(wanted, rel=0.02)


def test_a_pair_marks_by_the_rule():
    class Adds(torch.nn.Module):
        def forward(self, cover, code):
            return cover + 0.1 * (code[:, :1, None, None] - 0.5)

    covers, _ = material()
    marked = Pair(Adds(), torch.nn.Identity()).mark(covers, torch.ones(4, 2), HeldAt(0.1, FLIP))
    assert (FLIP(covers, marked) <= 0.1 + 1e-6).all()
    assert (FLIP(covers, marked) > 0.05).all()


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({}, [("own", None)]),
        ({"psnr": [30, "own"]}, [(30.0, None), ("own", None)]),
        ({"flip": 0.05}, [("own", 0.05)]),
        ({"flip": ["own", 0.05]}, [("own", None), ("own", 0.05)]),
        ({"flip": ["own", 0.05], "psnr": ["own", 30]}, [("own", None), (30.0, None), ("own", 0.05)]),
    ],
)
def test_what_a_file_asks_for(said, held):
    assert EvaluateSection.model_validate({"simulators": ["none"], **said}).held() == held
