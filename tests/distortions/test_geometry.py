"""Resizing, cropping, turning and slanting against Pillow and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from damage import coordinates, distortion, picture, seeded
from PIL import Image
from scipy import ndimage, stats


@pytest.mark.parametrize("scale", [0.5, 0.3])
def test_resize_is_pillows(scale: float) -> None:
    image = picture(1, 48, 64)
    out = distortion("resize", scale=scale)(image, seeded())[0]
    small = (round(64 * scale), round(48 * scale))
    for given, got in zip(image[0].numpy(), out.numpy(), strict=True):
        plane = Image.fromarray(given).resize(small, Image.Resampling.BILINEAR)
        expected = plane.resize((64, 48), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(got, np.asarray(expected), atol=2e-6)


@pytest.mark.parametrize("keep", [0.5, 0.25])
def test_crop_keeps_its_share_of_the_area_at_uniform_places(keep: float) -> None:
    size, batch = 64, 400
    out = distortion("crop", keep=keep)(coordinates(size, size).expand(batch, -1, -1, -1), seeded()) * 255
    side = round(size * keep**0.5)
    assert side**2 / size**2 == pytest.approx(keep, rel=0.03)
    for channel, axis in ((0, 2), (1, 1)):
        plane = out[:, channel]
        first, last = plane.amin((1, 2)), plane.amax((1, 2))
        torch.testing.assert_close(
            last - first, torch.full((batch,), side - 1.0, dtype=torch.float64), atol=0.01, rtol=0
        )
        assert (plane.diff(dim=axis) >= -1e-3).all()
        counts = np.bincount(first.round().long().numpy(), minlength=size - side + 1)
        assert len(counts) == size - side + 1
        assert stats.chisquare(counts).pvalue > 0.001


def test_crop_enlarges_as_pillow_does() -> None:
    image = picture(1, 64, 64)
    out = distortion("crop", keep=0.25)(image, seeded(5))[0].numpy()
    windows = [
        (top, left)
        for top in range(33)
        for left in range(33)
        if np.allclose(out[:, 0, 0], image[0, :, top, left].numpy(), atol=1e-6)
    ]
    matches = 0
    for top, left in windows:
        planes = [
            np.asarray(Image.fromarray(plane).resize((64, 64), Image.Resampling.BILINEAR))
            for plane in image[0, :, top : top + 32, left : left + 32].numpy()
        ]
        matches += np.allclose(out, np.stack(planes), atol=2e-6)
    assert matches == 1


def test_crop_in_place_keeps_what_the_enlarged_crop_shows() -> None:
    image = picture(40, 33, 47).clamp(0.1, 1)
    kept = distortion("crop", keep=0.3, enlarge=False)(image, seeded(2))
    enlarged = distortion("crop", keep=0.3)(image, seeded(2))
    seen = (kept != 0).all(1)
    assert torch.equal(kept, image * seen[:, None])
    rows, columns = round(33 * 0.3**0.5), round(47 * 0.3**0.5)
    for one, mask, wide in zip(image, seen, enlarged, strict=True):
        top, left = int(mask.any(1).int().argmax()), int(mask.any(0).int().argmax())
        assert int(mask.sum()) == rows * columns
        assert mask[top : top + rows, left : left + columns].all()
        torch.testing.assert_close(wide[:, 0, 0], one[:, top, left])


@pytest.mark.parametrize("size", [(33, 47), (16, 16), (64, 40)])
@pytest.mark.parametrize("angle", [-135.0, -10.0, 3.7, 30.0, 90.0])
@pytest.mark.parametrize(("outside", "mode"), [("black", "grid-constant"), ("reflected", "reflect")])
def test_rotation_is_scipys(size: tuple[int, int], angle: float, outside: str, mode: str) -> None:
    image = picture(2, *size)
    out = distortion("rotation", angle=angle, outside=outside)(image, seeded())
    expected = ndimage.rotate(image.double().numpy(), angle, axes=(3, 2), reshape=False, order=1, mode=mode)
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-5)


def test_rotation_turns_counter_clockwise_as_pillow_does() -> None:
    image = picture(1, 48, 64)[0]
    out = distortion("rotation", angle=30.0)(image[None], seeded())[0]
    for given, got in zip(image.numpy(), out.numpy(), strict=True):
        turned = np.asarray(Image.fromarray(given).rotate(30, Image.Resampling.BILINEAR))
        # Pillow fades into its fill at another distance from the edge.
        np.testing.assert_allclose(got[12:-12, 20:-20], turned[12:-12, 20:-20], atol=1e-5)
    assert (out[:, 0, 0] == 0).all()


@pytest.mark.parametrize("size", [(64, 96), (33, 47)])
def test_perspective_is_a_projection_whose_corners_moved_as_far_as_it_says(size: tuple[int, int]) -> None:
    """An image that tells where each pixel came from; the projection is fitted to that and applied by scipy."""
    height, width = size
    batch, move = 40, 0.2
    slant = distortion("perspective", move=move)
    out = slant(coordinates(*size).expand(batch, -1, -1, -1), seeded(1)).numpy()
    real = picture(1, *size).double()
    slanted = slant(real.expand(batch, -1, -1, -1), seeded(1)).numpy()
    shares = []
    for seen, pixels in zip(out, slanted, strict=True):
        # Only where no black is mixed in do the colours tell a place.
        rows, columns = np.nonzero(seen[2] > 1 - 1e-9)
        fitted = _projection(np.stack([columns, rows], 1), 255 * seen[:2, rows, columns].T)
        everywhere = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)
        source = _projected(fitted, everywhere).reshape(height, width, 2)
        for plane, got in zip(real[0].numpy(), pixels, strict=True):
            expected = ndimage.map_coordinates(plane, [source[..., 1], source[..., 0]], order=1, mode="grid-constant")
            np.testing.assert_allclose(got, expected, atol=1e-6)
        corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
        moved = _projected(np.linalg.inv(fitted), corners) - corners
        shares.append(moved * [[1, 1], [-1, 1], [-1, -1], [1, -1]] / (width - 1, height - 1))
    # Inwards, by uniform draws up to the strength.
    assert stats.kstest(np.ravel(shares) / move, "uniform").pvalue > 0.001


def test_perspective_may_reflect_what_lies_outside() -> None:
    image = torch.full((8, 3, 32, 32), 0.7)
    assert (distortion("perspective", move=0.3)(image, seeded())[..., 0, 0] < 0.7).any()
    mirrored = distortion("perspective", move=0.3, outside="reflected")(image, seeded())
    torch.testing.assert_close(mirrored, image)


def _projection(places: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """The 3 × 3 matrix that takes places (n, 2) to sources (n, 2), by least squares."""
    rows = []
    for (x, y), (u, v) in zip(places[::7], sources[::7], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    matrix = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    return np.asarray(matrix / matrix[2, 2])


def _projected(matrix: np.ndarray, places: np.ndarray) -> np.ndarray:
    moved = np.concatenate([places, np.ones((len(places), 1))], 1) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:])
