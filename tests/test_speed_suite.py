"""benchmarks/speed: its arithmetic, its check against a real slow-down, and that both loops do the same work."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console
from torch import Tensor

from benchmarks.speed import arrive, check, command, curves, faces, growth, quality, shares, step
from benchmarks.speed.clock import Spread, Took, in_turn, ratios, spread
from benchmarks.speed.lines import Line, table, written
from benchmarks.speed.plain import held_at
from benchmarks.speed.setup import WORK_FILE
from ftbench.pipeline.stages import to_psnr
from ftbench.runner.opening import Request, open_benchmark
from ftbench.testing.material import pictures

PAIRS = quality.pairs(12)


def measured() -> Iterator[Line]:
    """A check small enough for a test: PSNR and SSIM of a few pairs, beside scikit-image."""
    took = in_turn({"ours": lambda: quality.ours(*PAIRS), "library": lambda: quality.library(*PAIRS)}, repeats=3)
    rate = spread([one.cpu for one in took["ours"]]).over(len(PAIRS[0]))
    yield Line("quality", "a few pairs", "pairs/s", rate, "scikit-image", ratios(took["library"], took["ours"], 1))


CHECKS = {"quality": measured}


@pytest.mark.parametrize("own", [True, False])
def test_faces_are_pasted_alike_on_both_sides(own: bool) -> None:
    work = faces.made("arcface-128", 128, own)
    for mine, theirs in zip(work.ours(), work.library(), strict=True):
        assert (mine.permute(1, 2, 0) - torch.from_numpy(theirs)).abs().max() * 255 < 1


def test_a_slow_down_fails_and_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "ratios.json"
    assert check.main(store=True, kept=kept, checks=CHECKS) == 0
    # Held to four fifths of four fifths, so that a disturbed test machine fails nothing here.
    kept.write_text(json.dumps({name: 0.8 * ratio for name, ratio in json.loads(kept.read_text()).items()}))
    assert check.main(store=False, kept=kept, checks=CHECKS) == 0
    real = quality.ours

    def slower(reference: Tensor, image: Tensor) -> tuple[list[float], list[float]]:
        for _ in range(3):
            real(reference, image)
        return real(reference, image)

    monkeypatch.setattr(quality, "ours", slower)
    capsys.readouterr()
    assert check.main(store=False, kept=kept, checks=CHECKS) == 1
    said = capsys.readouterr().out.strip().splitlines()[-1]
    assert said.startswith("quality: a few pairs: ")
    assert "% lost" in said


def test_a_ratio_is_lost_from_a_fifth_on() -> None:
    def line(ratio: float) -> Line:
        return Line("a", "b", "images/s", spread([1.0]), "c", spread([ratio]))

    assert not check.losses([line(1.61)], {"a: b": 2.0})
    [sentence] = check.losses([line(1.6)], {"a: b": 2.0})
    assert "20 % lost" in sentence
    [sentence] = check.losses([line(9.0)], {})
    assert "--store" in sentence


def test_kept_ratios_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "ratios.json").write_text("[1, 2]")
    with pytest.raises(check.BadInput, match="holds no ratios"):
        check.main(store=False, kept=tmp_path / "ratios.json", checks={})


def test_the_kept_ratios_are_those_that_the_check_measures() -> None:
    subjects = {name.partition(":")[0] for name in json.loads(check.KEPT.read_text(encoding="utf-8"))}
    assert subjects == set(check.CHECKS)


def test_medians_quartiles_and_ratios() -> None:
    assert spread([4.0, 1.0, 2.0, 3.0, 5.0]) == Spread(5, 2.0, 3.0, 4.0)
    assert spread([2.0, 4.0]).over(8.0) == Spread(2, 8 / 3.5, 8 / 3, 8 / 2.5)
    # One thread goes by processor time, several by the wall's.
    theirs, ours = [Took(9.0, 4.0)], [Took(3.0, 2.0)]
    assert ratios(theirs, ours, 1).median == 2.0
    assert ratios(theirs, ours, 2).median == 3.0
    with pytest.raises(ValueError, match="nothing"):
        spread([])


def test_works_are_timed_in_turn() -> None:
    done: list[str] = []
    took = in_turn({"a": lambda: done.append("a"), "b": lambda: (done.append("b"), time.sleep(0.02))}, 2, warm=1)
    assert done == ["a", "b"] * 3
    assert all(one.wall >= 0.02 for one in took["b"])
    assert len(took["a"]) == 2


def test_both_loops_count_the_same_operations() -> None:
    steps = step.measure("small", threads=1, repeats=1, warm=2)
    assert steps.operations["ours"] == steps.operations["plain"] > 1e9
    assert len(steps.ours) == len(steps.plain) == 1
    assert torch.get_num_threads() >= 1


def test_a_side_alone_counts_what_it_counts_beside_the_other(capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["alone", "plain", "small", "--repeats", "1", "--warm", "0"]) == 0
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert told["operations"] > 1e9
    assert told["batch"] == 32
    assert min(told["took"]) > 0.001


def test_both_loops_hold_the_same_quality() -> None:
    covers = pictures(4, 32, seed=1)
    marked = (covers + 0.1 * torch.randn(covers.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    ours, plain = to_psnr(covers, marked, 30.0, exact=False), held_at(covers, marked, 30.0)
    assert torch.allclose(ours, plain, atol=1 / 255)
    assert float((ours - plain).detach().abs().mean()) < 1e-4
    gradients = [torch.autograd.grad(image.square().sum(), marked, retain_graph=True)[0] for image in (ours, plain)]
    assert torch.allclose(*gradients, atol=1e-4)


@pytest.mark.parametrize("scale", ["paper", "small", "field", "grid", "growth"])
def test_the_work_plans(scale: str, tmp_path: Path) -> None:
    request = Request(str(WORK_FILE), scale, out=tmp_path)
    plan = open_benchmark(request, Console(file=io.StringIO()), settle_on_disk=False).plan
    assert len(plan.trainings) == len(plan.evaluations) == 1


def test_curves_are_compared_in_stretches() -> None:
    assert curves.windows([float(step // 10) for step in range(60)]) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    mean, low, high = curves.interval([1.0, 2.0, 3.0])
    # Student's factor for two degrees of freedom is 4.303.
    assert (mean, round(high - mean, 3), round(mean - low, 3)) == (2.0, 2.484, 2.484)


def test_who_arrives_reads_enough_at_the_quality() -> None:
    # Step 40 reads enough, at too low a quality; step 60 is the first that does both; others are no looks.
    curve = pd.DataFrame(
        {
            "step": [20, 40, 50, 60, 80],
            "val_accuracy_swapped": [0.6, 0.99, np.nan, 0.96, 0.97],
            "val_psnr": [16.0, 24.0, np.nan, 29.97, 30.0],
        }
    )
    assert arrive.first_look(curve, 0.96, 30) == (60, 0.97)
    assert arrive.first_look(curve, 0.98, 30) == (None, 0.97)


def test_a_straight_line_is_found() -> None:
    counts = (4, 40, 400)
    grown = growth.Growth("images", "work", counts, tuple(0.5 + 0.01 * count for count in counts))
    assert grown.line == pytest.approx((0.5, 0.01))
    assert grown.off < 1e-9
    assert growth.Growth("x", "y", counts, (0.04, 0.4, 4.0)).exponent == pytest.approx(1.0)
    assert growth.Growth("x", "y", counts, (0.04, 4.0, 400.0)).exponent == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("aten::mkldnn_convolution", "convolutions"),
        ("aten::convolution_backward", "convolutions"),
        ("aten::native_batch_norm_backward", "normalisation"),
        ("aten::copy_", "copies between layouts and types"),
        ("aten::add", "pointwise arithmetic"),
        ("aten::upsample_bilinear2d_backward", "resizing and warping"),
        ("Optimizer.step#AdamW.step", "optimiser and averaging"),
    ],
)
def test_operators_are_counted_as_kinds_of_work(operator: str, kind: str) -> None:
    assert shares.kind(operator) == kind


def test_figures_are_written_with_what_made_them(tmp_path: Path) -> None:
    line = Line("a", "b", "images/s", spread([1.0, 2.0]), "c", spread([1.5]), {"batch": 4})
    written([line], tmp_path / "deep" / "figures.json")
    held = json.loads((tmp_path / "deep" / "figures.json").read_text(encoding="utf-8"))
    assert held["lines"][0]["name"] == "a: b"
    assert held["lines"][0]["value"] == {"n": 2, "low": 1.25, "median": 1.5, "high": 1.75}
    assert {"code", "machine"} < set(held)
    assert "batch 4" in table([line])


def test_a_subject_that_is_not_there_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["step-papers"]) == 2
    assert "nearest: step-paper" in capsys.readouterr().err
