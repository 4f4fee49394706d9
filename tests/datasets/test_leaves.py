"""What models are trained on beside photographs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.models.leaves import leaves, noise

PHOTOGRAPHS = [np.full((64, 64, 3), level, np.uint8) for level in (40, 200)]


def test_a_picture_hangs_on_its_number_alone() -> None:
    one, same, other = (leaves(np.random.default_rng([0, number]), PHOTOGRAPHS, 96) for number in (3, 3, 4))
    assert one.shape == (96, 96, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5])
def test_noise_falls_with_the_frequency_as_asked(power: float) -> None:
    made = np.mean([np.abs(np.fft.rfft2(noise(np.random.default_rng(seed), 128, power))) for seed in range(8)], axis=0)
    along = made[0, 2:40]
    slope = np.polyfit(np.log(np.arange(2, 40)), np.log(along), 1)[0]
    assert slope == pytest.approx(-power, abs=0.15)


def test_leaves_have_the_spectrum_of_photographs() -> None:
    pictures = [leaves(np.random.default_rng([1, number]), PHOTOGRAPHS, 128).mean(axis=2) for number in range(8)]
    windowed = [(one - one.mean()) * np.hanning(128)[:, None] * np.hanning(128) for one in pictures]
    power = np.mean([np.abs(np.fft.rfft2(one)) ** 2 for one in windowed], axis=0)
    bands = np.arange(2, 30)
    rings = np.hypot(*np.meshgrid(np.fft.fftfreq(128) * 128, np.arange(65), indexing="ij")).round()
    mean = [power[rings == band].mean() for band in bands]
    # Photographs: power falls as the square, amplitudes as the frequency (Field 1987: 1 give or take a fifth).
    assert -2.8 < np.polyfit(np.log(bands), np.log(mean), 1)[0] < -1.4
