"""Training warps, against scipy's interpolation and against what they say of themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.ndimage import map_coordinates

from ftbench_faketagger.warp import bend, random_warp

DEVIATION = 0.03


def coordinates(size: int, count: int) -> torch.Tensor:
    """Images whose first two channels are each pixel's own x and y, as shares of the side."""
    middle = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    return torch.stack([x, y]).expand(count, 2, size, size).contiguous()


@pytest.mark.parametrize(("size", "points", "scale"), [(33, 5, 0.03), (64, 5, 0.1), (48, 3, 0.02)])
def test_a_bent_image_is_what_scipy_makes_of_the_same_points(size: int, points: int, scale: float) -> None:
    draw = np.random.default_rng(size)
    image = draw.random((3, size, size))
    shift = scale * draw.normal(size=(2, points, points))

    # Borders of the picture, not the middles of its outermost pixels, lie on the outermost points.
    pixel = np.arange(size)
    grid = np.stack(np.meshgrid(pixel, pixel, indexing="ij")).astype(float)
    among_points = (grid + 0.5) / size * (points - 1)
    dx, dy = (map_coordinates(plane, among_points, order=1) for plane in shift)
    place = [grid[0] + dy * size, grid[1] + dx * size]
    expected = [map_coordinates(channel, place, order=1, mode="reflect") for channel in image]

    bent = bend(torch.tensor(image[None]).float(), torch.tensor(shift[None]).float())[0]
    assert np.abs(bent.numpy() - np.stack(expected)).max() < 1e-4
    assert np.abs(bent.numpy() - image).max() > 0.1


def test_a_warp_of_nothing_leaves_the_image() -> None:
    image = torch.rand(3, 3, 48, 48)
    assert torch.allclose(random_warp(image, 0.0, torch.Generator()), image, atol=1e-5)


def test_points_move_as_far_as_declared_and_by_themselves() -> None:
    # An odd side has a pixel at the middle control point, and one that is close to half-way to the next.
    size, count = 65, 1500
    still = coordinates(size, count)
    moved = random_warp(still, DEVIATION, torch.Generator().manual_seed(3)) - still
    x, y = moved[:, 0, 32, 32].numpy(), moved[:, 1, 32, 32].numpy()
    for axis in (x, y):
        assert np.std(axis) == pytest.approx(DEVIATION, rel=0.06)
        assert abs(np.mean(axis)) < 4 * DEVIATION / np.sqrt(count)
        assert stats.kstest(axis / DEVIATION, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(x, y)[0, 1]) < 4 / np.sqrt(count)
    # A quarter of the side away is the next point, which moves for itself; between two, half the variance is left.
    assert abs(np.corrcoef(x, moved[:, 0, 32, 48].numpy())[0, 1]) < 0.12
    assert np.std(moved[:, 0, 32, 40].numpy()) == pytest.approx(DEVIATION / np.sqrt(2), rel=0.08)


def test_draws_come_from_the_generator_alone() -> None:
    image = torch.rand(2, 3, 32, 32)
    torch.manual_seed(0)
    first = random_warp(image, DEVIATION, torch.Generator().manual_seed(1))
    torch.manual_seed(1)
    assert torch.equal(first, random_warp(image, DEVIATION, torch.Generator().manual_seed(1)))
    assert not torch.equal(first, random_warp(image, DEVIATION, torch.Generator().manual_seed(2)))
