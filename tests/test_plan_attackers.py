"""Planning: what attackers on marks need, and what tests alone give them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from tests.test_plan import GROUNDS, changed, kinds, planned


def marked_again(by: str, **matrix: Any) -> dict[str, Any]:
    pairs = [{"encoder": name, "decoder": name} for name in ("hidden", "mbrs", "sepmark")]
    pairs[2]["decoder"] = "sepmark-tracer"
    tests = ["none", {"name": "re-embed", "by": by}]
    data = changed(matrix={"pairs": pairs, "simulator": "none", **matrix}, evaluate={"simulators": tests})
    del data["matrix"]["encoder"], data["matrix"]["decoder"]
    return data


def test_another_pair_that_marks_once_more_is_trained_first(plugins: Plugins) -> None:
    plan = planned(marked_again("mbrs"), plugins)
    trained = {cell.label.split()[0]: cell for cell in plan.trainings}
    assert len(plan.cells) == 6
    for cell in plan.evaluations:
        own, other = trained[cell.label.split()[0]], trained["mbrs"]
        assert [one.key for one in cell.inputs] == list(dict.fromkeys([own.key, other.key]))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            marked_again("rivagan"),
            r"simulators\.1\.by: no pairs of the matrix mark with encoder 'rivagan', and one must; there: hidden",
        ),
        (
            marked_again("mbrs", simulator=[{"name": "re-embed", "by": "mbrs"}]),
            r"matrix\.simulator\.0\.0\.by: another pair marks once more in tests alone",
        ),
        (
            marked_again("mbrs", simulator="averaging"),
            r"matrix\.simulator\.0\.0: 'averaging' is met in .* other covers of the batch; say .* many: pairs, up to",
        ),
        (
            marked_again("mbrs", simulator="copy"),
            r"matrix\.simulator\.0\.0: 'copy' needs 'cover', which only tests give; name it in evaluate",
        ),
        (
            marked_again("mbrs", simulator="remove-by-pairs"),
            r"matrix\.simulator\.0\.0: 'remove-by-pairs' needs 'known', which only tests give; name it in evaluate",
        ),
        (
            marked_again("mbrs", simulator="subspace"),
            r"matrix\.simulator\.0\.0: 'subspace' studies the images of a step that other .* name one beside it",
        ),
    ],
)
def test_what_only_tests_give_is_named_there(plugins: Plugins, data: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        planned(data, plugins)


@pytest.mark.parametrize(
    ("matrix", "tests", "says"),
    [
        (
            {},
            [{"name": "subspace", "pairs": 300}],
            r"simulators\.0: 'subspace' knows 300 pictures before and after marking, and the train split has 120; "
            "give pairs of 120 or fewer",
        ),
        ({}, [{"name": "subspace", "pairs": 8}], "8 known pictures span 8 components at most, not 16; give more pairs"),
        ({}, [{"name": "averaging", "flat": True}], "flat covers are made, so say how many: give pairs"),
        (
            {"simulator": {"name": "averaging", "pairs": 32}},
            ["none"],
            "'averaging' averages over 32 other covers of the batch, and an image has 31 there; give fewer pairs",
        ),
    ],
)
def test_an_attack_has_the_pictures_that_it_needs(
    plugins: Plugins, matrix: dict[str, Any], tests: list[Any], says: str
) -> None:
    grounds = replace(GROUNDS, images={"train": 120, "val": 20, "test": 20})
    with pytest.raises(BadInput, match=says):
        planned(changed(matrix=matrix, evaluate={"simulators": tests}), plugins, grounds)


def test_as_many_pictures_as_there_are_will_do(plugins: Plugins) -> None:
    grounds = replace(GROUNDS, images={"train": 120, "val": 20, "test": 20})
    tests = [{"name": "subspace", "pairs": 120}, {"name": "averaging", "pairs": 500, "flat": True}, "averaging"]
    met = {"name": "averaging", "pairs": 31}
    plan = planned(changed(matrix={"simulator": met}, evaluate={"simulators": tests}), plugins, grounds)
    assert kinds(plan) == ["train", "evaluate"]
