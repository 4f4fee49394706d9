"""What one part sets for everybody is gone before the next one is called, and no cell hangs on the one before it."""

from __future__ import annotations

import logging
import os
import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ftbench.surroundings import TORCH, Surroundings, apart
from ftbench.terms import PartFailed, Terms

LEAKS: dict[str, Callable[[], Any]] = {
    "device": lambda: torch.set_default_device("meta"),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "gradients": lambda: torch.set_grad_enabled(False),
    "determinism": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True),
    "products": lambda: torch.set_float32_matmul_precision("medium"),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "autocast's dtype": lambda: torch.set_autocast_dtype("cpu", torch.float16),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "convolutions": lambda: setattr(torch.backends.cudnn, "benchmark", not torch.backends.cudnn.benchmark),
    "folder": lambda: os.chdir("/"),
}
IN_A_CELL: dict[str, Callable[[], Any]] = {
    **LEAKS,
    "environment": lambda: os.environ.update(FTBENCH_LEAK="1"),
    "environment, less": lambda: os.environ.pop("PATH"),
    "random": lambda: random.seed(1),
    "numpy": lambda: np.random.seed(1),  # noqa: NPY002
    "filters": lambda: warnings.simplefilter("ignore"),
    "log": lambda: logging.getLogger().setLevel(1),
}


def of_all() -> dict[str, Any]:
    return {**{name: setting.read(torch) for name, setting in TORCH.items()}, "folder": Path.cwd()}


def everything() -> dict[str, Any]:
    return {
        **of_all(),
        "environment": dict(os.environ),
        "random": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),  # type: ignore[index]  # noqa: NPY002
        "filters": list(warnings.filters),
        "log": logging.getLogger().level,
    }


def changed(before: dict[str, Any]) -> list[str]:
    return [name for name, value in everything().items() if value != before[name]]


@pytest.mark.parametrize("name", LEAKS)
def test_a_call_leaves_nothing_behind(name: str) -> None:
    before = of_all()

    def leaks(image: torch.Tensor) -> torch.Tensor:
        made = image * 1
        LEAKS[name]()
        assert of_all() != before, "the leak is none"
        return made

    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(Terms("simulator 'x'").change(leaks, image), image)
    assert of_all() == before
    assert torch.zeros(1).device.type == "cpu"


@pytest.mark.parametrize("name", IN_A_CELL)
def test_a_cell_leaves_nothing_behind(name: str) -> None:
    before = everything()
    with apart(3):
        IN_A_CELL[name]()
    assert not changed(before)


def test_what_a_cell_draws_does_not_hang_on_the_cells_before_it() -> None:
    def drawn() -> tuple[float, float]:
        with apart(3):
            return random.random(), float(np.random.rand())  # noqa: NPY002

    first = drawn()
    random.random()
    np.random.rand()  # noqa: NPY002
    assert drawn() == first


def test_what_was_set_before_torch_was_there_is_set_back_to_its_beginning() -> None:
    before = replace(Surroundings.now(), values={}, torch=False)
    torch.set_default_device("meta")
    assert before.restored() == ["set torch's default device to meta"]
    assert torch.zeros(1).device.type == "cpu"


@pytest.mark.parametrize("code", [0, 3])
def test_a_part_that_ends_the_process_fails_by_name(code: int) -> None:
    leave = os._exit
    with pytest.raises(PartFailed, match=r"simulator 'x' called exit\(\)"):
        Terms("simulator 'x'").change(lambda image: os._exit(code), torch.rand(1, 3, 8, 8))
    assert os._exit is leave
