"""What every distortion promises, at its default and at its harshest."""

from __future__ import annotations

import subprocess
import sys

import pydantic
import pytest
import torch
from damage import RECORDS, at_strength, distortion, picture, seeded

from ftbench.testing import check

NEUTRAL = {
    "gaussian-blur": 0.0,
    "median-blur": 1,
    "box-blur": 1,
    "motion-blur": 1,
    "sharpness": 1.0,
    "pixelate": 1,
    "gaussian-noise": 0.0,
    "speckle": 0.0,
    "salt-and-pepper": 0.0,
    "resize": 1.0,
    "crop": 1.0,
    "rotation": 0.0,
    "perspective": 0.0,
    "translation": 0.0,
    "collage": 1.0,
    "brightness": 1.0,
    "contrast": 1.0,
    "saturation": 1.0,
    "hue": 0.0,
    "gamma": 1.0,
    "grayscale": 0.0,
    "posterize": 8,
    "dropout": 0.0,
    "erase": 0.0,
}
HARSH = {
    "jpeg": 1,
    "jpeg-simulated": 1,
    "webp": 0,
    "gaussian-blur": 16.0,
    "median-blur": 17,
    "box-blur": 31,
    "motion-blur": 31,
    "sharpness": 20.0,
    "pixelate": 64,
    "gaussian-noise": 1.0,
    "speckle": 2.0,
    "poisson-noise": 1.0,
    "salt-and-pepper": 1.0,
    "resize": 0.01,
    "crop": 0.001,
    "rotation": -180.0,
    "perspective": 0.3,
    "translation": 0.5,
    "collage": 0.01,
    "brightness": 4.0,
    "contrast": 4.0,
    "saturation": 4.0,
    "hue": -0.5,
    "gamma": 0.1,
    "grayscale": 1.0,
    "posterize": 1,
    "dropout": 1.0,
    "erase": 1.0,
    "overlay-text": 1.0,
    "social-network": 1,
    "screenshot": 1.0,
}
OUT_OF_BOUNDS = {
    "jpeg": (0, 101, 50.5),
    "jpeg-simulated": (0, 101),
    "webp": (-1, 101),
    "gaussian-blur": (-1.0, 17.0),
    "median-blur": (4, 19),
    "box-blur": (2, 33),
    "motion-blur": (6, 33),
    "sharpness": (-0.1, 21.0),
    "pixelate": (0, 65),
    "gaussian-noise": (-0.1, 1.5),
    "speckle": (-0.1, 2.5),
    "poisson-noise": (0.5, 1e7),
    "salt-and-pepper": (-0.1, 1.2),
    "resize": (0.0, 1.1),
    "crop": (0.0, 1.1),
    "rotation": (-181.0, 181.0),
    "perspective": (-0.1, 0.31),
    "translation": (-0.1, 0.6),
    "collage": (0.0, 1.1),
    "brightness": (-0.5, 5.0),
    "contrast": (-0.5, 5.0),
    "saturation": (-0.5, 5.0),
    "hue": (-0.6, 0.6),
    "gamma": (0.05, 11.0),
    "grayscale": (-0.1, 1.1),
    "posterize": (0, 9),
    "dropout": (-0.1, 1.1),
    "erase": (-0.1, 1.1),
    "overlay-text": (0.0, 1.1),
    "social-network": (0, 101, 50.5),
    "screenshot": (-0.1, 1.1),
}
DRAWN = [
    "gaussian-noise",
    "speckle",
    "poisson-noise",
    "salt-and-pepper",
    "crop",
    "perspective",
    "translation",
    "collage",
    "dropout",
    "erase",
    "overlay-text",
    "screenshot",
]
NO_GRADIENT = {"jpeg", "webp", "poisson-noise", "posterize"}
SMOOTH = [name for name in RECORDS if name not in NO_GRADIENT]
THROUGH_FILES = {"chain", "social-network", "screenshot"}
"""What a file lies within, which gradients pass straight through."""


def test_the_family_is_complete_and_its_records_hold_together() -> None:
    without_strength = {"identity", "flip", "chain"}
    assert set(RECORDS) == {*HARSH, *without_strength}
    for record in RECORDS.values():
        fields = record.parameters.model_fields
        assert (record.strength == "") == (record.name in without_strength)
        assert record.strength in {"", *fields}
        assert all(field.description and not field.is_required() for field in fields.values())
    assert {name for name, record in RECORDS.items() if not record.differentiable} == NO_GRADIENT
    categories = ["none", "compression", "blur", "noise", "geometry", "colour", "erasure", "chain"]
    assert list(dict.fromkeys(record.category for record in RECORDS.values())) == categories


