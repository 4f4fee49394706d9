"""What a plan costs, against torch's own count of whole steps, and what doctor says of rates."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ftbench.console import Console
from ftbench.machine.rates import SMALL, WIDE, Kind, Way, rate, sentence, ways
from ftbench.publish.costs import BACKWARD, Cost, costs, told
from ftbench.runner.build import build, new_pair
from ftbench.runner.opening import Opened, Request, open_benchmark


@pytest.fixture
def opened(tiny: Path) -> Opened:
    return open_benchmark(Request(str(tiny), "small", out=tiny.parent / "results"), Console(quiet=True), False)


def counted(work: object) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        work()  # type: ignore[operator]
    return int(counter.get_total_flops())


def test_a_fit_costs_what_its_steps_do(opened: Opened) -> None:
    (cell,) = opened.plan.fits
    network = build(cell.part, size=32)
    image = torch.rand(8, 3, 32, 32)
    identity = torch.tensor([0, 1] * 4)

    def step() -> None:
        network.fit_loss(image, {"identity": identity, "donor": image}, torch.Generator().manual_seed(0)).backward()

    found = costs(opened, [cell])["fit"]
    assert (found.cells, found.steps, found.uncounted) == (1, 6, [])
    # A first layer has no image to pass a gradient on to: the true count is a little lower.
    assert 0.8 < 6 * counted(step) / found.operations <= 1.0


def test_a_training_costs_what_marking_swapping_and_reading_do(opened: Opened) -> None:
    cell = opened.plan.trainings[0]
    pair, swap = new_pair(cell, 32), build(cell.simulators[0], size=32).requires_grad_(False)
    covers, code, identity = torch.rand(8, 3, 32, 32), torch.zeros(8, 4), torch.tensor([0, 1] * 4)

    def step() -> None:
        marked = pair.mark(covers, code, exact=False)
        swapped = swap(marked, {"identity": identity})
        pair.read(torch.cat([marked, swapped])).sum().backward()

    found = costs(opened, [cell])["train"]
    assert found.steps == 40
    assert found.uncounted == []
    assert 0.85 < 40 * counted(step) / found.operations < 1.05
    assert 0 < found.memory < 2**30


def test_costs_add_up_and_cells_alike_are_tried_once(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr("ftbench.publish.costs.new_pair", lambda *given: built.append("") or new_pair(*given))
    one, both = (costs(opened, opened.plan.trainings[:number])["train"] for number in (1, 2))
    assert both.operations == 2 * one.operations
    assert both.memory == one.memory
    assert len(built) == 2


def test_costs_are_told_by_device(opened: Opened) -> None:
    lines = told(costs(opened, opened.plan.cells), opened.bench.compute)
    assert [line.partition(":")[0] for line in lines[:4]] == ["fits", "trainings", "evaluations", "together"]
    assert all("H100-class GPU" in line for line in lines)
    assert "assumed, not measured" in lines[-1]


def test_small_steps_wait_for_their_kernels() -> None:
    cost = Cost(operations=1e9, launches=1e6)
    assert cost.seconds(1e12) == pytest.approx(1e-3)
    assert cost.seconds(1e12, 5e-6) == pytest.approx(5.0)


def test_operations_of_a_kind_are_those_that_torch_counts() -> None:
    kind = Kind("few", 4, 8, 2)
    network = torch.nn.Sequential(*(torch.nn.Conv2d(4, 4, 3, padding=1) for _ in range(3)))
    image = torch.rand(2, 4, 8, 8, requires_grad=True)
    assert counted(lambda: network(image).sum().backward()) == kind.operations
    assert BACKWARD == 3
    before = torch.get_num_threads()
    assert rate(kind, Way("float32", True, 1), "cpu") > 0
    assert torch.get_num_threads() == before


def test_every_way_is_measured_and_told_of() -> None:
    said: list[str] = []
    found = ways(Kind("few", 4, 8, 2), "cpu", 3, said.append)
    assert len(found) == len(said) == 6
    assert sorted(way.threads for way in found) == [1, 1, 1, 1, 2, 3]
    best = max((way for way in found if way.threads == 1), key=found.__getitem__)
    assert {(way.precision, way.channels_last) for way in found if way.threads > 1} == {
        (best.precision, best.channels_last)
    }


def test_the_winners_are_named() -> None:
    rates = {
        Way("float32", False, 1): 100e9,
        Way("float32", True, 1): 102e9,
        Way("bfloat16", False, 1): 200e9,
        Way("bfloat16", True, 1): 204e9,
        Way("bfloat16", True, 2): 255e9,
    }
    assert sentence(WIDE, rates) == (
        "wide networks (128 channels, maps of 32 px): bfloat16 is 2.00 times as fast as float32; channels_last is as "
        "fast as channels first; 2 threads do 1.25 times the work of one, so that 2 cells side by side with a thread "
        "each do more; at best 255 billion operations a second"
    )
    slower = {**rates, Way("bfloat16", False, 1): 50e9, Way("bfloat16", True, 1): 51e9, Way("bfloat16", True, 2): 190e9}
    assert "bfloat16 is 2.00 times slower than float32" in sentence(SMALL, slower)
    assert "side by side" not in sentence(SMALL, {**slower, Way("bfloat16", True, 2): 200e9})


def test_a_table_of_a_plan_is_the_same_wide_or_folded() -> None:
    from ftbench.console import print_columns

    rows = [("1", "a [bold] name"), ("22", "日本")]
    wide, narrow = (
        Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None) for width in (80, 9)
    )
    for console in (wide, narrow):
        print_columns(console, ("key", "what"), rows)
    assert wide.file.getvalue().splitlines()[1:] == [" 1    a [bold] name", " 22   日本"]  # type: ignore[attr-defined]
    assert len(narrow.file.getvalue().splitlines()) > 3  # type: ignore[attr-defined]
