"""Attribute editing: the measure against faces of known attributes, and editors that do as they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from ftbench.testing import check
from ftbench_datasets.procedural.genes import person
from ftbench_datasets.procedural.shot import shot
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_deepfakes.attribute_editor import END, AttributeEditor, repainted
from ftbench_deepfakes.attributes import ATTRIBUTES, CHEEKS, LEFT, RIGHT, Attribute, measured, places, wished
from ftbench_deepfakes.edit_attribute import EditAttribute
from ftbench_deepfakes.edit_attribute_grid import EditAttributeGrid
from ftbench_deepfakes.objections import object_to_edit, object_to_grid
from ftbench_deepfakes.records.attribute import RECORDS

BY_NAME = {record.name: record for record in RECORDS}
SEED, PEOPLE, EACH = 11, 60, 3
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def faces() -> Tensor:
    """Pictures (180,3,32,32), three of each of sixty people, in the people's order."""
    source = ProceduralFaces(identities=PEOPLE, images_per_identity=EACH, seed=SEED)
    drawn = np.stack([source.load(item, 32) for item in source.items])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def unet(**changed: Any) -> EditAttribute:
    torch.manual_seed(0)
    return EditAttribute(size=32, **{"width": 0.125, **changed})


def grid(**changed: Any) -> EditAttributeGrid:
    torch.manual_seed(0)
    return EditAttributeGrid(size=32, **{"width": 0.25, **changed})


def fitted(network: AttributeEditor, faces: Tensor, steps: int) -> AttributeEditor:
    adam = torch.optim.Adam(network.train().parameters(), 4e-3)
    for step in range(steps):
        draws = torch.Generator().manual_seed(step)
        batch = faces[torch.randint(len(faces), (8,), generator=draws)]
        loss = network.fit_loss(batch, {}, draws)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return network.eval()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("edit-attribute", {"width": 0.25}),
        ("edit-attribute", {"width": 0.25, "attribute": "light", "towards": "more"}),
        ("edit-attribute-2", {"width": 0.5}),
        ("edit-attribute-2", {"width": 0.5, "attribute": "skin", "towards": "less", "amount": 0.5}),
    ],
)
def test_it_keeps_the_contract(name: str, parameters: dict[str, Any]) -> None:
    check(BY_NAME[name], size=32, **parameters)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_the_measure_follows_what_a_face_was_drawn_with(attribute: Attribute, faces: Tensor) -> None:
    everyone = [person(SEED, who) for who in range(PEOPLE) for _ in range(EACH)]
    shots = [shot(SEED, who, index) for who in range(PEOPLE) for index in range(EACH)]
    known = {
        "hair": [LUMA @ genes.hair - LUMA @ genes.skin for genes in everyone],
        "skin": [LUMA @ genes.skin for genes in everyone],
        # Light that comes from the left has a negative x, and lights the left cheek unless the head is turned away.
        "light": [-one.light[0] for one in shots],
    }[attribute]
    agreement = spearmanr(measured(faces, attribute).numpy(), known).statistic
    assert agreement > 0.5


def test_the_measure_is_its_formula() -> None:
    image = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(2))
    tone = np.log(np.einsum("chw,c->hw", image[0].double().numpy(), LUMA) + 0.05)

    def mean(ellipses: Any) -> float:
        weights = np.zeros((20, 20))
        for row in range(20):
            for column in range(20):
                x, y = (column + 0.5) / 20, (row + 0.5) / 20
                weights[row, column] = max(
                    np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2) for cx, cy, rx, ry in ellipses
                )
        return float((weights * tone).sum() / weights.sum())

    assert float(measured(image, "light")) == pytest.approx(mean(LEFT) - mean(RIGHT), abs=1e-5)
    cover = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(3))
    skin, hair = (np.average(tone, weights=places(cover, name)[0].numpy()) for name in ("skin", "hair"))  # type: ignore[arg-type]
    assert float(measured(image, "skin", cover)) == pytest.approx(skin, abs=1e-5)
    tone = np.log(np.einsum("chw,c->hw", cover[0].double().numpy(), LUMA) + 0.05)
    assert float(measured(image, "hair", cover)) == pytest.approx(hair - mean(CHEEKS), abs=1e-5)


def test_what_each_measure_must_and_must_not_see(faces: Tensor) -> None:
    light = measured(faces, "light")
    assert torch.allclose(measured(faces.flip(-1), "light"), -light, atol=1e-4)
    darker = 0.8 * faces
    moved = {name: (measured(darker, name) - measured(faces, name)).mean().abs() for name in ATTRIBUTES}
    assert moved["skin"] > 0.15
    assert moved["hair"] < 0.3 * moved["skin"]
    assert moved["light"] < 0.1 * moved["skin"]


