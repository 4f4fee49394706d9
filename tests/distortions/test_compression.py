"""Stored images against Pillow's own files."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from damage import distortion, picture, pixels, seeded
from PIL import Image
from torch import Tensor


def from_pillow(image: Tensor, kind: str, quality: int) -> np.ndarray:
    """The file's pixels, all else left to Pillow: its default subsampling is 4:2:0."""
    file = io.BytesIO()
    Image.fromarray(pixels(image)).save(file, kind, quality=quality)
    return np.asarray(Image.open(io.BytesIO(file.getvalue())))


def error(name: str, quality: int, image: Tensor) -> float:
    return float((distortion(name, quality=quality)(image, seeded()) - image).square().mean())


@pytest.mark.parametrize("quality", range(10, 101))
def test_jpeg_is_pillows_file(quality: int) -> None:
    image = picture(2, 33, 47)
    out = distortion("jpeg", quality=quality)(image, seeded())
    for given, got in zip(image, out, strict=True):
        np.testing.assert_array_equal(pixels(got), from_pillow(given, "JPEG", quality))
        np.testing.assert_allclose(got.numpy() * 255, np.round(got.numpy() * 255), atol=1e-4)


@pytest.mark.parametrize("quality", [0, 10, 50, 80, 100])
def test_webp_is_pillows_file(quality: int) -> None:
    image = picture(2, 33, 47)
    out = distortion("webp", quality=quality)(image, seeded())
    for given, got in zip(image, out, strict=True):
        np.testing.assert_array_equal(pixels(got), from_pillow(given, "WEBP", quality))


@pytest.mark.parametrize("name", ["jpeg", "jpeg-simulated", "webp"])
def test_lower_quality_is_worse(name: str) -> None:
    image = picture()
    errors = [error(name, quality, image) for quality in (95, 75, 50, 25, 5)]
    assert errors == sorted(errors)
    assert errors[-1] > 2 * errors[0]


@pytest.mark.parametrize("name", ["jpeg", "jpeg-simulated", "webp"])
def test_fine_colour_is_dropped_at_any_quality(name: str) -> None:
    # Columns alternate between two colours of nearly the same luma: at quality 100 only 4:2:0 loses them.
    stripes = torch.tensor([[200, 100, 100], [70, 157, 157]]).T.repeat(1, 32).float() / 255
    stripes = stripes[None, :, None].expand(1, 3, 64, 64)
    out = distortion(name, quality=100)(stripes, seeded())
    assert out[0, 0].std() < 0.3 * stripes[0, 0].std()


@pytest.mark.parametrize("quality", [10, 30, 50, 70, 90])
@pytest.mark.parametrize("size", [(64, 64), (33, 47)])
def test_simulated_jpeg_does_what_the_file_does(quality: int, size: tuple[int, int]) -> None:
    """Its change points where the file's does, and it is far nearer to the file than the given image is."""
    image = picture(3, *size)
    simulated = distortion("jpeg-simulated", quality=quality)(image, seeded())
    file = torch.tensor(np.stack([from_pillow(one, "JPEG", quality) for one in image]))
    change, wanted = simulated - image, file.permute(0, 3, 1, 2) / 255 - image
    assert np.corrcoef(change.flatten(), wanted.flatten())[0, 1] > 0.94
    assert (change - wanted).square().mean() < 0.12 * wanted.square().mean()
    # The rounding's cubic keeps some of what a file loses: a milder change, by 1 dB at the most.
    assert 10 ** (-0.1) < change.square().mean() / wanted.square().mean() < 1
