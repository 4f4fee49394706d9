"""Blocks and letters that hide a part of the image."""

from __future__ import annotations

import math

import numpy as np
import pydantic
import pytest
import torch
from damage import RECORDS, distortion, picture, seeded
from PIL import Image, ImageDraw, ImageFont
from scipy import stats


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_erase_blackens_one_block_at_a_uniform_place(share: float) -> None:
    height, width, batch = 40, 64, 400
    image = picture(1, height, width).clamp(0.1, 1).expand(batch, -1, -1, -1)
    out = distortion("erase", share=share)(image, seeded())
    rows, columns = round(height * share**0.5), round(width * share**0.5)
    assert rows * columns == pytest.approx(share * height * width, rel=0.05)
    gone = (out == 0).all(1)
    assert torch.equal(gone, (out == 0).any(1))
    assert torch.equal(out, image * ~gone[:, None])
    tops, lefts = gone.any(2).int().argmax(1), gone.any(1).int().argmax(1)
    for one, top, left in zip(gone, tops, lefts, strict=True):
        assert int(one.sum()) == rows * columns
        assert one[top : top + rows, left : left + columns].all()
    for found, free in ((tops, height - rows), (lefts, width - columns)):
        assert stats.chisquare(np.bincount(found.numpy(), minlength=free + 1)).pvalue > 0.001


@pytest.mark.parametrize("share", [0.09, 0.25])
def test_erase_in_the_centre_is_symmetric_and_draws_nothing(share: float) -> None:
    generator = seeded()
    out = distortion("erase", share=share, place="centre")(torch.ones(2, 3, 40, 60), generator)
    assert torch.equal(out, out.flip(2))
    assert torch.equal(out, out.flip(3))
    assert float((out == 0).float().mean()) == pytest.approx(share)
    assert torch.equal(generator.get_state(), seeded().get_state())


@pytest.mark.parametrize(("height", "text"), [(0.2, "SAMPLE"), (0.35, "g_j|"), (0.5, "x")])
def test_the_letters_are_those_that_pillow_draws(height: float, text: str) -> None:
    side, batch = 64, 60
    image = picture(1, side, side).clamp(0.1, 0.9).expand(batch, -1, -1, -1)
    out = distortion("overlay-text", height=height, text=text)(image, seeded())
    font = ImageFont.load_default(round(height * side))
    box = [math.floor(edge) for edge in font.getbbox(text)]
    places, inks = set(), []
    for given, got in zip(image, out, strict=True):
        inks.append(bool((got == 1).all(0).any()))
        changed = (got != given).any(0)
        top, left = int(changed.any(1).int().argmax()), int(changed.any(0).int().argmax())
        drawn = []
        # Ink need not begin where Pillow's box does: a faint rim may lie between.
        for y, x in ((top - dy, left - dx) for dy in range(3) for dx in range(3)):
            picture_of_it = Image.fromarray(np.round(given.numpy().transpose(1, 2, 0) * 255).astype(np.uint8))
            at = (x - box[0], y - box[1])
            ImageDraw.Draw(picture_of_it).text(at, text, font=font, fill=(255,) * 3 if inks[-1] else (0,) * 3)
            drawn.append(np.asarray(picture_of_it).transpose(2, 0, 1).astype(float))
        nearest = min(float(np.abs(got.numpy() * 255 - one).max()) for one in drawn)
        assert nearest <= 1
        places.add((top, left))
    assert len(places) > batch / 3
    assert stats.binomtest(sum(inks), batch, 0.5).pvalue > 0.001


def test_letters_lie_inside_where_they_fit_and_reach_every_edge() -> None:
    grey = torch.full((300, 3, 48, 48), 0.5)
    changed = (distortion("overlay-text", height=0.3, text="ab")(grey, seeded()) != grey).any(1)
    ink = changed.sum((1, 2))
    # Cut letters would have less ink than the others.
    assert int(ink.max() - ink.min()) == 0
    assert changed[:, 0].any()
    assert changed[:, -1].any()
    assert changed[:, :, -1].any()


def test_opacity_mixes_and_height_enlarges() -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    whole, half = (distortion("overlay-text", opacity=opacity)(grey, seeded()) for opacity in (1.0, 0.5))
    torch.testing.assert_close(half - grey, (whole - grey) / 2)
    ink = [
        int((distortion("overlay-text", height=h, text="H")(grey, seeded()) != grey).any(1).sum())
        for h in (0.1, 0.2, 0.4)
    ]
    assert ink[1] > 2 * ink[0] > 0
    assert ink[2] > 2 * ink[1]
    assert torch.equal(distortion("overlay-text", opacity=0.0)(grey, seeded()), grey)


def test_text_that_is_larger_than_the_image_is_cut() -> None:
    grey = torch.full((4, 3, 16, 40), 0.5)
    out = distortion("overlay-text", height=1.0, text="a-very-long-text-indeed")(grey, seeded())
    assert (out != grey).any(1).float().mean() > 0.1


@pytest.mark.parametrize("text", ["", "two words", "ü", "x" * 41])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="text"):
        RECORDS["overlay-text"].parameters.model_validate({"text": text})
