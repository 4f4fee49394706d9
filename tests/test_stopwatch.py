"""Where time goes, by kind of work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from ftbench.machine.compute import Compute
from ftbench.machine.stopwatch import KINDS, backward_of, timed, watching
from tests.small_pair import run


def test_what_is_inside_counts_for_itself_alone() -> None:
    with watching() as watch, timed("simulator"):
        time.sleep(0.02)
        with timed("guard"):
            time.sleep(0.05)
        time.sleep(0.01)
    assert watch.seconds["guard"] == pytest.approx(0.05, abs=0.02)
    assert watch.seconds["simulator"] == pytest.approx(0.03, abs=0.02)


def test_a_backward_pass_counts_for_the_stage_whose_gradient_is_there() -> None:
    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(context: object, value: torch.Tensor, seconds: float) -> torch.Tensor:
            context.seconds = seconds  # type: ignore[attr-defined]
            return value * 1

        @staticmethod
        def backward(context: object, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
            time.sleep(context.seconds)  # type: ignore[attr-defined]
            return gradients[0], None

    start = torch.ones(2, requires_grad=True)
    with watching() as watch:
        encoded = backward_of(Slow.apply(start, 0.06), "encoder")
        read = backward_of(Slow.apply(encoded, 0.02), "decoder")
        with timed("loss"):
            read.sum().backward()
    assert watch.seconds["encoder"] == pytest.approx(0.06, abs=0.02)
    assert watch.seconds["decoder"] == pytest.approx(0.02, abs=0.015)


def test_a_training_is_told_apart_and_changes_nothing(tmp_path: Path) -> None:
    plain = run(tmp_path / "plain")
    begun = time.perf_counter()
    with watching() as watch:
        timed_one = run(tmp_path / "timed")
    took = time.perf_counter() - begun
    assert timed_one == plain
    assert sum(watch.seconds.values()) == pytest.approx(took, rel=0.1)
    assert {"encoder", "decoder", "simulator", "distortion", "optimiser", "loading"} <= {
        kind for kind, seconds in watch.seconds.items() if seconds > 0
    }
    assert set(watch.seconds) <= set(KINDS)


def test_a_part_that_cannot_be_compiled_is_said_once_and_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(function: object, *_: object, **__: object) -> object:
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("no compiler")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    pair = torch.nn.Sequential(torch.nn.Linear(2, 2))
    image = torch.ones(1, 2)
    expected = pair(image)
    Compute("cpu", "float32", 1, "default").compile_parts(pair)
    assert torch.equal(pair(image), expected)
    assert torch.equal(pair(image), expected)
    assert caplog.text.count("cannot be compiled here (RuntimeError: no compiler)") == 1
