"""Pairs of which nothing learns, such as the classical ones: no training is told of them."""

from __future__ import annotations

from ftbench.parts.catalogue import Plugins
from ftbench.plan import workload
from ftbench.publish.write import training_steps
from tests.test_plan import BASE, changed, planned


def test_a_pair_that_learns_nothing_has_no_steps_and_one_training(plugins: Plugins) -> None:
    matrix = {
        "pairs": [{"encoder": "dwt-dct", "decoder": "dwt-dct"}],
        "simulator": ["none", "faceswap"],
        "loss": [{"message": 1}, {"message": 10}],
        "pool": ["with", "without"],
    }
    data = changed(matrix=matrix, train={"distortions": ["identity", "jpeg"]})
    data["dataset"]["size"] = 256
    del data["matrix"]["encoder"], data["matrix"]["decoder"]
    plan = planned(data, plugins)
    [trained] = [cell for cell in plan.cells if cell.kind == "train"]
    assert trained.settings["train"] is None
    assert trained.columns["trained against"] == "none"
    [evaluation] = plan.evaluations
    assert "steps" not in evaluation.label
    longer = planned({**data, "train": {**data["train"], "steps": 7}}, plugins)
    assert [cell.key for cell in longer.cells] == [cell.key for cell in plan.cells]
    assert trained.steps == 0
    assert training_steps([trained]) == "none, no part of these pairs learns"
    [learns] = [cell for cell in planned(BASE, plugins).cells if cell.kind == "train"]
    assert training_steps([learns]) == "2000 of 64 images"
    assert training_steps([trained, learns]) == "2000 of 64 images, none for dwt-dct"
    assert workload.to_do(plan.cells, lambda cell: None).startswith(
        "to do: 1 fit (2,000 steps), 1 pair that needs no training, 1 evaluation"
    )
