"""Methods over seeds: expected numbers by scipy's tests on the means of each seed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from ftbench.report import report_tables, write_report
from ftbench.report.methods import methods_table
from ftbench.report.pairs import pairs_table
from ftbench.report.result import Caption
from ftbench.report.table import Table
from ftbench.storage.results import PSNR_SSIM, CellResult
from tests.report.printing import print_tables

Make = Callable[..., CellResult]
IMAGES = 30


@pytest.fixture
def trained(many: Make) -> Callable[..., list[CellResult]]:
    """``trained(name, decibels, seeds)``: one training a seed, of so many dB in the mean; no bit is wrong."""

    def make(name: str, decibels: Sequence[float], seeds: Sequence[int]) -> list[CellResult]:
        wave = np.sin(np.arange(IMAGES) + len(name))
        return [
            replace(
                many(f"{name}{seed}", db + 0.1 * wave - 0.1 * wave.mean(), np.zeros(IMAGES)),
                cell=f"{name}-{seed}",
                label=f"{name} seed {seed}",
                settings={"encoder": name, "seed": str(seed)},
            )
            for db, seed in zip(decibels, seeds, strict=True)
        ]

    return make


def table_of(results: Sequence[CellResult]) -> Table:
    table = methods_table(results)
    assert table is not None
    return table


def test_seeds_that_scatter_more_than_the_methods_differ_are_a_tie(trained: Callable[..., list[CellResult]]) -> None:
    """Every pair of trainings is told apart by its images, and the two methods are not."""
    results = [*trained("a", (30, 33, 36), (0, 1, 2)), *trained("bb", (31, 35, 31.5), (0, 1, 2))]
    assert "tie" not in set(pairs_table(results).frame["psnr_verdict"])
    frame = table_of(results).frame
    found = frame["psnr_difference"].iloc[0].estimate
    expected = stats.ttest_rel([30, 33, 36], [31, 35, 31.5])
    assert found.value == pytest.approx(0.5)
    assert float(frame["psnr_p"].iloc[0]) == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert found.low <= interval.low
    assert found.high >= interval.high
    assert list(frame["psnr_verdict"]) == ["tie"]
    assert list(frame["first_seeds"]) == ["0, 1, 2"]
    assert list(frame["first"]) == ["a"]


def test_seeds_that_agree_tell_the_methods_apart(trained: Callable[..., list[CellResult]]) -> None:
    results = [*trained("a", (30, 33, 36), (0, 1, 2)), *trained("bb", (29, 31.99, 35.01), (0, 1, 2))]
    assert list(table_of(results).frame["psnr_verdict"]) == ["higher"]
    # Seeds are paired by their number, not by their place.
    shuffled = [results[2], results[0], results[1], *results[3:]]
    found, expected = (table_of(cells).frame["psnr_difference"].iloc[0].estimate for cells in (shuffled, results))
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_other_seeds_are_compared_unpaired(trained: Callable[..., list[CellResult]]) -> None:
    results = [*trained("a", (30, 30.5, 30.2), (0, 1, 2)), *trained("bb", (20, 20.1, 20.3, 20.4), (7, 8, 9, 10))]
    frame = table_of(results).frame
    expected = stats.ttest_ind([30, 30.5, 30.2], [20, 20.1, 20.3, 20.4], equal_var=False)
    assert float(frame["psnr_p"].iloc[0]) == pytest.approx(expected.pvalue, rel=1e-6)
    assert list(frame["psnr_verdict"]) == ["higher"]
    assert list(frame["second_seeds"]) == ["7, 8, 9, 10"]


def test_one_seed_on_either_side_gives_no_verdict_about_methods(trained: Callable[..., list[CellResult]]) -> None:
    several, single = trained("a", (30, 33), (0, 1)), trained("bb", (20,), (0,))
    assert methods_table([*several, *single]) is None
    assert methods_table(several) is None
    assert methods_table([]) is None


def test_other_images_give_no_difference(trained: Callable[..., list[CellResult]]) -> None:
    results = [*trained("a", (30, 33), (0, 1)), *trained("bb", (20, 21), (0, 1))]
    fewer = replace(results[3], quality=results[3].quality.iloc[1:], rows=results[3].rows.iloc[1:])
    frame = table_of([*results[:3], fewer]).frame
    assert list(frame["psnr_verdict"]) == ["—"]


def test_written_and_printed_where_there_is_one(
    tmp_path: Path, caption: Caption, trained: Callable[..., list[CellResult]]
) -> None:
    results = [*trained("a", (30, 33, 36), (0, 1, 2)), *trained("bb", (31, 35, 31.5), (0, 1, 2))]
    assert "methods" in [printed.name for printed, _ in report_tables(results, PSNR_SSIM)]
    write_report(tmp_path, results, caption, PSNR_SSIM)
    file = tmp_path / "tables" / "methods.md"
    assert "other seeds and other images" in file.read_text(encoding="utf-8")
    console = Console(width=140, file=io.StringIO(), force_terminal=False)
    print_tables(results, caption, console)
    assert isinstance(console.file, io.StringIO)
    assert "Methods compared over seeds" in console.file.getvalue()
    write_report(tmp_path, results[:1], caption, PSNR_SSIM)
    assert not file.exists()