@pytest.mark.parametrize("name", RECORDS)
def test_the_contracts_own_checks_pass(name: str) -> None:
    check(RECORDS[name])


@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
def test_a_strength_out_of_bounds_is_refused(name: str) -> None:
    assert set(OUT_OF_BOUNDS) == set(HARSH)
    for strength in OUT_OF_BOUNDS[name]:
        with pytest.raises(pydantic.ValidationError, match=RECORDS[name].strength):
            at_strength(name, strength)


@pytest.mark.parametrize("size", [(1, 33, 47), (2, 16, 16), (3, 64, 40)])
@pytest.mark.parametrize("harsh", [False, True])
@pytest.mark.parametrize("name", RECORDS)
def test_contract(name: str, harsh: bool, size: tuple[int, int, int]) -> None:
    image = picture(*size)
    kept = image.clone()
    apply = at_strength(name, HARSH.get(name) if harsh else None)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = apply(image, seeded())
    assert torch.equal(torch.get_rng_state(), state), "it draws from the global generator"
    torch.manual_seed(2)
    again = apply(image, seeded())
    assert first.shape == image.shape
    assert first.dtype == image.dtype
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again), "the draw does not hang on the generator alone"
    assert torch.equal(image, kept), "the input was changed"
    first.zero_()
    assert torch.equal(image, kept), "the output shares the input's memory"


@pytest.mark.parametrize("name", DRAWN)
def test_random_distortions_differ_by_seed_and_by_image(name: str) -> None:
    image = picture(1).repeat(2, 1, 1, 1)
    apply = distortion(name)
    differs = [not torch.equal(*apply(image, seeded(seed))) for seed in range(4)]
    assert any(differs)
    assert any(not torch.equal(apply(image, seeded(0)), apply(image, seeded(seed))) for seed in range(1, 4))


@pytest.mark.parametrize("name", [name for name in RECORDS if name not in DRAWN])
def test_the_others_draw_nothing(name: str) -> None:
    generator = seeded()
    distortion(name)(picture(), generator)
    assert torch.equal(generator.get_state(), seeded().get_state())


@pytest.mark.parametrize("size", [(2, 64, 64), (1, 33, 47)])
@pytest.mark.parametrize("name", NEUTRAL)
def test_the_neutral_strength_changes_nothing(name: str, size: tuple[int, int, int]) -> None:
    image = picture(*size)
    out = at_strength(name, NEUTRAL[name])(image, seeded())
    torch.testing.assert_close(out, image, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in THROUGH_FILES])
def test_the_gradient_is_the_slope_of_what_happens(name: str) -> None:
    """The directional derivative against a central difference, in float64, away from the clipping."""
    rng = seeded(3)
    image = 0.3 + 0.4 * torch.rand(2, 3, 20, 24, generator=rng, dtype=torch.float64)
    direction, weight = torch.randn(2, *image.shape, generator=rng, dtype=torch.float64)
    apply = distortion(name)

    def score(at: torch.Tensor) -> torch.Tensor:
        return (apply(at, seeded()) * weight).sum()

    leaf = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf), leaf)
    step = 1e-7
    slope = (score(image + step * direction) - score(image - step * direction)) / (2 * step)
    assert slope.abs() > 1e-3
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_images_give_finite_gradients(name: str, level: float) -> None:
    leaf = torch.full((1, 3, 16, 16), level, requires_grad=True)
    distortion(name)(leaf, seeded()).sum().backward()
    assert leaf.grad is not None
    assert torch.isfinite(leaf.grad).all()


@pytest.mark.parametrize("name", sorted(NO_GRADIENT))
def test_what_has_no_gradient_takes_an_input_that_wants_one(name: str) -> None:
    assert not distortion(name)(picture().requires_grad_(), seeded()).requires_grad


def test_listing_imports_no_torch_and_nothing_warns_from_the_first_import_on() -> None:
    script = """
import sys
from ftbench_distortions.plugin import ftbench_distortions
records = list(ftbench_distortions())
assert not {"torch", "numpy", "kornia", "PIL"} & set(sys.modules)
import torch
for record in records:
    record.load()(**dict(record.parameters()))(torch.rand(1, 3, 33, 47), torch.Generator())
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=120)
