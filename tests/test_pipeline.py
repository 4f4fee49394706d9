"""The stages between encoder and decoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

import ftbench
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import DistortionStage, Pair, SimulatorStage, eight_bit, straight_through, to_psnr


def test_eight_bit_is_what_a_file_holds() -> None:
    image = torch.rand(2, 3, 16, 16) * 1.4 - 0.2
    held = eight_bit(image)
    # In single precision, as the pipeline computes: a product that falls on a half there may not in double.
    as_file = np.clip(np.rint(image.numpy() * np.float32(255)), 0, 255).astype(np.uint8)
    assert np.abs(held.numpy() * 255 - as_file).max() < 1e-4
    assert torch.equal(eight_bit(held), held)


def test_eight_bit_passes_the_gradient_inside_the_range_alone() -> None:
    image = torch.tensor([-0.5, 0.3, 0.7, 1.5], requires_grad=True)
    eight_bit(image).sum().backward()
    assert image.grad is not None
    assert image.grad.tolist() == [0, 1, 1, 0]


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other() -> None:
    image = torch.rand(4, requires_grad=True)
    changed = (image * 3).round()
    through = straight_through(image, changed)
    through.sum().backward()
    assert image.grad is not None
    assert torch.allclose(through, changed)
    assert image.grad.tolist() == [1, 1, 1, 1]


def _simulator(differentiable: bool, needs: tuple[str, ...] = ()) -> ftbench.Simulator:
    return ftbench.Simulator(
        name="x", factory="x:x", summary="x", differentiable=differentiable, trainable=False, needs=needs
    )


def test_an_attack_is_given_what_its_record_names_and_no_more() -> None:
    seen = {}

    def network(image, inputs):  # type: ignore[no-untyped-def]
        seen.update(inputs)
        return image

    identity = torch.tensor([0, 1])
    SimulatorStage(_simulator(True, ("identity",)), network)(
        torch.rand(2, 3, 8, 8), Inputs(identity=identity, donor=identity)
    )
    assert set(seen) == {"identity"}


def test_a_part_without_gradient_is_trained_straight_through() -> None:
    def staircase(image, inputs):  # type: ignore[no-untyped-def]
        return (image * 4).round() / 4

    image = (0.1 + 0.8 * torch.rand(2, 3, 8, 8)).requires_grad_()
    SimulatorStage(_simulator(False), staircase)(image, Inputs()).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, torch.ones_like(image))

    record = ftbench.Distortion(name="x", factory="x:x", summary="x", differentiable=False, category="none")
    second = (0.1 + 0.8 * torch.rand(2, 3, 8, 8)).requires_grad_()
    DistortionStage(record, lambda x, g: (x * 4).round() / 4)(second, torch.Generator()).sum().backward()
    assert second.grad is not None
    assert torch.equal(second.grad, torch.ones_like(second))


def test_a_marked_image_is_eight_bit() -> None:
    class Adds(torch.nn.Module):
        def forward(self, cover: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
            return cover + 0.3333 * code.mean()

    marked = Pair(Adds(), torch.nn.Identity()).mark(torch.rand(1, 3, 8, 8), torch.ones(1, 4))
    assert torch.allclose(marked * 255, (marked * 255).round(), atol=1e-4)
    assert marked.min() >= 0
    assert marked.max() <= 1


@pytest.mark.parametrize("psnr", [20.0, 30.0, 36.0, 42.0])
def test_a_marked_image_is_scaled_to_exactly_the_psnr_asked(psnr: float) -> None:
    randomness = torch.Generator().manual_seed(0)
    cover = eight_bit(torch.rand(6, 3, 32, 32, generator=randomness))
    # Residuals of unlike strength and shape, dark and bright covers that clamp half of them.
    residual = (
        torch.randn(6, 3, 32, 32, generator=randomness) * torch.tensor([1e-3, 0.01, 0.1, 1, 3, 10])[:, None, None, None]
    )
    cover[4] *= 0.1
    cover[5] = 1 - 0.1 * cover[5]
    cover = eight_bit(cover)
    marked = to_psnr(cover, cover + residual, psnr)
    for before, after in zip(cover, marked, strict=True):
        pixels = [np.rint(image.numpy().transpose(1, 2, 0) * 255).astype(np.uint8) for image in (before, after)]
        measured = peak_signal_noise_ratio(*pixels, data_range=255)
        assert psnr <= measured < psnr + 0.02


def test_an_image_without_residual_stays_as_it_is() -> None:
    cover = eight_bit(torch.rand(2, 3, 16, 16))
    assert torch.equal(to_psnr(cover, cover.clone(), 30.0), cover)


def test_no_image_is_below_the_psnr_asked_even_where_rounding_moves_all_pixels_at_once() -> None:
    cover = eight_bit(torch.full((1, 3, 16, 16), 0.5))
    # One level everywhere is 48.13 dB: at 50 dB nothing can be written.
    assert torch.equal(to_psnr(cover, cover + 0.02, 50.0), cover)
    at_48 = to_psnr(cover, cover + 0.02, 48.0)
    assert torch.allclose(255 * (at_48 - cover), torch.ones_like(cover), atol=1e-3)


def test_the_scale_has_a_gradient_across_the_residual_and_none_along_it() -> None:
    cover = torch.full((1, 3, 8, 8), 0.5)
    residual = (0.01 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))).requires_grad_()
    weight = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    (to_psnr(cover, cover + residual, 40.0) * weight).sum().backward()
    assert residual.grad is not None
    assert residual.grad.norm() > 1
    # A longer residual is scaled back to the same image.
    along = (residual.grad * residual).sum().abs() / (residual.grad.norm() * residual.norm())
    assert along < 1e-4
