"""Colour and light against Pillow, scikit-image, colorsys and formulas."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from damage import distortion, picture, pixels, seeded
from PIL import Image, ImageEnhance, ImageOps
from skimage import exposure


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.5, 2.5])
@pytest.mark.parametrize(
    ("name", "enhancer"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
def test_jitter_is_pillows(name: str, enhancer: type[ImageEnhance.Color], factor: float) -> None:
    """Within two levels: Pillow rounds the grey it mixes with, which the factor may double."""
    image = picture()
    out = distortion(name, factor=factor)(image, seeded())
    for given, got in zip(image, out, strict=True):
        expected = np.asarray(enhancer(Image.fromarray(pixels(given))).enhance(factor)).astype(int)
        assert np.abs(got.numpy().transpose(1, 2, 0) * 255 - expected).max() <= 2


def test_jitter_is_its_formulas() -> None:
    image = picture()
    grey = (image * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    mean = grey.mean((1, 2, 3), keepdim=True)
    for name, expected in (
        ("brightness", 1.7 * image),
        ("contrast", mean + 1.7 * (image - mean)),
        ("saturation", grey + 1.7 * (image - grey)),
    ):
        out = distortion(name, factor=1.7)(image, seeded())
        torch.testing.assert_close(out, expected.clamp(0, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shift", [-0.5, -0.2, 0.1, 0.5])
def test_hue_is_colorsys(shift: float) -> None:
    image = picture(1, 16, 16)
    out = distortion("hue", shift=shift)(image, seeded())[0].permute(1, 2, 0).reshape(-1, 3).numpy()
    for given, got in zip(image[0].permute(1, 2, 0).reshape(-1, 3).tolist(), out, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*given)
        np.testing.assert_allclose(got, colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value), atol=1e-5)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.5, 2.2, 10.0])
def test_gamma_is_scikit_images(gamma: float) -> None:
    image = picture()
    out = distortion("gamma", gamma=gamma)(image, seeded())
    expected = exposure.adjust_gamma(image.double().numpy(), gamma)
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-6)


def test_grayscale_is_pillows_luma() -> None:
    image = picture()
    whole, half = (distortion("grayscale", amount=amount)(image, seeded()) for amount in (1.0, 0.5))
    for given, got in zip(image, whole, strict=True):
        luma = np.asarray(Image.fromarray(pixels(given)).convert("L")).astype(int)
        assert np.abs(got.numpy() * 255 - luma).max() <= 1
    torch.testing.assert_close(half, (image + whole) / 2, atol=1e-6, rtol=0)


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterize_is_pillows(bits: int) -> None:
    image = picture()
    out = distortion("posterize", bits=bits)(image, seeded())
    for given, got in zip(image, out, strict=True):
        np.testing.assert_array_equal(pixels(got), np.asarray(ImageOps.posterize(Image.fromarray(pixels(given)), bits)))
        np.testing.assert_allclose(got.numpy() * 255, np.round(got.numpy() * 255), atol=1e-4)
