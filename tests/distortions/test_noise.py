"""Random damage against the distributions that it is drawn from."""

from __future__ import annotations

import numpy as np
import torch
from damage import distortion, picture, seeded
from scipy import stats


def test_gaussian_noise_has_its_mean_its_deviation_and_its_shape() -> None:
    grey = torch.full((4, 3, 64, 64), 0.5)
    noise = (distortion("gaussian-noise", sigma=0.05)(grey, seeded()) - grey).flatten().numpy() / 0.05
    assert stats.kstest(noise, "norm").pvalue > 0.001
    planes = noise.reshape(4, 3, -1)
    assert abs(np.corrcoef(planes[0, 0], planes[0, 1])[0, 1]) < 0.07


def test_speckle_is_gaussian_noise_in_units_of_the_value() -> None:
    for level in (0.1, 0.25, 0.5):
        flat = torch.full((4, 3, 64, 64), level)
        noise = (distortion("speckle", sigma=0.2)(flat, seeded()) / level - 1).flatten().numpy() / 0.2
        assert stats.kstest(noise, "norm").pvalue > 0.001
    black = torch.zeros(1, 3, 16, 16)
    assert torch.equal(distortion("speckle", sigma=2.0)(black, seeded()), black)


def test_poisson_noise_counts_photons() -> None:
    flat = torch.full((4, 3, 64, 64), 0.4)
    counts = distortion("poisson-noise", photons=50.0)(flat, seeded()).flatten().double().numpy() * 50
    whole = counts.round().astype(int)
    np.testing.assert_allclose(counts, whole, atol=1e-4)
    # Whites are clipped, and that many photons at a mean of 20 are none in 10¹⁰ pixels.
    law = stats.poisson(20)
    found = np.bincount(whole.clip(10, 31), minlength=32)[10:]
    expected = np.array([law.cdf(10), *law.pmf(range(11, 31)), law.sf(30)]) * whole.size
    assert stats.chisquare(found, expected).pvalue > 0.001


def test_dropout_blackens_its_share_of_whole_pixels_and_spares_the_rest() -> None:
    image = picture(4).clamp(0.1, 1)
    out = distortion("dropout", share=0.3)(image, seeded())
    lost = (out == 0).all(1)
    assert torch.equal(lost, (out == 0).any(1))
    assert stats.binomtest(int(lost.sum()), lost.numel(), 0.3).pvalue > 0.001
    assert torch.equal(out, image * ~lost[:, None])


def test_salt_and_pepper_hits_its_share_evenly_and_spares_the_rest() -> None:
    image = picture(4).clamp(0.1, 0.9)
    out = distortion("salt-and-pepper", share=0.1)(image, seeded())
    salt, pepper = (out == 1).all(1), (out == 0).all(1)
    hit = salt | pepper
    assert stats.binomtest(int(hit.sum()), hit.numel(), 0.1).pvalue > 0.001
    assert stats.binomtest(int(salt.sum()), int(hit.sum()), 0.5).pvalue > 0.001
    assert torch.equal(out[~hit[:, None].expand_as(out)], image[~hit[:, None].expand_as(image)])
