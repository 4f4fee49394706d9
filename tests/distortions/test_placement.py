"""Where an image lies in its frame, against numpy and Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from damage import distortion, picture, seeded
from PIL import Image
from scipy import stats


@pytest.mark.parametrize(
    ("axis", "transpositions"),
    [
        ("horizontal", [Image.Transpose.FLIP_LEFT_RIGHT]),
        ("vertical", [Image.Transpose.FLIP_TOP_BOTTOM]),
        ("both", [Image.Transpose.ROTATE_180]),
    ],
)
def test_flip_is_pillows(axis: str, transpositions: list[Image.Transpose]) -> None:
    image = picture(2, 33, 47)
    out = distortion("flip", axis=axis)(image, seeded())
    for given, got in zip(image.flatten(0, 1).numpy(), out.flatten(0, 1).numpy(), strict=True):
        expected = Image.fromarray(given).transpose(transpositions[0])
        np.testing.assert_array_equal(got, np.asarray(expected))


@pytest.mark.parametrize(("outside", "mode"), [("black", "constant"), ("reflected", "symmetric")])
@pytest.mark.parametrize(("size", "shift"), [((64, 48), 0.1), ((33, 47), 0.25), ((16, 17), 0.5)])
def test_translation_is_one_of_numpys_four_padded_windows(
    size: tuple[int, int], shift: float, outside: str, mode: str
) -> None:
    (height, width), batch = size, 200
    down, right = round(shift * height), round(shift * width)
    image = picture(1, height, width)
    out = distortion("translation", shift=shift, outside=outside)(image.expand(batch, -1, -1, -1), seeded()).numpy()
    padded = np.pad(image[0].numpy(), ((0, 0), (down, down), (right, right)), mode=mode)  # type: ignore[call-overload]
    windows = [padded[:, y : y + height, x : x + width] for y in (0, 2 * down) for x in (0, 2 * right)]
    which = [[np.array_equal(one, window) for window in windows].index(True) for one in out]
    assert stats.chisquare(np.bincount(which, minlength=4)).pvalue > 0.001


@pytest.mark.parametrize("scale", [0.75, 0.4])
def test_collage_pastes_pillows_small_image_at_a_uniform_place(scale: float) -> None:
    """Two pictures with the same draws: where the results differ, the image lies."""
    height, width, batch = 36, 48, 300
    rows, columns = round(height * scale), round(width * scale)
    paste = distortion("collage", scale=scale)
    one, other = picture(1, height, width), 1 - picture(1, height, width, seed=1)
    # Both are the colour of no background at the rim, so that the block's own edge is seen.
    images = [image.expand(batch, -1, -1, -1) for image in (one, other)]
    outs = [paste(image, seeded()).numpy() for image in images]
    expected = np.stack(
        [
            np.asarray(Image.fromarray(plane).resize((columns, rows), Image.Resampling.BILINEAR))
            for plane in one[0].numpy()
        ]
    )
    tops, lefts = [], []
    for out, twin in zip(*outs, strict=True):
        inside = (out != twin).any(0)
        top, left = int(inside.any(1).argmax()), int(inside.any(0).argmax())
        block = (slice(None), slice(top, top + rows), slice(left, left + columns))
        np.testing.assert_allclose(out[block], expected, atol=2e-6)
        assert not inside[:top].any() and not inside[top + rows :].any()  # noqa: PT018
        assert not inside[:, :left].any() and not inside[:, left + columns :].any()  # noqa: PT018
        tops.append(top)
        lefts.append(left)
    for found, free in ((tops, height - rows), (lefts, width - columns)):
        assert stats.chisquare(np.bincount(found, minlength=free + 1)).pvalue > 0.001


def test_collages_backgrounds_are_of_many_colours_and_each_images_own() -> None:
    # So small that nearly all is background.
    out = distortion("collage", scale=0.01)(torch.zeros(64, 3, 64, 64), seeded())
    assert (out.amax((2, 3)) - out.amin((2, 3)) > 0.2).float().mean() > 0.95
    means = out.mean((2, 3)).flatten().numpy()
    assert abs(means.mean() - 0.5) < 0.05
    assert means.std() > 0.05
    # Soft: neighbours differ by far less than the picture does.
    assert out.diff(dim=3).abs().mean() < 0.1 * out.std()
