"""FLIP against NVIDIA's own package, CIEDE2000 against its authors' pairs and two libraries."""

from __future__ import annotations

import flip_evaluator
import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from ftbench_metrics.ciede2000 import Ciede2000, colour_difference
from ftbench_metrics.colour import lab, light_of, linear, opponent, shares
from ftbench_metrics.flip import Flip
from ftbench_metrics.objections import DISPLAY

# L*, a*, b* of two colours and their ΔE00: table 1 of Sharma, Wu and Dalal 2005.
PAIRS = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def planes(pixels, dtype=torch.float32):
    """(h, w, 3) -> (1, 3, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].to(dtype)


def nvidia(reference, image, pixels_per_degree=DISPLAY):
    """The mean of the package's map."""
    given = (one.astype(np.float32) for one in (reference, image))
    found = flip_evaluator.evaluate(*given, "LDR", applyMagma=False, parameters={"ppd": pixels_per_degree})
    return float(found[0].mean(dtype=np.float64))


def picture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (2, 2, 0)) * 2 + 0.5
    return np.clip(values, 0, 1).astype(np.float32)


CHANGES = {
    "noise": lambda p: p + 0.05 * np.random.default_rng(1).standard_normal(p.shape),
    "one-level": lambda p: p + np.random.default_rng(2).integers(-1, 2, p.shape) / 255,
    "tint": lambda p: p + np.array([0.03, -0.02, 0.01]),
    "blur": lambda p: ndimage.gaussian_filter(p, (1, 1, 0)),
    "negative": lambda p: 1 - p,
    "black": np.zeros_like,
    "white": np.ones_like,
    "eight-bit": lambda p: np.round(p * 255) / 255,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [(8, 8), (13, 40), (32, 32), (65, 100), (128, 128)])
@pytest.mark.parametrize("pixels_per_degree", [DISPLAY, 30.0, 120.0])
def test_flip_is_nvidias(size, change, pixels_per_degree):
    reference = picture(*size)
    image = np.clip(CHANGES[change](reference), 0, 1).astype(np.float32)
    wanted = nvidia(reference, image, pixels_per_degree)
    for dtype in (torch.float32, torch.float64):
        found = Flip(pixels_per_degree)(planes(reference, dtype), planes(image, dtype))
        assert found.dtype == torch.float64
        assert found.item() == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_flip_of_coarse_numbers_is_that_of_the_values_that_they_hold(dtype):
    reference, image = (planes(picture(32, 40, seed), dtype) for seed in (0, 3))
    wanted = nvidia(*(one[0].permute(1, 2, 0).float().numpy() for one in (reference, image)))
    assert Flip()(reference, image).item() == pytest.approx(wanted, abs=2e-6)


FLAT = [
    ((0.5, 0.5, 0.5), (0.6, 0.6, 0.6)), ((0, 0, 0), (1, 1, 1)), ((0, 1, 0), (0, 0, 1)),
    ((0.9, 0.9, 0.9), (0.91, 0.9, 0.9)), ((0.01, 0.02, 0), (0.03, 0.01, 0.05)), ((1, 1, 1), (1, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize("colours", FLAT)
def test_flip_of_flat_colours(colours):
    # The package finds edges of a hundred-millionth in them, by rounding, and takes the root: hence no closer.
    reference, image = (np.ones((24, 24, 3), np.float32) * np.array(one, np.float32) for one in colours)
    assert Flip()(planes(reference), planes(image)).item() == pytest.approx(nvidia(reference, image), abs=1e-4)


def test_flip_runs_from_nothing_to_one():
    image = planes(picture(20, 20))
    assert Flip()(image, image.clone()).item() == 0
    green, blue = (planes(np.ones((9, 9, 3)) * np.array(one)) for one in ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    assert Flip()(green, blue).item() == pytest.approx(1, abs=1e-6)


def test_one_reference_and_many_images():
    reference, images = (torch.cat([planes(picture(24, 30, seed)) for seed in seeds]) for seeds in ((0, 1), (2, 3)))
    against = Flip().against(reference)
    torch.testing.assert_close(against(images), Flip()(reference, images), rtol=0, atol=1e-7)
    assert against(reference).tolist() == [0, 0]


def test_the_gradient_of_flip_is_that_of_finite_differences():
    reference = planes(picture(9, 10), torch.float64)
    image = (reference + 0.05 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert torch.autograd.gradcheck(Flip(), (reference, image.double().requires_grad_()), atol=1e-5, rtol=1e-2)


def test_a_gradient_is_a_number_where_nothing_differs():
    image = planes(picture(16, 16)).requires_grad_()
    other = image.detach().clone()
    other[..., :4] += 0.1
    Flip()(other, image).sum().backward()
    assert image.grad.isfinite().all()
    assert image.grad.abs().sum() > 0
    same = image.detach().clone().requires_grad_()
    Flip()(image.detach(), same).sum().backward()
    assert same.grad.isfinite().all()


def test_flip_under_autocast_is_as_precise():
    reference, image = planes(picture(24, 24)), planes(picture(24, 24, 4))
    with torch.autocast("cpu", torch.bfloat16):
        assert Flip()(reference, image).item() == pytest.approx(Flip()(reference, image.double()).item(), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ciede2000_of_its_authors_pairs(dtype):
    table = torch.tensor([[float(number) for number in line.split()] for line in PAIRS.split("\n") if line])
    assert table.shape == (34, 7)
    first, second, wanted = table[:, :3].to(dtype), table[:, 3:6].to(dtype), table[:, 6].to(dtype)
    # In float32 the pairs at half a turn may fall to either side.
    sure = slice(None) if dtype == torch.float64 else [n for n in range(34) if not 8 <= n <= 14]
    if dtype == torch.float64:
        first, second = (torch.tensor(np.round(one.numpy(), 4)) for one in (first, second))
    torch.testing.assert_close(colour_difference(first, second)[sure], wanted[sure], rtol=0, atol=1e-4)
    torch.testing.assert_close(colour_difference(second, first)[sure], wanted[sure], rtol=0, atol=1e-4)


def test_ciede2000_is_scikit_images():
    rng = np.random.default_rng(0)
    colours = rng.random((2, 40, 50, 3)) * [100, 200, 200] - [0, 100, 100]
    wanted = deltaE_ciede2000(*colours)
    found = colour_difference(*(planes(one, torch.float64) for one in colours))
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-9)
    found = colour_difference(*(planes(one) for one in colours))
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-3)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [(5, 7), (64, 64), (33, 100)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_ciede2000_of_pictures(size, change, dtype):
    pair = (picture(*size), np.clip(CHANGES[change](picture(*size)), 0, 1))
    reference, image = (planes(one, dtype) for one in pair)
    wanted = deltaE_ciede2000(*(rgb2lab(one[0].permute(1, 2, 0).double().numpy()) for one in (reference, image)))
    # scikit-image's sRGB has four digits, and its white is not the sum of its primaries.
    assert Ciede2000()(reference, image).item() == pytest.approx(wanted.mean(), abs=0.01)


def test_light_and_colours_are_undone():
    image = planes(picture(12, 12), torch.float64)
    light = linear(image)
    torch.testing.assert_close(light_of(opponent(light)), light)
    white = torch.ones(1, 3, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(lab(shares(white)).flatten(), torch.tensor([100.0, 0, 0], dtype=torch.float64))
    found = lab(shares(light))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, rgb2lab(image[0].permute(1, 2, 0).numpy()), atol=0.02)
