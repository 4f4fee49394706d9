"""MS-SSIM against pytorch-msssim, the uniform window's SSIM against scikit-image."""

from __future__ import annotations

import numpy as np
import piq
import pytest
import torch
from pytorch_msssim import ms_ssim
from skimage.metrics import structural_similarity

from ftbench_metrics.objections import object_to_ms_ssim, object_to_uniform_ssim, scales_of
from ftbench_metrics.structure import WEIGHTS, MsSsim, UniformSsim
from tests.test_metrics import covers, damaged, tensor

HOW = ["noise", "one-level", "blur", "negative"]
KINDS = ["random", "smooth", "bright", "dark", "halves"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", ["smooth", "dark"])
@pytest.mark.parametrize("size", [161, 176])
def test_ms_ssim_is_that_of_others(kind, how, size):
    rng = np.random.default_rng(0)
    reference = covers(kind, size, rng)
    first, second = tensor(reference), tensor(damaged(reference, how, rng))
    # The library computes in what it is given, and its image's range is 0 to 1.
    away = torch.arange(11, dtype=torch.float64) - 5
    window = (-away.square() / (2 * 1.5**2)).exp()
    # Its own window is rounded to float32, which is 1e-5 of the value.
    window = (window / window.sum()).view(1, 1, 1, 11).repeat(3, 1, 1, 1)
    wanted = ms_ssim(first.double(), second.double(), data_range=1, size_average=False, win=window)
    for dtype in (torch.float32, torch.float64):
        torch.testing.assert_close(MsSsim()(first.to(dtype), second.to(dtype)), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [11, 22, 40, 64, 88, 128, 160])
def test_a_small_image_has_fewer_scales(size):
    rng = np.random.default_rng(1)
    reference = covers("smooth", size, rng)[:, :, :size]
    first, second = tensor(reference), tensor(damaged(reference, "noise", rng))
    scales = scales_of(size)
    assert scales == sum(-(-size // 2**scale) >= 11 for scale in range(5))
    grey = [one[:, :1].double() for one in (first, second)]
    found = MsSsim()(*grey)
    if size % 2 ** (scales - 1) == 0:
        # Another library, which takes fewer scales; it halves even sides alike.
        weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float64) * sum(WEIGHTS) / sum(WEIGHTS[:scales])
        wanted = piq.multi_scale_ssim(*grey, data_range=1.0, reduction="none", scale_weights=weights)
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
    assert ((found > 0.3) & (found < 1)).all()


def test_the_sizes_that_have_every_scale():
    assert [scales_of(side) for side in (11, 21, 41, 81, 160, 161, 1000)] == [1, 2, 3, 4, 4, 5, 5]
    assert object_to_ms_ssim(size=11) is None
    assert "10" in object_to_ms_ssim(size=10)
    assert object_to_uniform_ssim(size=7) is None
    assert "6" in object_to_uniform_ssim(size=6)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [7, 32, 65, 128])
def test_the_uniform_window_is_what_others_report(kind, how, size):
    rng = np.random.default_rng(0)
    reference = covers(kind, size, rng)
    image = damaged(reference, how, rng)
    found = UniformSsim()(tensor(reference), tensor(image))
    for first, second, value in zip(reference, image, found.tolist(), strict=True):
        # Its default settings: nothing but the range and the channels is told.
        assert value == pytest.approx(structural_similarity(first, second, channel_axis=2), abs=1e-6)
        as_shares = structural_similarity(first / 255, second / 255, data_range=1, channel_axis=2)
        assert value == pytest.approx(as_shares, abs=1e-6)


@pytest.mark.parametrize(("metric", "name", "window"), [(MsSsim, "ms-ssim", 11), (UniformSsim, "ssim-uniform", 7)])
def test_below_the_window_is_refused_with_the_size(metric, name, window):
    small = torch.rand(1, 3, 32, window - 1)
    with pytest.raises(ValueError, match=f"32×{window - 1} px are smaller than {name}'s window of {window} px"):
        metric()(small, small)
