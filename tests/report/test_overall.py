"""Means and worst cases over everything that was done, against sums by hand."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from ftbench.report import print_tables, write_report
from ftbench.report.overall import overall_table
from ftbench.report.result import Caption
from ftbench.report.table import Table
from ftbench.storage.results import PSNR_SSIM, CellResult


def wronged(result: CellResult, label: str, errors: dict[tuple[str, str], int]) -> CellResult:
    """A result whose images have so many wrong bits each under (simulator, distortion)."""
    plain = result.rows[(result.rows["simulator"] == "none") & (result.rows["distortion"] == "identity")]
    rows = [
        plain.assign(simulator=simulator, distortion=distortion, code_errors=count)
        for (simulator, distortion), count in errors.items()
    ]
    return replace(result, cell=label * 64, label=label, rows=pd.concat(rows))


@pytest.fixture
def two(result: CellResult) -> list[CellResult]:
    marked = {("none", "identity"): 0, ("unmarked", "identity"): 4}
    first = {("swap", "identity"): 2, ("turn", "identity"): 1, ("none", "jpeg"): 0, ("none", "blur"): 1}
    second = {("swap", "identity"): 1, ("turn", "identity"): 0, ("none", "jpeg"): 3, ("none", "blur"): 2}
    # Under a simulator and a distortion at once: part of neither mean.
    both = {("swap", "jpeg"): 4}
    return [wronged(result, "a", marked | first | both), wronged(result, "b", marked | second | both)]


def table_of(results: list[CellResult]) -> Table:
    table = overall_table(results)
    assert table is not None
    return table


def values(table: Table, key: str) -> list[float]:
    return [entry.estimate.value for entry in table.frame[key]]


def test_means_and_worst_by_hand_and_the_best_first(two: list[CellResult]) -> None:
    table = table_of(two)
    assert list(table.frame["label"]) == ["b", "a"]
    assert values(table, "simulators_bit_accuracy") == pytest.approx([1 - 1 / 8, 1 - 3 / 8])
    assert values(table, "worst_simulators_bit_accuracy") == pytest.approx([3 / 4, 2 / 4])
    assert list(table.frame["worst_simulators_name"]) == ["swap", "swap"]
    assert values(table, "distortions_bit_accuracy") == pytest.approx([1 - 5 / 8, 1 - 1 / 8])
    assert values(table, "worst_distortions_bit_accuracy") == pytest.approx([1 / 4, 3 / 4])
    assert list(table.frame["worst_distortions_name"]) == ["jpeg", "blur"]
    # Every image of every mean counts once: two images, whatever was done to them.
    assert {entry.estimate.n for entry in table.frame["simulators_bit_accuracy"]} == {2}
    assert "by the mean over simulators" in table.notes[0]


def test_it_is_printed_below_the_main_table(two: list[CellResult], caption: Caption) -> None:
    console = Console(file=io.StringIO(), width=120)
    print_tables(two, caption, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    below = printed.partition("Who reads best over everything")[2]
    assert "87.50" in below
    assert below.index(" b ") < below.index(" a ")


def test_without_two_of_a_kind_there_is_no_mean_of_it(two: list[CellResult], result: CellResult) -> None:
    one = [replace(each, rows=each.rows[each.rows["simulator"] != "turn"]) for each in two]
    table = table_of(one)
    assert not [column for column in table.frame.columns if "simulators" in column]
    # Then the distortions say who is best.
    assert list(table.frame["label"]) == ["a", "b"]
    assert overall_table(two[:1]) is None
    assert overall_table([result, replace(result, cell="c" * 64)]) is None


def test_a_setting_without_rows_stands_last(two: list[CellResult]) -> None:
    nothing = replace(two[0], cell="c" * 64, label="c", rows=two[0].rows.iloc[:0])
    table = table_of([nothing, *two])
    assert list(table.frame["label"]) == ["b", "a", "c"]
    assert table.frame["simulators_bit_accuracy"].iloc[-1].estimate is None


def test_its_files_go_when_there_is_nothing_to_say(tmp_path: Path, two: list[CellResult], caption: Caption) -> None:
    write_report(tmp_path, two, caption, PSNR_SSIM)
    frame = pd.read_csv(tmp_path / "tables" / "overall.csv")
    assert np.allclose(frame["simulators_bit_accuracy_value"], [0.875, 0.625])
    write_report(tmp_path, two[:1], caption, PSNR_SSIM)
    assert not list((tmp_path / "tables").glob("overall.*"))
