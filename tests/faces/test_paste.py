"""Masks, colours and pasting against OpenCV and scikit-image."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from skimage.color import lab2rgb, rgb2lab

from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_faces import lab
from ftbench_faces.colours import matched
from ftbench_faces.masks import box, ellipse
from ftbench_faces.paste import pasted
from ftbench_faces.similarity import back, crop_points, in_pixels, onto
from ftbench_faces.templates import TEMPLATES
from ftbench_faces.warp import warped

SIZE = 128


@pytest.fixture(scope="module")
def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    """Drawn faces (4,3,h,w) in [0,1], and their points in pixels."""
    source = ProceduralFaces(identities=2, images_per_identity=2, seed=3)
    pixels = np.stack([source.load(item, SIZE) for item in source.items])
    shares = torch.from_numpy(np.stack([source.landmarks(item) for item in source.items]))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, in_pixels(shares, SIZE)


@pytest.mark.parametrize("side", [112, 128, 256, 512])
@pytest.mark.parametrize("blur", [0.1, 0.3, 1.0])
def test_masks_are_opencv_s(side: int, blur: float) -> None:
    amount = int(side * 0.5 * blur)
    margin = max(amount // 2, 1)
    flat = np.zeros((side, side), np.float32)
    flat[margin:-margin, margin:-margin] = 1
    expected = cv2.GaussianBlur(flat, (0, 0), amount * 0.25)
    assert np.abs(box(side, blur)[0, 0].numpy() - expected).max() < 1 / 255
    middle, high = (side - 1) / 2, (side - 1) / 2 - margin
    large = np.zeros((8 * side, 8 * side), np.uint8)
    place = round((middle + 0.5) * 8 - 0.5)
    cv2.ellipse(large, (place, place), (round(6.4 * high), round(8 * high)), 0, 0, 360, 255, -1)
    filled = cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    difference = np.abs(ellipse(side, blur)[0, 0].numpy() - cv2.GaussianBlur(filled, (0, 0), amount * 0.25))
    # Drawn with whole pixels here and in eighths there: only an edge that is hardly blurred can tell.
    assert difference.mean() < 0.004
    assert difference.max() < (0.35 if amount < 20 else 0.05)


def test_a_mask_without_blur_has_hard_edges() -> None:
    for mask in (box(64, 0), ellipse(64, 0)):
        assert set(mask.unique().tolist()) == {0.0, 1.0}
        assert not mask[..., 0, :].any()


@pytest.mark.parametrize(("name", "side"), [("arcface-128", 128), ("arcface-112-v1", 256), ("ffhq-512", 512)])
@pytest.mark.parametrize("own", [True, False])
def test_pasting_is_opencv_s_to_a_level(drawn: tuple, name: str, side: int, own: bool) -> None:
    picture, points = drawn
    way = onto(points, TEMPLATES[name], side) if own else onto(crop_points(SIZE), TEMPLATES[name], side)
    face, mask = warped(picture, way, side).flip(1), box(side, 0.3)
    given = pasted(picture, face, way, mask)
    for number in range(len(picture)):
        home = cv2.invertAffineTransform(way[number if own else 0].numpy())
        share = cv2.warpAffine(mask[0, 0].numpy(), home, (SIZE, SIZE)).clip(0, 1)[..., None]
        planes = face[number].permute(1, 2, 0).numpy()
        inverse = cv2.warpAffine(planes, home, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        expected = share * inverse + (1 - share) * picture[number].permute(1, 2, 0).numpy()
        assert np.abs(given[number].permute(1, 2, 0).numpy() - expected).max() * 255 < 1
    untouched = warped(mask, back(way[:1]), SIZE, "zeros")[0] == 0
    assert untouched.float().mean() > 0.02
    assert torch.equal(given[0] * untouched, picture[0] * untouched)
    assert (given - picture).abs().amax(dim=(1, 2, 3)).min() > 0.1


def test_pasting_back_what_was_cut_out_changes_little_inside_and_nothing_outside(drawn: tuple) -> None:
    picture, points = drawn
    way = onto(points, TEMPLATES["arcface-128"], 256)
    given = pasted(picture, warped(picture, way, 256), way, ellipse(256, 0.3))
    assert (given - picture).abs().mean() * 255 < 0.5


def test_colours_match_as_by_scikit_image(drawn: tuple) -> None:
    image, _ = drawn
    face, like = image[:2] * 0.6 + torch.tensor([0.2, 0.05, 0.1])[:, None, None], image[2:]
    mask = ellipse(SIZE, 0.3)
    given = matched(face, like, mask)
    weight = mask[0, 0].numpy().astype(float)
    weight = (weight / weight.sum())[..., None]
    for mine, own, other in zip(given, face, like, strict=True):
        labs = [rgb2lab(one.permute(1, 2, 0).numpy().astype(float)) for one in (own, other)]
        means = [(one * weight).sum((0, 1)) for one in labs]
        spreads = [np.sqrt(((one - mean) ** 2 * weight).sum((0, 1))) for one, mean in zip(labs, means, strict=True)]
        moved = (labs[0] - means[0]) / spreads[0] * spreads[1] + means[1]
        with warnings.catch_warnings():
            # Of colours that no screen has, which both clip.
            warnings.simplefilter("ignore")
            expected = lab2rgb(moved)
        assert np.abs(mine.permute(1, 2, 0).numpy() - expected).mean() * 255 < 1


@pytest.mark.parametrize("scale", [1.0, 0.05, 1e-3])
def test_lab_is_kornia_s(scale: float) -> None:
    """Far below a level, in the dark too, and in colours that no screen has."""
    image = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(1)) * scale
    constant = torch.tensor([16.0, 0.0, 0.0])[:, None]
    expected = rgb_to_lab(image).flatten(2) + constant
    assert (lab.of(image.flatten(2)) - expected).abs().max() < 1e-3
    stretch, shift = torch.tensor([[1.1], [1.8], [0.4]]), torch.tensor([[-3.0], [4.0], [-30.0]])
    moved = (expected * stretch + shift - constant).view_as(image)
    given = lab.back(expected, stretch.expand(2, -1, -1), shift.expand(2, -1, -1))
    assert (given - lab_to_rgb(moved).flatten(2)).abs().max() * 255 < 0.05


def test_how_many_are_matched_at_once_changes_nothing(drawn: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    face, _ = drawn
    whole = [matched(face, face.roll(1, 0), mask) for mask in (box(SIZE, 0.3), box(SIZE, 0.3).expand(4, -1, -1, -1))]
    monkeypatch.setattr("ftbench_faces.colours.AT_ONCE", 3 * SIZE**2 * 3)
    for expected in whole:
        assert torch.allclose(matched(face, face.roll(1, 0), box(SIZE, 0.3)), expected, atol=1e-6)


def test_a_flat_face_is_moved_and_not_stretched() -> None:
    face, like = torch.full((1, 3, 16, 16), 0.3), torch.rand(1, 3, 16, 16)
    given = matched(face, like, torch.ones(1, 1, 16, 16))
    assert given.std(dim=(2, 3)).max() < 0.01
    assert given.isfinite().all()


def test_gradients_reach_picture_and_face() -> None:
    picture, face = (torch.rand(1, 3, 20, 20, requires_grad=True) for _ in range(2))
    way = onto(crop_points(20), TEMPLATES["arcface-112"], 20)
    pasted(picture, matched(face, picture.detach(), box(20, 0.3)), way, box(20, 0.3)).sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    assert face.grad is not None
    assert face.grad.abs().sum() > 0