def test_places_are_those_of_the_colours_that_a_face_was_drawn_with(faces: Tensor) -> None:
    """Where hair or skin is said to be, colours lie nearer to the drawn one than elsewhere."""
    everyone = [person(SEED, who) for who in range(PEOPLE) for _ in range(EACH)]
    for attribute, colours in (
        ("hair", torch.tensor([genes.hair for genes in everyone])),
        ("skin", torch.tensor([genes.skin for genes in everyone])),
    ):
        where = places(faces, attribute)  # type: ignore[arg-type]
        assert where.min() >= 0
        assert where.max() <= 1
        # Light and shade scale a colour: its direction is what was drawn.
        alike = torch.cosine_similarity(faces, colours[:, :, None, None], dim=1)
        inside = (alike * where).sum() / where.sum()
        outside = (alike * (1 - where)).sum() / (1 - where).sum()
        assert inside > outside


def test_a_picture_that_is_as_wished_has_moved_its_measure_by_as_much(faces: Tensor) -> None:
    """What the pixels are asked for and what the measure is asked for are the same."""
    for attribute in ATTRIBUTES:
        change = 0.2 * wished(attribute, 32) * places(faces, attribute)
        moved = (faces + 0.05) * change[:, None].exp() - 0.05
        gone = measured(moved, attribute, faces) - measured(faces, attribute)
        assert 0.1 < float(gone.mean()) < 0.25


def test_the_statistics_are_those_of_all_images_seen(faces: Tensor) -> None:
    network = unet(attribute="skin").train()
    for batch in faces.split((50, 7, 123)):
        network.fit_loss(batch, {}, torch.Generator().manual_seed(0))
    values = measured(faces, "skin").double().numpy()
    seen, mean, power = network.statistics.double().numpy()
    assert seen == len(faces)
    assert mean == pytest.approx(values.mean(), abs=1e-4)
    assert power / seen == pytest.approx(values.var(), rel=1e-3)
    network.eval().fit_loss(faces, {}, torch.Generator().manual_seed(0))
    assert network.statistics[0] == len(faces)


@pytest.mark.parametrize("make", [unet, grid])
def test_untrained_it_gives_the_picture_back(make: Callable[..., AttributeEditor], faces: Tensor) -> None:
    with torch.no_grad():
        assert (make().eval()(faces[:8], {}) - faces[:8]).abs().max() < 0.02


def test_repainting_moves_log_odds_under_the_mask() -> None:
    image = torch.rand(2, 3, 4, 4) * 0.9 + 0.05
    change, shut, wide = torch.randn(2, 3, 4, 4), torch.full((2, 1, 4, 4), -30.0), torch.full((2, 1, 4, 4), 30.0)
    assert torch.allclose(repainted(image, shut, change), image)
    odds = image / (1 - image) * change.exp()
    assert torch.allclose(repainted(image, wide, change), odds / (1 + odds), atol=1e-5)


@pytest.mark.parametrize(("make", "attribute", "steps"), [(unet, "hair", 50), (grid, "light", 30), (grid, "skin", 30)])
def test_a_short_fit_changes_held_out_faces_as_asked(
    make: Callable[..., AttributeEditor], attribute: Attribute, steps: int, faces: Tensor
) -> None:
    # The last twenty people are seen by no fit.
    held = faces[120:]
    network = fitted(make(attribute=attribute), faces[:120], steps)
    standing, more = network.standing(held), network.asks_for_more(held)
    assert torch.equal(more, standing < 0)
    with torch.no_grad():
        fakes = {amount: _at(network, amount, held) for amount in (0.0, 0.5, 1.0)}
    reached = {amount: network.standing(fake) for amount, fake in fakes.items()}
    crossed = (reached[1.0] > 0) == more
    assert crossed.float().mean() >= 0.8
    gone = {amount: ((value - standing) * (2.0 * more - 1)).mean() for amount, value in reached.items()}
    assert abs(gone[0.0]) < 0.35 * gone[1.0]
    assert gone[0.0] < gone[0.5] < gone[1.0]
    assert gone[1.0] < 1.6 * (END - standing.abs().mean() + 2 * standing.abs().mean())
    apart = [(fake - held).abs().mean() for fake in fakes.values()]
    assert apart[0] < apart[1] < apart[2] < 0.25
    network.towards = "more"
    assert network.asks_for_more(held).all()
    with torch.no_grad():
        assert (network.standing(network(held, {})) - standing).mean() > 0.3


def _at(network: AttributeEditor, amount: float, faces: Tensor) -> Tensor:
    network.amount = amount
    fake: Tensor = network(faces, {})
    return fake


def test_sizes_that_cannot_be_edited_are_refused() -> None:
    assert object_to_edit(size=48) is None
    assert "multiple of 8" in str(object_to_edit(size=50))
    assert object_to_grid(size=50, cells=8) is None
    assert "64 px or more" in str(object_to_grid(size=48, cells=16))
