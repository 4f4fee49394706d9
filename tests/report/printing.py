"""What a run prints of some results, and its crossed tables by name."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from rich.console import Console

from ftbench.report import print_made, report_tables
from ftbench.report.result import Caption
from ftbench.report.table import Measured, Table
from ftbench.report.tables import csv_text
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import PSNR_SSIM, CellResult, MetricInfo


def print_tables(results: Sequence[CellResult], caption: Caption, console: Console) -> None:
    print_made({made.name: made for made, _ in report_tables(results, PSNR_SSIM)}, caption, console)


def printed(results: Sequence[CellResult], caption: Caption, width: int = 120) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    print_tables(results, caption, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def tables(
    results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM, *, methods_across: bool = True
) -> dict[str, tuple[Table, Table]]:
    return {made.name: (made, rows) for made, rows in report_tables(results, metrics, methods_across=methods_across)}


def lines(table: Table) -> list[dict[str, str]]:
    """The lines of its CSV file."""
    return list(csv.DictReader(io.StringIO(csv_text(table))))


def entry(table: Table, row: str, column: int = 0) -> Measured:
    """What stands in the first row of that title, in the column of that method."""
    index = list(table.frame["row"]).index(row)
    key = [column.key for column in table.columns if column.digits is not None][column]
    found = table.frame[key].iloc[index]
    assert isinstance(found, Measured)
    return found


def estimate(table: Table, row: str, column: int = 0) -> Estimate:
    found = entry(table, row, column).estimate
    assert found is not None
    return found
