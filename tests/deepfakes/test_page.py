"""docs/deepfakes.md names every simulator and what each asks for, and its numbers of weights are the networks'."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from ftbench.benchfile.document import read
from ftbench.parts.catalogue import Plugins
from ftbench_deepfakes.confirm import WITNESSES
from ftbench_deepfakes.plugin import ftbench_simulators as deepfakes
from ftbench_simulators.plugin import ftbench_simulators as attacks

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "deepfakes.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The first table under a heading: first cell, bare, to the others."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}


def named(cell: str) -> list[str]:
    return re.findall(r"`([\w-]+)`", cell)


GLANCE = {name: cells for first, cells in rows("At a glance").items() for name in named(first)}
COSTS = {name: cells for first, cells in rows("What they cost").items() for name in named(first)}
LEARNED = [record for record in (*deepfakes(), *attacks()) if record.trainable]


def test_every_simulator_of_both_plugins_has_its_row() -> None:
    own = [record.name for record in (*deepfakes(), *attacks())]
    assert len(own) >= 11
    assert set(own) <= set(GLANCE)
    assert {record.name for record in LEARNED} <= set(COSTS)


def test_no_row_names_what_is_not_there(plugins: Plugins) -> None:
    for name in {*GLANCE, *COSTS}:
        plugins.find("simulator", name)


@pytest.mark.parametrize("name", GLANCE)
def test_its_parameters_and_what_it_asks_of_the_data(plugins: Plugins, name: str) -> None:
    record = plugins.find("simulator", name).record
    asks, sizes, matter = GLANCE[name][1:]
    own = [word for word in named(matter) if word not in GLANCE]
    assert own
    assert set(own) <= set(record.parameters.model_fields)
    # `as swap-any` stands for that row's cell.
    for other in named(asks):
        asks = GLANCE[other][1]
    assert ("two people a split" in asks) == ("donor" in record.needs)
    assert ("two photos or more" in asks) == (record.per_person == 2)
    assert ("exactly two people" in asks) == (record.people == 2)
    assert ("not fitted" in asks) == (not record.trainable)
    for other in named(sizes):
        if other in GLANCE:
            sizes = GLANCE[other][2]
    for multiple, least in re.findall(r"multiples of (\d+) from (\d+)", sizes):
        parameters = record.parameters()
        assert record.object_to(parameters, size=int(least)) is None
        assert record.object_to(parameters, size=int(least) - int(multiple))
        assert record.object_to(parameters, size=int(least) + int(multiple) // 2)


@pytest.mark.parametrize("name", COSTS)
def test_the_number_of_weights(plugins: Plugins, name: str) -> None:
    record = plugins.find("simulator", name).record
    given = dict(re.findall(r"(\w+) ([\d.]+)", COSTS[name][2]))
    for column, size, parameters in ((0, 128, {}), (3, 32, given)):
        chosen = record.parameters(**{key: _number(value) for key, value in parameters.items()})
        with torch.device("meta"):
            network = record.load()(size=size, **dict(chosen))
        assert COSTS[name][column] == f"{sum(weight.numel() for weight in network.parameters()):,}"


def _number(text: str) -> Any:
    return float(text) if "." in text else int(text)


def test_every_witness_has_its_row() -> None:
    section = rows("Is the effect there?")
    assert {name for first in section for name in named(first)} == set(WITNESSES)


def test_links_commands_and_the_picture_are_there() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", PAGE)
    assert "figures/deepfakes.png" in targets
    for target in targets:
        assert (DOCS / target).exists(), target
    for benchmark in re.findall(r"confirm (\S+\.yaml)", PAGE):
        assert (DOCS.parent / benchmark).is_file(), benchmark


def test_the_picture_is_of_every_learned_deepfake_here() -> None:
    drawn = read(DOCS / "make_deepfakes.yaml").data["evaluate"]["simulators"]
    assert [simulator["name"] for simulator in drawn] == [record.name for record in LEARNED]
    # Twins have seen other people.
    assert all(("trained_on" in each) == each["name"].endswith("-2") for each in drawn)
