"""The witnesses of edits and of synthesis, before fakes whose effect is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

import ftbench
from ftbench.data.images import Data, Images, choose
from ftbench.errors import BadInput
from ftbench.pipeline.stages import SimulatorStage
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_deepfakes.attribute_editor import AttributeEditor
from ftbench_deepfakes.attributes import ATTRIBUTES, Attribute
from ftbench_deepfakes.witness import attribute as of_attribute
from ftbench_deepfakes.witness import synthesis as of_synthesis
from ftbench_deepfakes.witness.fakes import fakes_of


@pytest.fixture(scope="module")
def data() -> Data:
    return choose(ProceduralFaces(identities=40, images_per_identity=14, seed=5), 32, None, None, "test")


@pytest.fixture(scope="module")
def train(data: Data) -> Images:
    return data.split("train")


@pytest.fixture(scope="module")
def test(data: Data) -> Images:
    return data.split("test", 80)


@pytest.fixture(scope="module", autouse=True)
def taught_once() -> Iterator[None]:
    """Each witness is taught once for all tests of this file: the teaching hangs on nothing that they vary."""
    with pytest.MonkeyPatch.context() as patch:
        for module, arguments in ((of_attribute, 1), (of_synthesis, 0)):
            patch.setattr(module, "_taught", _remembered(module._taught, arguments))
        yield


def _remembered(teach: Callable[..., nn.Module], argument: int) -> Callable[..., nn.Module]:
    known: dict[Any, nn.Module] = {}

    def teach_once(*given: Any) -> nn.Module:
        key = given[argument] if argument else None
        if key not in known:
            known[key] = teach(*given)
        return known[key]

    return teach_once


class Mirror(nn.Module):
    """A painter that knows no shift: a mirrored face has its light on the other side."""

    def forward(self, image: Tensor, shift: Tensor) -> Tensor:
        return image.flip(-1)


class Still(nn.Module):
    def forward(self, image: Tensor, shift: Tensor) -> Tensor:
        return image.clone()


def attack(network: Any, **more: Any) -> SimulatorStage:
    record = ftbench.Simulator(
        name="known", factory="a:b", summary="a fake of known effect", differentiable=True, trainable=False, **more
    )
    return SimulatorStage(record, network)


def editor(painter: nn.Module, attribute: Attribute, train: Images, towards: Any = "other") -> SimulatorStage:
    network = AttributeEditor(painter, attribute=attribute, towards=towards, amount=1.0)
    # What it takes for the middle comes from the train split.
    network.train().fit_loss(train.covers(torch.arange(len(train)), "cpu"), {}, torch.Generator())
    return attack(network.eval())


def lightness(images: Images) -> np.ndarray:
    return rgb2lab(images.pixels.permute(0, 2, 3, 1).numpy())


def test_attributes_are_measured_in_cielab(test: Images) -> None:
    lab = lightness(test)
    crown, cheeks, middle = lab[:, 1:4, 10:22], lab[:, 15:20, 10:22], lab[:, 8:24, 9:23]
    median = np.median(cheeks, axis=(1, 2))
    hair = np.median(crown[..., 0], axis=(1, 2)) - median[:, 0]
    assert np.allclose(of_attribute.standing(test, "hair"), hair, atol=0.1)
    skin = np.degrees(np.arctan2(median[:, 0] - 50, np.maximum(median[:, 2], 1)))
    assert np.allclose(of_attribute.standing(test, "skin"), skin, atol=0.5)
    rows, columns = np.mgrid[0:16, 0:14]
    design = np.stack([columns.ravel(), rows.ravel(), np.ones(224)], axis=1)
    slopes = [np.linalg.lstsq(design, face[..., 0].ravel(), rcond=None)[0][0] for face in middle]
    assert np.allclose(of_attribute.standing(test, "light"), -np.array(slopes), atol=0.01)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_the_classifier_knows_real_faces_and_is_not_taken_in(attribute: Attribute, train: Images, test: Images) -> None:
    verdict = of_attribute.examine(editor(Still(), attribute, train), train, test, steps=60, seed=0)
    assert verdict.witness_accuracy > 0.85
    assert verdict.n == 80
    assert verdict.confirmed == round(verdict.chance * 80)
    assert verdict.chance < 0.35
    assert not verdict.holds


def test_a_mirrored_face_is_lit_from_the_other_side(train: Images, test: Images) -> None:
    verdict = of_attribute.examine(editor(Mirror(), "light", train), train, test, steps=60, seed=0)
    assert verdict.holds
    assert verdict.simulator == "known"
    always = of_attribute.examine(editor(Mirror(), "light", train, "more"), train, test, steps=60, seed=0)
    assert abs(always.chance - 0.5) < 0.25
    assert not always.holds


def test_only_editors_are_judged_for_attributes(train: Images, test: Images) -> None:
    with pytest.raises(BadInput, match="edits no attribute"):
        of_attribute.examine(attack(lambda image, inputs: image), train, test, steps=1, seed=0)


def coarse(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    small = nn.functional.avg_pool2d(image, 3, 2, 1)
    return nn.functional.interpolate(small, scale_factor=2, mode="bilinear")


def noise(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return torch.rand_like(image)


def gently(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return (image + 0.02 * torch.randn_like(image)).clamp(0, 1)


def test_a_synthesis_is_far_and_still_the_person(train: Images, test: Images) -> None:
    # At this quality a coarse copy stands for a repainted picture.
    assert peak_signal_noise_ratio(test.pixels[0].numpy(), coarse8(test)) < 28
    found = of_synthesis.examine(attack(coarse), train, test, steps=100, seed=0)
    assert found.witness_accuracy > 0.8
    assert found.holds
    assert found.chance == 0


def coarse8(images: Images) -> np.ndarray:
    fake = coarse(images.covers(torch.tensor([0]), "cpu"), {})[0]
    return (fake * 255).round().byte().numpy()


@pytest.mark.parametrize(
    ("fake", "needs"),
    [
        (noise, ()),
        (gently, ()),
        (lambda image, inputs: image.clone(), ()),
        (lambda image, inputs: inputs["donor"], ("donor",)),
    ],
    ids=["noise", "too near", "unchanged", "somebody else"],
)
def test_what_is_no_synthesis(fake: Any, needs: tuple[str, ...], train: Images, test: Images) -> None:
    verdict = of_synthesis.examine(attack(fake, needs=needs, deterministic=False), train, test, steps=50, seed=0)
    assert verdict.confirmed <= 0.15 * verdict.n
    assert not verdict.holds


def test_fakes_lie_in_the_covers_order_and_leave_the_global_generator(test: Images) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    made = fakes_of(attack(lambda image, inputs: 1 - image), test, seed=0)
    assert torch.equal(torch.rand(1), expected)
    assert torch.allclose(made, 1 - test.pixels.float() / 255, atol=1e-6)
    drawn = [fakes_of(attack(noise, deterministic=False), test, seed) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0][:8], drawn[0][64:72])
