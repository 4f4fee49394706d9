"""Several trainings of one deepfake, all met by one pair."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.plan.cells import Plan
from tests.test_plan import BASE, changed, planned


def against(plugins: Plugins, *simulators: Any) -> Plan:
    return planned(changed(matrix={"simulator": list(simulators)}), plugins)


def test_each_training_is_a_fit_of_its_own_and_one_pair_meets_all(plugins: Plugins) -> None:
    plan = against(plugins, {"name": "faceswap", "trainings": 3})
    assert [cell.parts[0].parameters.seed for cell in plan.fits] == [0, 1, 2]  # type: ignore[attr-defined]
    assert len({cell.seed for cell in plan.fits}) == 3
    [training] = plan.trainings
    assert {cell.key for cell in training.inputs} == {cell.key for cell in plan.fits}


def test_the_first_training_is_that_of_the_name_alone_so_that_its_fit_is_shared(plugins: Plugins) -> None:
    alone, many = planned(BASE, plugins), against(plugins, {"name": "faceswap", "trainings": 4})
    assert alone.fits[0].key in {cell.key for cell in many.fits}
    assert against(plugins, {"name": "faceswap", "trainings": 1}).trainings[0].key == alone.trainings[0].key


def test_they_count_on_from_a_seed_and_stand_beside_others(plugins: Plugins) -> None:
    plan = against(plugins, [{"name": "faceswap", "seed": 5, "trainings": 2}, "faceswap-pasted"])
    met = sorted(cell.label for cell in plan.trainings[0].inputs)
    assert met == ["fit faceswap seed=5", "fit faceswap seed=6", "fit faceswap-pasted"]


def test_tables_say_how_many_there_are(plugins: Plugins) -> None:
    plan = against(plugins, "faceswap", {"name": "faceswap", "trainings": 4})
    met = [cell.columns["trained against"] for cell in plan.evaluations]
    assert [len(one.split(" + ")) for one in met] == [1, 1]
    assert met[1] == f"{met[0]} trainings=4"


@pytest.mark.parametrize("count", [0, 65, 1.5, "two", True])
def test_a_number_of_trainings_that_is_none_is_refused(plugins: Plugins, count: object) -> None:
    with pytest.raises((BadInput, ValidationError), match="whole number from 1 to 64"):
        against(plugins, {"name": "faceswap", "trainings": count})


def test_a_part_that_has_one_training_says_so(plugins: Plugins) -> None:
    with pytest.raises((BadInput, ValidationError), match="seed"):
        against(plugins, {"name": "re-embed", "trainings": 2})
