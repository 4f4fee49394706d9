"""Chains: the steps one by one, their gradients, and what a benchmark file may say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import RECORDS, distortion, picture, seeded

from ftbench.benchfile.document import parse
from ftbench.benchfile.reference import Reference
from ftbench.parts.catalogue import Plugins
from ftbench.plan.resolve import Resolver
from ftbench.testing import check

EVERY = [name for name in RECORDS if name != "chain"]
STEPS: list[dict[str, Any]] = [
    {"name": "crop", "keep": 0.5},
    {"name": "gaussian-noise", "sigma": 0.05},
    {"name": "jpeg", "quality": 30},
    {"name": "erase", "share": 0.2},
]


@pytest.mark.parametrize("size", [(2, 64, 64), (1, 33, 47)])
def test_a_chain_is_its_steps_one_by_one(size: tuple[int, int, int]) -> None:
    image = picture(*size)
    together, apart = seeded(), seeded()
    out = distortion("chain", steps=STEPS)(image, together)
    by_hand = image
    for step in STEPS:
        given = {key: value for key, value in step.items() if key != "name"}
        by_hand = distortion(step["name"], **given)(by_hand, apart)
    assert torch.equal(out, by_hand)
    assert torch.equal(together.get_state(), apart.get_state())
    assert not torch.equal(out, distortion("chain", steps=STEPS[::-1])(image, seeded()))


def test_by_itself_it_shrinks_and_stores() -> None:
    image = picture()
    shrunk = distortion("resize", scale=0.5)(image, seeded())
    assert torch.equal(distortion("chain")(image, seeded()), distortion("jpeg", quality=50)(shrunk, seeded()))


@pytest.mark.parametrize("name", EVERY)
def test_every_other_distortion_can_be_a_step_by_its_bare_name(name: str) -> None:
    image = picture(1, 33, 47)
    assert torch.equal(distortion("chain", steps=[name])(image, seeded()), distortion(name)(image, seeded()))


def test_the_gradient_passes_straight_through_a_file_and_truly_through_the_rest() -> None:
    """With the file in between, the gradient is that of the other steps alone."""
    image = picture().clamp(0.2, 0.8)
    weight = torch.randn(image.shape, generator=seeded(9))
    gradients = []
    for steps in ([STEPS[0], STEPS[2], STEPS[3]], [STEPS[0], STEPS[3]]):
        leaf = image.clone().requires_grad_()
        (distortion("chain", steps=steps)(leaf, seeded()) * weight).sum().backward()
        gradients.append(leaf.grad)
    assert gradients[0] is not None
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("steps", [STEPS, ["webp", "poisson-noise", "posterize"], ["overlay-text", "perspective"]])
def test_chains_keep_the_contract(steps: list[Any]) -> None:
    check(RECORDS["chain"], steps=steps)


def test_parameters_are_plain_with_their_defaults_filled_in() -> None:
    model = RECORDS["chain"].parameters
    made = model.model_validate({"steps": ["jpeg", {"name": "rotation", "angle": 5}]})
    written = json.loads(json.dumps(dict(made)))
    assert written == {"steps": [{"name": "jpeg", "quality": 50}, {"name": "rotation", "angle": 5, "outside": "black"}]}
    assert model.model_validate(written) == made
    assert model.model_validate_json(made.model_dump_json()) == made


def test_the_schema_names_every_step_with_its_bounds() -> None:
    schema = RECORDS["chain"].parameters.model_json_schema()
    assert schema["$defs"]["JpegStep"]["properties"]["quality"]["maximum"] == 100
    assert set(schema["properties"]["steps"]["items"]["discriminator"]["mapping"]) == set(EVERY)


@pytest.mark.parametrize(
    ("steps", "line", "said"),
    [
        ("[{name: resize}, {name: jpeg, quality: 101}]", 4, "steps.1.quality must be at most 100, got 101"),
        ("[{name: resize, scal: 0.5}]", 4, "steps.0 has no key scal; did you mean scale?"),
        ("[resize, {name: jpg}]", 4, "got 'jpg'; did you mean jpeg?"),
        ("[{name: median-blur, kernel: 4}]", 4, "steps.0.kernel: 4 is even"),
        ("[{name: jpeg, quality: [10, 50]}]", 4, "steps.0.quality must be a whole number, got a list of 2"),
        ("[{name: chain, steps: [jpeg]}]", 4, "steps.0.name must be one of"),
        ("[{quality: 50}]", 4, "steps.0 lacks the key name"),
        ("[jpeg, 3]", 4, "steps.1 must be a mapping, got 3"),
        ("[]", 4, "steps must have at least 1 entry"),
        ("jpeg", 4, "steps must be a list, got 'jpeg'"),
        ("\n        - jpeg\n        - {name: resize, scale: 2.0}", 6, "steps.1.scale must be at most 1, got 2.0"),
    ],
)
def test_what_is_wrong_with_a_step_is_one_sentence_with_its_place(
    steps: str, line: int, said: str, plugins: Plugins
) -> None:
    text = f"evaluate:\n  distortions:\n    - name: chain\n      steps: {steps}\n"
    document = parse(text, "own.yaml")
    resolver = Resolver(plugins, document, Path(), ["MIT"])
    reference = Reference.model_validate(document.data["evaluate"]["distortions"][0])
    assert resolver.part("distortion", reference, ("evaluate", "distortions", 0)) is None
    (problem,) = resolver.problems
    assert problem.startswith(f"own.yaml, line {line}: evaluate.distortions.0.steps")
    assert said in problem
    assert "\n" not in problem
