"""``big-eyes`` against scipy's interpolation, and against what a lens does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from scipy.optimize import brentq

from ftbench_plugin_demo.big_eyes import EYES, RADIUS, BigEyes

SIZE = 64


def test_a_pixel_is_read_from_nearer_the_eye() -> None:
    image = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(float)
    for x, y in EYES:
        across, down = (columns + 0.5) / SIZE - x, (rows + 0.5) / SIZE - y
        nearness = np.clip(1 - (across**2 + down**2) / RADIUS**2, 0, None) ** 2
        columns, rows = columns - 0.4 * nearness * across * SIZE, rows - 0.4 * nearness * down * SIZE
    expected = np.stack([map_coordinates(plane, [rows, columns], order=1) for plane in image[0].numpy()])
    # The two eyes' warps meet in the middle, where one after the other is not quite both at once.
    apart = np.abs(np.arange(SIZE) + 0.5 - SIZE / 2) > 1
    found = BigEyes(size=SIZE, amount=0.4)(image, {})[0].numpy()
    np.testing.assert_allclose(found[:, :, apart], expected[:, :, apart], atol=1e-4)


def test_an_iris_grows_as_the_amount_says() -> None:
    iris, amount = 0.02, 0.5
    across, down = torch.meshgrid(*[(torch.arange(256) + 0.5) / 256] * 2, indexing="xy")
    image = (torch.hypot(across - EYES[0][0], down - EYES[0][1]) < iris).float().expand(1, 3, 256, 256)
    grown = BigEyes(size=256, amount=amount)(image, {}).sum() / image.sum()
    # The radius that is read from the iris' border.
    radius = brentq(lambda r: r * (1 - amount * (1 - (r / RADIUS) ** 2) ** 2) - iris, iris, RADIUS)
    assert grown == pytest.approx((radius / iris) ** 2, rel=0.03)


@pytest.mark.parametrize("amount", [0.0, 0.5])
def test_what_is_no_eye_stays_as_it_was(amount: float) -> None:
    image = torch.randint(256, (1, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)) / 255
    same = (BigEyes(size=SIZE, amount=amount)(image, {}) * 255).round() == (image * 255).round()
    assert same[..., : int(0.28 * SIZE), :].all()
    assert same[..., int(0.55 * SIZE) + 1 :, :].all()
    assert bool(same.all()) == (amount == 0)


def test_nothing_folds_over() -> None:
    grid = BigEyes(size=SIZE, amount=0.5).grid[0]
    assert (grid[:, :, 0].diff(dim=1) > 0).all()
    assert (grid[:, :, 1].diff(dim=0) > 0).all()
