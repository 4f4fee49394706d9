"""The swap without a network: where faces go, what stays, and whose face it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.transform import PiecewiseAffineTransform, warp

from ftbench.parts.catalogue import Plugins
from ftbench.testing import check
from ftbench.testing.tiny import run
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_faces.graphics import _laid, outline
from ftbench_faces.similarity import in_pixels
from ftbench_simulators.swap_graphics import SwapGraphics

SIZE = 128


@pytest.fixture(scope="module")
def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    source = ProceduralFaces(identities=4, images_per_identity=1, seed=0)
    pixels = np.stack([source.load(item, SIZE) for item in source.items])
    points = np.stack([source.landmarks(item) for item in source.items])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255, torch.from_numpy(points)


def swap(image: torch.Tensor, points: torch.Tensor, donor: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    given = {"donor": donor, "landmarks": points, "donor_landmarks": theirs}
    return SwapGraphics(size=SIZE, reach=1.0)(image, given)


def test_triangles_are_carried_as_by_scikit_image(drawn: tuple) -> None:
    image, points = drawn
    own = outline(in_pixels(points, SIZE))
    face, mask = _laid(image[1], own[1], own[0])
    theirs = PiecewiseAffineTransform.from_estimate(own[0].numpy(), own[1].numpy())
    expected = warp(image[1].permute(1, 2, 0).numpy(), theirs, order=1, mode="edge")
    # Just inside the hull: on its very edge each library has its own opinion of what belongs to it.
    inside = torch.nn.functional.avg_pool2d(mask, 3, 1, 1) > 0.999
    apart = (face - torch.from_numpy(expected).permute(2, 0, 1)).abs() * inside
    # OpenCV reads at thirty-seconds of a pixel.
    assert apart.max() * 255 < 6
    assert apart.mean() * 255 < 0.1
    assert 0.05 < mask.mean() < 0.4


def test_a_face_on_itself_is_itself(drawn: tuple) -> None:
    image, points = drawn
    assert (swap(image, points, image, points) - image).abs().max() * 255 < 3


def test_the_face_is_the_donor_s_and_the_rest_is_left_alone(drawn: tuple) -> None:
    image, points = drawn
    donor, theirs = image.roll(1, 0), points.roll(1, 0)
    fake = swap(image, points, donor, theirs)
    own = outline(in_pixels(points, SIZE))
    for number in range(len(image)):
        face, mask = _laid(donor[number], outline(in_pixels(theirs, SIZE))[number], own[number])
        left = (fake[number] - image[number]).abs() * (1 - mask)
        assert left.max() == 0
        # Edges are the donor's, whatever became of the colours: gradients agree with theirs, not with one's own.
        inner = torch.nn.functional.avg_pool2d(mask, 15, 1, 7, count_include_pad=False) > 0.999
        like = [_alike(fake[number], other, inner) for other in (face, image[number])]
        assert like[0] > 0.5
        assert like[0] > like[1] + 0.2


def _alike(one: torch.Tensor, other: torch.Tensor, where: torch.Tensor) -> float:
    steps = [part.mean(0).diff(dim=1)[:, :][where[0][:, 1:]] for part in (one, other)]
    return float(torch.corrcoef(torch.stack(steps))[0, 1])


def test_it_keeps_the_contract(plugins: Plugins) -> None:
    check(plugins.find("simulator", "swap-graphics").record, size=64)


def test_small_pictures_are_refused_while_planning(plugins: Plugins) -> None:
    record = plugins.find("simulator", "swap-graphics").record
    assert "needs 32 px or more, not 16" in (record.object_to(record.parameters(), size=16) or "")


def test_from_a_benchmark_to_a_table(tmp_path) -> None:
    main = run({"matrix": {"simulator": "none"}, "evaluate": {"simulators": ["none", "swap-graphics"]}}, tmp_path)
    assert len(main) == 1
