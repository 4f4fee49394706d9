"""Tables and figures from finished cells. Imports pandas; matplotlib only when a figure is drawn."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ftbench.report.attacked import attacks_table, combined_table, words_table
from ftbench.report.crossed import methods_of, tables_of
from ftbench.report.detection import RATES, detection_table
from ftbench.report.methods import methods_table
from ftbench.report.overview import overview_table
from ftbench.report.pairs import pairs_table
from ftbench.report.quality import quality_table
from ftbench.report.result import Caption, Samples
from ftbench.report.scores import scores_of
from ftbench.report.summary import main_table
from ftbench.report.table import Table
from ftbench.report.tables import records, write_table
from ftbench.report.terminal import print_made
from ftbench.storage.results import CellResult, MetricInfo

if TYPE_CHECKING:
    from ftbench.report.figures import ByBit

__all__ = [
    "Caption",
    "CellResult",
    "MetricInfo",
    "Samples",
    "print_made",
    "records",
    "report_tables",
    "write_report",
]

PLOTS = ("curves", "distortions", "transfer", "psnr", "flip", "bits", "residuals")
FIGURES = ("samples.png", *(f"{name}{ending}" for name in PLOTS for ending in (".png", ".svg")))
"""Every file under ``figures/``."""
TABLES = ("overview", "attacks", "words", "detection", "quality", "combined", "methods", "pairs", "main")
"""Every table, in the order in which they are read."""
EARLIER = ("seeds", "overall", "after", "fakes", "distortions")
"""Tables of earlier releases, whose numbers stand in others now."""
ENDINGS = (".md", ".csv", ".json", ".tex")


def report_tables(
    results: Sequence[CellResult],
    metrics: Sequence[MetricInfo],
    *,
    methods_across: bool = True,
    rates: Sequence[float] = RATES,
) -> list[tuple[Table, Table]]:
    """Every table of a report: as it is printed, and as it stands in its files for programs.

    ``rates``: of false positives at which marks are looked for, the mildest first.
    """
    with _uncollected():
        return _tables(results, metrics, methods_across, rates)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Tables of many cells are millions of small objects without a cycle: looking for one takes a sixth of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _tables(
    results: Sequence[CellResult], metrics: Sequence[MetricInfo], methods_across: bool, rates: Sequence[float]
) -> list[tuple[Table, Table]]:
    scores, methods = [scores_of(result) for result in results], methods_of(results)
    crossed = [
        overview_table(results, metrics, scores, methods),
        attacks_table(results, scores, methods),
        words_table(results, scores, methods),
        detection_table(results, scores, methods, rates),
        quality_table(results, metrics, scores, methods),
        combined_table(results, scores, methods),
    ]
    listed = [make(results, metrics, scores) for make in (methods_table, pairs_table, main_table)]
    return [
        *(tables_of(table, methods_across=methods_across) for table in crossed if table),
        *((table, table) for table in listed if table),
    ]


def write_report(
    folder: Path,
    results: Sequence[CellResult],
    caption: Caption,
    metrics: Sequence[MetricInfo],
    samples: Mapping[str, Samples] | None = None,
    *,
    pictures: bool = True,
    bits: Mapping[str, ByBit] | None = None,
    made: Sequence[tuple[Table, Table]] = (),
) -> list[Path]:
    """Write ``tables/`` and ``figures/`` under ``folder``, each file whole or not at all; return their paths.

    ``made`` is what ``report_tables`` gives, where somebody has it. ``samples`` maps a setting's label to its
    pictures, ``bits`` to how each of its bits was read. ``pictures`` False leaves out the sample images, which the
    data's licence may not let anyone publish; plots are drawn all the same. A figure of an earlier report that this
    one does not draw is removed, as is an earlier table that this one has not, so that nothing stands beside tables it
    does not belong to. Without a finished cell the tables say so in a sentence.
    """
    tables = folder / "tables"
    written: list[Path] = []
    for printed, rows in made or report_tables(results, metrics):
        written += write_table(tables, printed, caption, rows=rows)
    for name in (*TABLES, *EARLIER):
        for ending in ENDINGS:
            # Only what is there: a disk that takes nothing more refuses even to remove nothing.
            if (old := tables / f"{name}{ending}") not in written and old.exists():
                old.unlink()
    figures = folder / "figures"
    drawn: list[Path] = []
    if results:
        from ftbench.report.figures.every import every_figure

        drawn = every_figure(figures, results, caption, (samples or {}) if pictures else {}, bits or {})
    for name in FIGURES:
        if figures / name not in drawn and (figures / name).exists():
            (figures / name).unlink()
    return written + drawn
