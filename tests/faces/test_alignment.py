"""Similarities and warps against scikit-image and OpenCV, and the way back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from skimage.transform import SimilarityTransform, warp

from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_faces.similarity import back, between, carried, crop_points, in_pixels, onto, scale_of
from ftbench_faces.templates import TEMPLATES
from ftbench_faces.warp import warped

SIZE = 160


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
    """Drawn faces: uint8 (4,h,w,3), the same as tensors, and where their five points are, in pixels."""
    source = ProceduralFaces(identities=2, images_per_identity=2, seed=3)
    pixels = np.stack([source.load(item, SIZE) for item in source.items])
    shares = torch.from_numpy(np.stack([source.landmarks(item) for item in source.items]))
    return pixels, torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, in_pixels(shares, SIZE)


def test_a_similarity_is_scikit_image_s() -> None:
    random = np.random.default_rng(0)
    points = random.uniform(0, 300, (20, 5, 2))
    for template in TEMPLATES.values():
        ways = onto(torch.from_numpy(points), template, template.side)
        for own, way in zip(points, ways, strict=True):
            theirs = SimilarityTransform.from_estimate(own, np.array(template.points) * template.side)
            assert np.allclose(way.numpy(), theirs.params[:2], atol=1e-9)
            assert scale_of(way[None]).item() == pytest.approx(theirs.scale)


@pytest.mark.parametrize(
    ("name", "side"), [(name, one.side) for name, one in TEMPLATES.items()] + [("arcface-128", 256)]
)
def test_a_warp_is_opencv_s_and_scikit_image_s_to_a_level(drawn: tuple, name: str, side: int) -> None:
    pixels, image, points = drawn
    ways = onto(points, TEMPLATES[name], side)
    given = warped(image, ways, side).permute(0, 2, 3, 1).numpy() * 255
    for picture, way, mine in zip(pixels, ways.numpy(), given, strict=True):
        theirs = cv2.warpAffine(picture, way, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        assert np.abs(mine - theirs).max() < 1
        inverse = SimilarityTransform(matrix=np.vstack([way, [0, 0, 1]])).inverse
        exact = warp(picture.astype(float), inverse, output_shape=(side, side), order=1, mode="edge")
        assert np.abs(mine - exact).max() < 0.05


def test_a_face_lies_where_the_template_has_it_and_comes_back_where_it_was(drawn: tuple) -> None:
    _, _, points = drawn
    template = TEMPLATES["ffhq-512"]
    way = onto(points, template, 512)
    there = carried(points, way)
    assert (there - torch.tensor(template.points, dtype=torch.float64) * 512).norm(dim=2).mean() < 25
    assert torch.allclose(carried(there, back(way)), points, atol=1e-9)


def test_the_picture_comes_back_inside_to_two_levels(drawn: tuple) -> None:
    # What is finer than the pixels of the two grids is lost in them, whoever reads them: so a picture without it.
    _, image, points = drawn
    soft = torch.nn.functional.avg_pool2d(image, 9, 1, 4, count_include_pad=False)
    soft = torch.nn.functional.avg_pool2d(soft, 9, 1, 4, count_include_pad=False)
    for name in ("arcface-128", "ffhq-512", "mtcnn-512"):
        side = TEMPLATES[name].side
        way = onto(points, TEMPLATES[name], side)
        again = warped(warped(soft, way, side), back(way), SIZE)
        inside = warped(torch.ones(len(way), 1, side - 4, side - 4), back(way) @ _moved(2), SIZE, "zeros") > 0.999
        assert ((again - soft).abs() * inside).max() * 255 < 2, name
        assert inside.float().mean() > 0.3


def test_it_is_differentiable_in_the_picture() -> None:
    image = torch.rand(1, 2, 9, 9, dtype=torch.float64, requires_grad=True)
    way = onto(crop_points(9), TEMPLATES["arcface-112"], 7)
    assert torch.autograd.gradcheck(lambda one: warped(one, way, 7), (image,))


def test_one_way_serves_a_batch_and_nothing_lies_beyond_with_zeros() -> None:
    image = torch.rand(3, 3, 32, 32)
    way = onto(crop_points(32), TEMPLATES["arcface-128"], 48)
    assert torch.equal(warped(image, way, 48), warped(image, way.expand(3, -1, -1), 48))
    far = torch.tensor([[[1.0, 0, 100], [0, 1, 100]]], dtype=torch.float64)
    assert not warped(image, far, 48, "zeros").any()
    assert torch.allclose(warped(image, far, 48)[..., 0, 0], image[..., 0, 0])


@pytest.mark.parametrize("points", [torch.ones(1, 5, 2), torch.full((1, 5, 2), torch.nan)])
def test_points_that_give_no_similarity_are_refused(points: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="lie in one place, or are no numbers"):
        between(points.double(), torch.rand(1, 5, 2, dtype=torch.float64))


def _moved(pixels: int) -> torch.Tensor:
    """What puts a smaller picture ``pixels`` inside a larger one's corner, before a way that takes it further."""
    return torch.tensor([[[1.0, 0, pixels], [0, 1, pixels], [0, 0, 1]]], dtype=torch.float64)
