"""The witness of identity swaps: it must tell people apart whom it never saw, and fall for nothing less than a swap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor

import ftbench
from ftbench.data.images import Images
from ftbench.pipeline.stages import SimulatorStage
from ftbench_deepfakes.swap_region import FaceRegion
from ftbench_deepfakes.witness.identity import _mean_over_others, _pulls, examine, inner_face, learn
from ftbench_deepfakes.witness.verdict import Verdict
from tests.deepfakes.drawn_people import drawn

TAKES = ftbench.Simulator(
    name="takes", factory="x:x", summary="x", differentiable=True, trainable=False, needs=("donor",)
)
STEPS = 40


def photos() -> tuple[Images, Images]:
    """Of people to learn from, and of others."""
    return drawn(people=40, each=8, seed=0).images, drawn(people=10, each=8, seed=7).images


def found(network: object) -> Verdict:
    train, test = photos()
    return examine(SimulatorStage(TAKES, network), train, test, steps=STEPS, seed=0)  # type: ignore[arg-type]


def unchanged(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return image.clone()


def whole_donor(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return inputs["donor"]


def pasted(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    region = FaceRegion(image.shape[-1])
    return region.paste(image, region.cut(inputs["donor"]))


def only_hair(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    region = FaceRegion(image.shape[-1])
    return region.paste(inputs["donor"], region.cut(image))


def test_unchanged_covers_are_its_chance_and_a_donors_picture_its_accuracy() -> None:
    same, whole = found(unchanged), found(whole_donor)
    assert same.n == whole.n == len(photos()[1])
    assert same.confirmed == round(same.chance * same.n)
    assert same.confirmed_share.value < 0.2
    assert same.witness_accuracy > 0.8
    assert whole.confirmed == round((2 * whole.witness_accuracy - (1 - whole.chance)) * whole.n)
    assert not same.holds


def test_a_face_convinces_it_and_hair_does_not() -> None:
    # Drawn people are told by hair and build as much as by what lies within the ellipse.
    assert found(pasted).confirmed_share.value > 0.65
    assert found(only_hair).confirmed_share.value < 0.3


def test_light_and_colour_convince_nobody() -> None:
    def tinted(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        tint = inputs["donor"].mean((2, 3), keepdim=True) - image.mean((2, 3), keepdim=True)
        return (0.7 * image + 0.7 * tint + 0.15).clamp(0, 1)

    assert found(tinted).confirmed_share.value < 0.25


def test_it_learns_from_its_photos_and_nothing_else() -> None:
    train, test = photos()
    first, again, other = (learn(train, 10, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.directions, again.directions)
    assert not np.array_equal(first.directions, other.directions)
    state = torch.random.get_rng_state()
    examine(SimulatorStage(TAKES, whole_donor), train, test, steps=2, seed=0)
    assert torch.equal(state, torch.random.get_rng_state())


def test_two_people_are_the_fewest_it_can_learn_from() -> None:
    with pytest.raises(ValueError, match="two people at least, and 1 are shown"):
        learn(drawn(people=1, each=8, seed=0).images, 2, 0)
    assert learn(drawn(people=2, each=8, seed=0).images, 4, 0).directions.shape[1] == 1


def test_its_directions_are_fishers() -> None:
    train, _ = photos()
    found = learn(train, STEPS, 0).directions
    # Scatters of the photos as they are: what is learned from varied ones must separate them nearly as well as the
    # best that plain photos allow.
    face = inner_face(train.covers(torch.arange(len(train)), "cpu"))
    label = train.identity.numpy()
    means = np.stack([face[label == who].mean(0) for who in np.unique(label)])
    within = np.cov((face - means[np.unique(label, return_inverse=True)[1]]).T)
    between = np.cov(means.T)
    ridge = 0.2 * np.trace(within) / len(within) * np.eye(len(within))

    def worth(direction: np.ndarray) -> float:
        return float(direction @ between @ direction / (direction @ (within + ridge) @ direction))

    best = float(linalg.eigh(between, within + ridge, eigvals_only=True)[-1])
    random = np.random.default_rng(0).normal(size=(found.shape[0], 50))
    assert worth(found[:, 0]) > 10 * np.median([worth(one) for one in random.T])
    assert 0.05 * best < worth(found[:, 0]) <= best * (1 + 1e-9)


def test_the_inner_face_is_level_and_knows_nothing_of_what_is_around() -> None:
    _, test = photos()
    images = test.covers(torch.arange(6), "cpu")
    face = inner_face(images)
    assert np.allclose(face.mean(1), 0)
    assert np.allclose(face.std(1), 1)
    rows, columns = np.mgrid[:32, :32] / 32 + 0.5 / 32
    # An ellipse half a cell of the sampling and a pixel wider than the inner face.
    around = np.hypot((columns - 0.5) / 0.30, (rows - 0.535) / 0.34) > 1
    changed = torch.where(torch.from_numpy(around), 1 - images, images)
    assert np.allclose(inner_face(changed), face, atol=1e-5)


@pytest.mark.parametrize("size", [64, 96])
def test_the_size_of_a_picture_says_little(size: int) -> None:
    small, large = drawn(4, 8, 7, 32), drawn(4, 8, 7, size)
    first, second = inner_face(small.image), inner_face(large.image)
    order = [large.images.keys.index(key) for key in small.images.keys]
    like = (first * second[order]).mean(1)
    assert np.median(like) > 0.9


def test_a_picture_and_its_mirror_image_have_one_code() -> None:
    train, test = photos()
    verifier = learn(train, 10, 0)
    images = test.covers(torch.arange(5), "cpu")
    codes = verifier.codes(images)
    assert np.allclose(codes, verifier.codes(images.flip(3)))
    assert np.allclose(np.linalg.norm(codes, axis=1), 1)


def test_the_pictures_that_went_in_are_no_reference_where_there_are_others() -> None:
    person = np.array([0, 0, 0, 1, 1, 2])
    likeness = np.array([0.9, 0.1, 0.3, 0.5, 0.7, 0.4])
    assert _mean_over_others(likeness, person, 0) == pytest.approx(0.2)
    assert _mean_over_others(likeness, person, 4) == pytest.approx(0.5)
    assert _mean_over_others(likeness, person, 5) == pytest.approx(0.4)
    known = likeness[:, None]
    assert _pulls(np.ones(1), known, person, 0, 4) == pytest.approx(0.3)


def test_a_verdict_is_a_count() -> None:
    verdict = Verdict("x", "y", n=10, confirmed=8, witness_accuracy=0.9, chance=0.1)
    assert verdict.holds
    # Wilson's interval of 8 in 10, from his formula with z = 1.959964.
    assert (verdict.confirmed_share.low, verdict.confirmed_share.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert not Verdict("x", "y", n=10, confirmed=7, witness_accuracy=0.9, chance=0.1).holds
    with pytest.raises(ValueError, match="11 confirmed of 10"):
        Verdict("x", "y", n=10, confirmed=11, witness_accuracy=0.9, chance=0.1)
    with pytest.raises(ValueError, match=r"chance is 1\.5"):
        Verdict("x", "y", n=10, confirmed=1, witness_accuracy=0.9, chance=1.5)
