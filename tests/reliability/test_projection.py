"""Cells laid out on workers, on paper."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.reliability.projection import laid_out, longest, main
from ftbench.plan.cells import Material
from tests.small_pair import COMPUTE
from tests.test_execute import Evaluation, Training

MATERIAL = Material("d" * 64, ("a", "b"), 16, COMPUTE)


def test_a_worker_takes_the_next_cell_whose_needs_are_met() -> None:
    trainings = [Training(label=f"pair {number}", material=MATERIAL) for number in range(3)]
    tests = [
        Evaluation(label=f"test {number}", material=MATERIAL, inputs=(one,)) for number, one in enumerate(trainings)
    ]
    cells: list[Any] = [*trainings, *tests]
    takes = {cell.key: seconds for cell, seconds in zip(cells, (10.0, 20.0, 30.0, 1.0, 1.0, 5.0), strict=True)}
    one, two, many = (laid_out(cells, takes, workers) for workers in (1, 2, 64))
    assert one.seconds == one.busy == two.busy == 67
    assert two.seconds == 45
    assert many.seconds == 35
    assert longest(cells, takes) == [trainings[2], tests[2]]


def test_a_projection_of_a_small_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quick", "--scale", "small", "--workers", "1", "2"]) == 0
    said = capsys.readouterr().out
    assert "3 cells (1 fit, 1 train, 1 evaluate)" in said
    assert "longest chain: fit faceswap-pasted" in said
