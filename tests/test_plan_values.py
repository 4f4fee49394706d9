"""Numbers and names of files that no benchmark can mean, refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ftbench.benchfile.document import parse
from ftbench.benchfile.reference import Reference, no_device
from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.plan.resolve import Resolver
from tests.test_plan import changed, planned


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan"])
@pytest.mark.parametrize(
    "path",
    [
        "train.optimiser.learning_rate",
        "train.optimiser.clip",
        "matrix.loss.message",
        "matrix.loss.structure",
        "train.curriculum.start_psnr",
        "evaluate.psnr",
        "fit.augment.rotate",
        "matrix.decoder.width",
    ],
)
def test_a_number_that_is_none_is_refused_wherever_it_stands(plugins: Plugins, path: str, text: str) -> None:
    steps = path.split(".")
    data: dict[str, Any] = changed()
    data["matrix"] |= {"decoder": {"name": "conv7"}, "loss": {}}
    inner = data
    for step in steps[:-1]:
        inner = inner.setdefault(step, {})
    inner[steps[-1]] = float(text.replace(".", ""))
    with pytest.raises((BadInput, ValidationError), match="finite number"):
        planned(data, plugins)


def test_no_parameter_of_a_built_in_part_takes_infinity(plugins: Plugins) -> None:
    for part in plugins.parts:
        assert part.record.parameters.model_config.get("allow_inf_nan") is False, part.record.name


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "~no-such-user-of-this-machine/x"])
def test_a_file_name_that_cannot_be_is_one_short_sentence(plugins: Plugins, name: str) -> None:
    choice = Resolver(plugins, parse("dataset: {name: folder}", "test.yaml"), Path("/nowhere"), ["MIT"])
    assert choice.part("dataset", Reference.model_validate({"name": "folder", "path": name}), ("dataset",)) is None
    [problem] = choice.problems
    assert problem.startswith("test.yaml, line 1, dataset: path is ")
    assert "cannot be looked for" in problem
    assert len(problem) < 300
    assert "\0" not in problem


@pytest.mark.parametrize("name", ["con", "nul", "com1", "lpt9"])
def test_a_benchmark_is_not_called_as_a_device_of_windows_is(plugins: Plugins, name: str) -> None:
    with pytest.raises((BadInput, ValidationError), match=f"{name} is a device on Windows"):
        planned(changed() | {"name": name}, plugins)
    assert no_device("console") == "console"
