"""PSNR and SSIM against scikit-image on 8-bit images, and what all metrics have in common."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ftbench_metrics.plugin import ftbench_metrics

RECORDS = {record.name: record for record in ftbench_metrics() if not record.needs_file}


def measure(name):
    return RECORDS[name].load()(**dict(RECORDS[name].parameters()))


def tolerance(name):
    """Of what is computed in float64, and of what is in float32."""
    return 1e-6 if name in ("flip", "ciede2000") else 1e-12


def tensor(pixels):
    """uint8 (b, h, w, 3) -> float (b, 3, h, w) in [0, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def covers(kind, size, rng):
    shape = (3, size, size + 5, 3)
    if kind == "random":
        values = rng.random(shape)
    elif kind == "smooth":
        values = ndimage.gaussian_filter(rng.standard_normal(shape), (0, 6, 6, 0)) * 4 + 0.5
    elif kind == "bright":
        values = 0.98 + 0.01 * rng.random(shape)
    elif kind == "halves":
        values = np.where(np.arange(shape[2])[:, None] < shape[2] // 2, 0.0, 0.98) + 0.01 * rng.random(shape)
    else:
        values = 0.01 * rng.random(shape)
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def damaged(pixels, how, rng):
    if how == "noise":
        values = pixels + rng.normal(0, 8, pixels.shape)
    elif how == "one-level":
        values = pixels + rng.integers(-1, 2, pixels.shape)
    elif how == "blur":
        values = ndimage.gaussian_filter(pixels.astype(float), (0, 1, 1, 0))
    else:
        values = 255.0 - pixels
    return np.round(np.clip(values, 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("how", ["noise", "one-level", "blur", "negative"])
@pytest.mark.parametrize("kind", ["random", "smooth", "bright", "dark", "halves"])
@pytest.mark.parametrize("size", [11, 32, 64, 128])
def test_both_equal_scikit_image(kind, how, size):
    rng = np.random.default_rng(0)
    reference = covers(kind, size, rng)
    image = damaged(reference, how, rng)
    psnr = measure("psnr")(tensor(reference), tensor(image))
    ssim = measure("ssim")(tensor(reference), tensor(image))
    assert psnr.shape == ssim.shape == (3,)
    for a, b, decibel, similarity in zip(reference, image, psnr.tolist(), ssim.tolist(), strict=True):
        assert decibel == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-6)
        expected = structural_similarity(
            a,
            b,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=2,
        )
        assert similarity == pytest.approx(expected, abs=1e-6)


def test_how_an_image_lies_in_memory_and_among_how_many_changes_nothing():
    rng = np.random.default_rng(2)
    reference, image = tensor(covers("smooth", 32, rng)), tensor(covers("random", 32, rng))
    for name in RECORDS:
        values = measure(name)(reference, image)
        last = (one.contiguous(memory_format=torch.channels_last) for one in (reference, image))
        torch.testing.assert_close(measure(name)(*last), values, rtol=tolerance(name), atol=tolerance(name))
        alone = torch.cat([measure(name)(reference[i : i + 1], image[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(alone, values, rtol=tolerance(name), atol=tolerance(name))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing_and_are_left_as_they_were(threads):
    rng = np.random.default_rng(3)
    reference, image = tensor(covers("smooth", 64, rng)), tensor(covers("random", 64, rng))
    one = {name: measure(name)(reference, image) for name in RECORDS}
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        for name, values in one.items():
            close = tolerance(name)
            torch.testing.assert_close(measure(name)(reference, image), values, rtol=close, atol=close)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_identical_images_are_infinite_and_one_beside_others_that_are_not():
    image = tensor(covers("smooth", 32, np.random.default_rng(1)))
    other = image.clone()
    other[1, 0, 16, 16] = 1 - other[1, 0, 16, 16].round()
    psnr, ssim = measure("psnr")(image, other), measure("ssim")(image, other)
    assert psnr.isinf().tolist() == [True, False, True]
    assert psnr[0] > 0
    torch.testing.assert_close(ssim[[0, 2]], torch.ones(2, dtype=torch.float64), atol=1e-6, rtol=0)
    assert ssim[1] < 0.9999


def test_one_level_on_one_value_of_a_large_image_is_exact():
    image = torch.full((1, 3, 256, 256), 200 / 255)
    other = image.clone()
    other[0, 0, 0, 0] = 201 / 255
    expected = 10 * np.log10(255**2 * 3 * 256**2)
    assert measure("psnr")(image, other).item() == pytest.approx(expected, abs=1e-3)


def test_ssim_below_its_window_is_refused_with_the_size():
    small = torch.rand(1, 3, 32, 10)
    with pytest.raises(ValueError, match="32×10 px are smaller than SSIM's window of 11 px"):
        measure("ssim")(small, small)


@pytest.mark.parametrize("name", RECORDS)
def test_different_shapes_are_refused(name):
    with pytest.raises(ValueError, match="cannot be compared"):
        measure(name)(torch.rand(2, 3, 32, 32), torch.rand(1, 3, 32, 32))


def test_records():
    told = {
        record.name: (record.unit, record.digits, record.higher_is_better, record.least, record.most, record.needs_file)
        for record in ftbench_metrics()
    }
    assert told == {
        "psnr": ("dB", 2, True, None, None, False),
        "ssim": ("", 3, True, -1, 1, False),
        "flip": ("", 3, False, 0, 1, False),
        "ciede2000": ("ΔE", 2, False, 0, None, False),
        "ms-ssim": ("", 3, True, 0, 1, False),
        "ssim-uniform": ("", 3, True, -1, 1, False),
        "lpips": ("", 3, False, 0, None, True),
    }


@pytest.mark.parametrize("name", RECORDS)
def test_values_lie_where_the_record_says(name):
    rng = np.random.default_rng(5)
    record, image = RECORDS[name], tensor(covers("smooth", 32, rng))
    values = torch.cat([measure(name)(image, other) for other in (image, 1 - image, tensor(covers("dark", 32, rng)))])
    assert record.least is None or values.min() >= record.least
    assert record.most is None or values.max() <= record.most + 1e-12


def test_a_range_without_width_is_refused():
    with pytest.raises(ValueError, match="least must be below most"):
        dataclasses.replace(RECORDS["flip"], least=1.0)


def test_listing_imports_no_torch_and_nothing_warns_from_the_first_import_on():
    script = """
import sys
from ftbench_metrics.plugin import ftbench_metrics
records = list(ftbench_metrics())
assert not {"torch", "numpy", "kornia"} & set(sys.modules)
import torch
for record in records:
    if record.needs_file:
        continue
    record.load()()(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16))
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=120)
