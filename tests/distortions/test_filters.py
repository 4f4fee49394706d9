"""Blurs, sharpening and blocks against scipy and Pillow."""

from __future__ import annotations

import numpy as np
import pydantic
import pytest
import torch
from damage import RECORDS, distortion, picture, pixels, seeded
from PIL import Image, ImageEnhance
from scipy import ndimage


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
def test_gaussian_blur_is_scipys(sigma: float) -> None:
    image = picture(1, 33, 47)
    out = distortion("gaussian-blur", sigma=sigma)(image, seeded())
    radius = int(np.ceil(3 * sigma))
    expected = ndimage.gaussian_filter(
        image.double().numpy(), (0, 0, sigma, sigma), mode="nearest", radius=(0, 0, radius, radius)
    )
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("kernel", range(3, 18, 2))
def test_gaussian_blur_in_a_given_window_is_scipys(kernel: int) -> None:
    image = picture(1, 33, 47)
    out = distortion("gaussian-blur", sigma=2.0, kernel=kernel)(image, seeded())
    radius = (0, 0, kernel // 2, kernel // 2)
    expected = ndimage.gaussian_filter(image.double().numpy(), (0, 0, 2, 2), mode="nearest", radius=radius)
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-6)


def test_an_even_window_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match=r"4 is even.*or 0"):
        RECORDS["gaussian-blur"].parameters.model_validate({"kernel": 4})


@pytest.mark.parametrize("kernel", range(3, 18, 2))
def test_median_blur_is_scipys(kernel: int) -> None:
    image = picture(2, 33, 47)
    out = distortion("median-blur", kernel=kernel)(image, seeded())
    expected = ndimage.median_filter(image.numpy(), (1, 1, kernel, kernel), mode="nearest")
    np.testing.assert_array_equal(out.numpy(), expected)


@pytest.mark.parametrize("kernel", [3, 9, 31])
def test_box_blur_is_scipys(kernel: int) -> None:
    image = picture(2, 33, 47)
    out = distortion("box-blur", kernel=kernel)(image, seeded())
    expected = ndimage.uniform_filter(image.double().numpy(), (1, 1, kernel, kernel), mode="nearest")
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("length", [3, 9, 31])
@pytest.mark.parametrize(("angle", "axis"), [(0.0, 3), (90.0, 2), (-90.0, 2), (180.0, 3)])
def test_motion_along_an_axis_is_scipys_mean_of_a_line(length: int, angle: float, axis: int) -> None:
    image = picture(2, 33, 47)
    out = distortion("motion-blur", length=length, angle=angle)(image, seeded())
    expected = ndimage.uniform_filter1d(image.double().numpy(), length, axis=axis, mode="nearest")
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("angle", [20.0, 45.0, -60.0, 130.0])
def test_motion_at_an_angle_is_scipys_rotated_line(angle: float) -> None:
    image = picture(1, 40, 40)
    out = distortion("motion-blur", length=9, angle=angle)(image, seeded())
    line = np.zeros((9, 9))
    line[4] = 1
    # Rows count downwards, so scipy's angle in the plane of (row, column) is counter-clockwise as it is seen.
    line = ndimage.rotate(line, angle, reshape=False, order=1, mode="grid-constant")
    for given, got in zip(image[0].double().numpy(), out[0].numpy(), strict=True):
        np.testing.assert_allclose(got, ndimage.correlate(given, line / line.sum(), mode="nearest"), atol=1e-5)


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0, 8.0])
def test_sharpness_is_pillows(factor: float) -> None:
    """Within what Pillow's rounding of the smoothed copy is multiplied to."""
    image = picture(2, 33, 47)
    out = distortion("sharpness", factor=factor)(image, seeded())
    for given, got in zip(image, out, strict=True):
        expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(pixels(given))).enhance(factor)).astype(int)
        difference = np.abs(got.numpy().transpose(1, 2, 0) * 255 - expected)
        assert difference.max() <= 1.05 + 0.5 * abs(factor - 1)
        assert difference.mean() < 0.5 + 0.3 * abs(factor - 1)


@pytest.mark.parametrize("block", [2, 5, 16, 64])
@pytest.mark.parametrize("size", [(33, 47), (16, 64)])
def test_pixelate_paints_the_means_of_blocks(block: int, size: tuple[int, int]) -> None:
    image = picture(2, *size)
    out = distortion("pixelate", block=block)(image, seeded())
    for top in range(0, size[0], block):
        for left in range(0, size[1], block):
            seen = image[..., top : top + block, left : left + block]
            painted = out[..., top : top + block, left : left + block]
            mean = seen.double().mean((2, 3), keepdim=True).float().expand_as(seen)
            torch.testing.assert_close(painted, mean, atol=1e-5, rtol=0)
