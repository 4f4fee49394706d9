"""The witness of poses: turns against scipy's rotations, drawn faces of known yaw, and fakes whose verdict is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from scipy.stats import spearmanr
from skimage.transform import SimilarityTransform, warp
from torch import Tensor, nn

from ftbench.data.images import Images, choose
from ftbench.errors import BadInput
from ftbench.pipeline.stages import SimulatorStage
from ftbench_datasets.procedural.genes import person
from ftbench_datasets.procedural.shot import shot
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_datasets.procedural.view import look
from ftbench_deepfakes.records.reenactment import RECORDS
from ftbench_deepfakes.witness import pose
from ftbench_deepfakes.witness.turning import CENTRE, LANDMARKS, RADII, turned

Fake = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


SEED, SIZE, STEPS = 1, 32, 200


@cache
def drawn(split: str) -> Images:
    """Drawn faces, aligned as photos are: by where their eyes, nose and mouth are known to be."""
    source = ProceduralFaces(identities=20, images_per_identity=20, seed=SEED)
    images = choose(source, 2 * SIZE, None, None, "test").split(split)
    aligned = [_aligned(pixels, *_numbers(name)) for pixels, name in zip(images.pixels, images.names, strict=True)]
    return replace(images, pixels=torch.stack(aligned))


def _numbers(name: str) -> tuple[int, int]:
    who, index = name.removeprefix("person-").split("/")
    return int(who), int(index)


def _aligned(pixels: Tensor, who: int, index: int) -> Tensor:
    genes, taken = person(SEED, who), shot(SEED, who, index)
    place = look(genes, taken, 16).place
    eye, mouth = (genes.eye_x, genes.eye_y), (genes.mouth_half, genes.mouth_y)
    surface = [(-eye[0], eye[1]), eye, (0.0, genes.nose_y), (-mouth[0], mouth[1]), mouth]
    upright = np.array([place.project(*point) for point in surface])
    cos, sin = np.cos(taken.roll), np.sin(taken.roll)
    seen = np.array(taken.centre) + taken.scale * upright @ np.array([[cos, sin], [-sin, cos]])
    wanted = np.array(LANDMARKS) + CENTRE
    back = SimilarityTransform.from_estimate(wanted * SIZE - 0.5, seen * 2 * SIZE - 0.5)
    image = pixels.permute(1, 2, 0).numpy() / 255
    warped = warp(image, back, output_shape=(SIZE, SIZE), order=1, mode="reflect")
    return torch.from_numpy((warped * 255).round().astype(np.uint8)).permute(2, 0, 1)


@cache
def regressor() -> nn.Module:
    return pose.taught(drawn("train"), steps=STEPS, seed=0)


def attack(fake: Fake) -> SimulatorStage:
    return SimulatorStage(RECORDS[0], fake)


def test_no_turn_changes_nothing_and_mirror_images_turn_the_other_way() -> None:
    photos = drawn("test").covers(torch.arange(4), "cpu")
    assert torch.allclose(turned(photos, torch.zeros(4, 2)), photos, atol=1e-4)
    angles = torch.tensor([[0.4, 0.1], [-0.3, 0.2], [0.1, -0.3], [0.5, 0.0]])
    assert (turned(photos, angles) - photos).abs().mean() > 0.01
    mirrored = turned(photos.flip(3), angles * torch.tensor([-1.0, 1.0])).flip(3)
    assert torch.allclose(turned(photos, angles), mirrored, atol=1e-4)


@pytest.mark.parametrize("angles", [(0.5, 0.0), (-0.35, 0.2), (0.1, -0.3)])
@pytest.mark.parametrize("spot", [(0.0, 0.05), (0.12, -0.08), (-0.08, 0.15)])
def test_a_spot_goes_where_scipys_rotation_takes_it(angles: tuple[float, float], spot: tuple[float, float]) -> None:
    """A spot on the ellipsoid, rotated, seen from the front, and aligned by five points as scikit-image fits them."""

    def rotated(point: tuple[float, float]) -> np.ndarray:
        x, y = point[0] / RADII[0], point[1] / RADII[1]
        on_sphere = np.array([x, y, np.sqrt(1 - x**2 - y**2)])
        # About the axis that points down, x moves towards z; about the other one z moves towards y.
        turn = Rotation.from_euler("yx", [angles[0], -angles[1]])
        seen: np.ndarray = turn.apply(on_sphere)[:2] * RADII
        return seen

    usual, after = np.array(LANDMARKS), np.array([rotated(point) for point in LANDMARKS])
    aligned = SimilarityTransform.from_estimate(after, usual)
    expected = aligned(rotated(spot)[None])[0] + CENTRE

    size = 128
    at = (np.arange(size) + 0.5) / size - CENTRE[0]
    dot = np.exp(-((at[None, :] - spot[0]) ** 2 + (at[:, None] - spot[1]) ** 2) / (2 * 0.02**2))
    picture = torch.from_numpy(dot).float()[None, None].expand(1, 3, -1, -1)
    weight = turned(picture, torch.tensor([angles]))[0, 0].numpy() ** 2
    columns, rows = np.meshgrid((np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size)
    found = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    assert np.allclose(found, expected, atol=0.006)


def test_drawn_faces_are_seen_to_have_the_yaw_that_nobody_told() -> None:
    """Taught on turns of drawn faces without their labels, the regressor tells the yaw they were drawn with."""
    test = drawn("test")
    yaw = np.array([shot(SEED, *_numbers(name)).yaw for name in test.names])
    seen = pose.poses(regressor(), test.covers(torch.arange(len(test)), "cpu"))[:, 0].numpy()
    assert len(yaw) > 50
    assert spearmanr(yaw, seen).statistic > 0.7
    assert pose.sight(regressor(), test, 0).right > 0.8


def examined(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> tuple[float, str]:
    # Taught before it is replaced: otherwise the first caller would teach itself without end.
    teacher = regressor()
    monkeypatch.setattr(pose, "taught", lambda *_, **__: teacher)
    verdict = pose.examine(attack(fake), drawn("train"), drawn("test"), steps=1, seed=0)
    assert verdict.chance == 0
    assert 0 < verdict.n <= len(drawn("test"))
    return verdict.confirmed / verdict.n, verdict.note


def test_who_takes_the_drivers_pose_is_told_from_who_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    share, note = examined(lambda _, inputs: inputs["donor"], monkeypatch)
    assert share == 1
    assert "left out" in note
    assert examined(lambda image, _: image, monkeypatch)[0] == 0
    # Of another face's driver some are near by luck.
    assert examined(lambda _, inputs: inputs["donor"].roll(1, 0), monkeypatch)[0] < 0.7


def test_moving_a_face_about_is_no_pose(monkeypatch: pytest.MonkeyPatch) -> None:
    shifted, _ = examined(lambda image, _: image.roll((1, -1), (2, 3)), monkeypatch)
    assert shifted < 0.2


def test_a_simulator_without_a_driver_cannot_be_judged() -> None:
    from ftbench_faketagger.plugin import ftbench_simulators

    swap = next(iter(ftbench_simulators()))
    with pytest.raises(BadInput, match="takes no donor"):
        pose.examine(SimulatorStage(swap, lambda image, _: image), drawn("train"), drawn("test"), steps=1, seed=0)
