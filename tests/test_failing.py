"""Cells that fail: kept with their reason, out of memory once more in halves, tried again where that may help."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ftbench.errors import BadInput, CannotWrite, NotANumber
from ftbench.machine.calltime import CallTookTooLong
from ftbench.machine.memory import ran_out
from ftbench.pipeline.guard import Guard, PartFailed
from ftbench.plan.cells import Plan
from ftbench.publish import failures
from ftbench.runner import executor
from ftbench.runner.opening import Request
from ftbench.storage import failure
from ftbench.storage.store import FAILED, CellFolder, Damaged
from ftbench.vouching import standing
from ftbench.vouching.failing import failure_of
from ftbench.vouching.standing import Standings
from tests.test_execute import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def raises(error: Exception) -> Callable[[CellFolder], object]:
    def fail(folder: CellFolder) -> None:
        raise error

    return fail


def from_a_part(error: BaseException) -> PartFailed:
    """What the guard makes of an exception in a part."""

    def part(image: torch.Tensor) -> torch.Tensor:
        raise error

    with pytest.raises(PartFailed) as raised:
        Guard("encoder 'x'").change(part, torch.zeros(1, 3, 8, 8))
    return raised.value


ALLOCATOR = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError(ALLOCATOR),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("std::bad_alloc"),
    MemoryError(),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_memory_that_ran_out_is_told_from_other_errors(error: Exception) -> None:
    for one in (error, from_a_part(error)):
        assert ran_out(one)
        kind, reason = failure_of(one)
        assert kind == "memory"
        assert "train.batch_size=16" in reason
    assert not ran_out(RuntimeError("shape mismatch"))
    with pytest.raises((RuntimeError, MemoryError)) as raised:
        torch.empty(2**55)
    assert ran_out(raised.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotANumber("loss is not a finite number at step 3"), "not a number"),
        (from_a_part(ValueError("no")), "exception"),
        (KeyError("x"), "exception"),
        (from_a_part(CallTookTooLong("took too long")), "time"),
        (from_a_part(ModuleNotFoundError("no module named lpips")), "surroundings"),
        (OSError(errno.ENOENT, "no such file"), "surroundings"),
        (BadInput("the file is gone"), "surroundings"),
        (torch.AcceleratorError("device lost"), "device"),
        (Damaged("weights are damaged"), "unknown"),
    ],
)
def test_each_kind_of_failure_is_told_from_the_others(error: Exception, kind: str) -> None:
    assert failure_of(error)[0] == kind


def test_out_of_memory_is_tried_once_more_with_half_a_batch(world: World) -> None:
    sparing: list[bool] = []
    honest = world.train

    def greedy(cell: Any, bench: Any, folder: CellFolder, progress: Any) -> dict[str, Any]:
        sparing.append(bench.sparing)
        if not bench.sparing:
            raise from_a_part(torch.OutOfMemoryError("CUDA out of memory"))
        return honest(cell, bench, folder, progress)

    world.work["train"] = greedy
    outcome = world.run()
    assert sparing == [False, True]
    assert not outcome.failed
    assert world.said.getvalue().count("tried once more with half of it at a time") == 1


def test_memory_that_runs_out_twice_fails_the_cell_which_the_next_run_tries_again(world: World) -> None:
    world.inside["pair"] = raises(MemoryError())
    outcome = world.run()
    assert world.worked == ["pair", "pair"]
    assert "does not hold half a batch either" in outcome.failed[world.trained.key]
    assert outcome.kinds[world.trained.key] == "memory"
    world.inside.clear()
    assert not world.run().failed


def kept(world: World) -> failure.Failure:
    found = failure.read(world.folder(world.first))
    assert found is not None
    return found


def again(world: World, retry: bool = False) -> executor.Outcome:
    world.worked.clear()
    plan: Any = Plan(None, world.cells)  # type: ignore[arg-type]
    return executor.run(plan, world.bench, Request("x", retry_failed=retry))


@pytest.mark.parametrize("error", [from_a_part(ValueError("no")), NotANumber("loss is no number")])
def test_what_would_fail_again_is_left_alone_until_somebody_asks(world: World, error: Exception) -> None:
    world.inside["first"] = raises(error)
    first = world.run()
    assert kept(world).reason == first.failed[world.first.key]
    second = again(world)
    assert world.worked == []
    assert second.failed == first.failed
    assert second.untried == {world.first.key}
    assert set(second.summaries) == {world.trained.key, world.second.key}
    assert "failed before, and nothing that it is made of has changed; left alone" in world.said.getvalue()
    again(world, retry=True)
    assert world.worked == ["first"]
    assert kept(world).tries == 2
    world.inside.clear()
    assert not again(world, retry=True).failed
    assert not world.folder(world.first).file(FAILED).exists()


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EIO, "input/output error"), Damaged("it is damaged")])
def test_what_may_have_passed_is_tried_again_by_the_next_run(world: World, error: Exception) -> None:
    world.inside["first"] = raises(error)
    world.run()
    world.inside.clear()
    assert not again(world).failed
    assert world.worked == ["first"]


def test_other_code_is_reason_enough_to_try_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.inside["first"] = raises(from_a_part(ValueError("no")))
    world.run()
    world.inside.clear()
    honest = standing.evidence_of
    changed = {"part.py": "a" * 64}
    monkeypatch.setattr(standing, "evidence_of", lambda *given: honest(*given).model_copy(update={"code": changed}))
    assert not again(world).failed
    assert "first" in world.worked


def test_what_needs_a_failed_cell_says_so_and_is_counted(world: World) -> None:
    world.inside["pair"] = raises(from_a_part(ValueError("no")))
    outcome = world.run()
    assert outcome.kinds == {world.trained.key: "exception", world.first.key: "needs", world.second.key: "needs"}
    opened: Any = type("Opened", (), {"plan": Plan(None, world.cells)})  # type: ignore[arg-type]
    first, *rest = failures.told(opened, again(world))
    assert first == "3 of 3 cells failed:"
    assert rest[0].startswith("- train pair: encoder 'x' raised ValueError: no")
    assert rest[1] == "- 2 that need one of those"
    assert rest[2].startswith("1 failed in an earlier run and would again, so they were left alone; --retry-failed")


def test_a_plan_says_what_failed_and_whether_it_is_tried_again(world: World) -> None:
    def said() -> str:
        standings = Standings(world.bench.store, world.bench.plugins)
        return failures.state(world.first, standings, standings.expected(world.first).state)

    for error, expected in (
        (
            from_a_part(ValueError("no")),
            r"failed: encoder 'x' raised ValueError: no; left alone without --retry-failed",
        ),
        (MemoryError(), "to do; failed 2 times before: the memory does not hold"),
    ):
        world.inside["first"] = raises(error)
        again(world, retry=True)
        assert said().startswith(expected)
    world.inside.clear()
    again(world)
    assert said() == "done"


def test_a_full_disk_is_no_failure_of_a_cell(world: World) -> None:
    world.inside["first"] = raises(CannotWrite("no space left on device"))
    with pytest.raises(CannotWrite):
        world.run()
    assert failure.read(world.folder(world.first)) is None
    world.inside.clear()
    assert not world.run().failed


@pytest.mark.parametrize(
    "content", ["", "{", "[]", json.dumps({"kind": "odd", "reason": "x"}), json.dumps({"tries": 0})]
)
def test_a_note_that_cannot_be_read_means_another_try(world: World, content: str) -> None:
    world.inside["first"] = raises(from_a_part(ValueError("no")))
    world.run()
    world.folder(world.first).file(FAILED).write_text(content, encoding="utf-8")
    world.inside.clear()
    assert not again(world).failed
