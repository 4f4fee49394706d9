"""The report on a terminal: measures down, settings across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ftbench.report.methods import methods_table
from ftbench.report.overall import overall_table
from ftbench.report.pairs import pairs_table
from ftbench.report.result import Stated
from ftbench.report.seeds import seeds_table
from ftbench.report.summary import main_table
from ftbench.report.table import Column, Measured, Table, format_measured, shared_n
from ftbench.report.tables import caption_text
from ftbench.storage.results import PSNR_SSIM, STALLED, CellResult, MetricInfo

_NAME_WIDTH, _VALUE_WIDTH = 24, 25
PAIR_WIDTH = 34
"""Letters that naming a pair may take; longer labels are numbered."""
PAIRS_SHOWN = 12
"""Pairs grow with the square of the settings; the rest stand in the files."""


def print_tables(
    results: Sequence[CellResult],
    caption: Stated,
    console: Console,
    metrics: Sequence[MetricInfo] = PSNR_SSIM,
) -> None:
    """Print the tables of some results as ``print_made`` does."""
    main = main_table(results, metrics)
    others = (seeds_table(results, main), overall_table(results, metrics), methods_table(results, metrics))
    made = (main, *filter(None, others), pairs_table(results, metrics))
    print_made({table.name: table for table in made}, caption, console)


def print_made(tables: Mapping[str, Table], caption: Stated, console: Console) -> None:
    """Print the main table, its means over seeds and the verdicts of its methods and pairs, of tables by name.

    Three settings fit 100 columns, more go below.
    """
    main = tables["main"]
    console.print(Text(caption_text(main, caption), style="dim"))
    if main.frame.empty:
        console.print(main.nothing)
        return
    _print_across(main, "label", console)
    for note in main.notes:
        console.print(Text(note, style="bold red" if STALLED.upper() in note else "dim"))
    if seeds := tables.get("seeds"):
        console.print(Text(f"\n{seeds.title}", style="bold"))
        _print_across(seeds, "label", console)
        for note in seeds.notes:
            if note not in main.notes:
                console.print(Text(note, style="dim"))
    if overall := tables.get("overall"):
        console.print(Text(f"\n{overall.title}", style="bold"))
        _print_across(overall, "label", console)
        for note in overall.notes:
            console.print(Text(note, style="dim"))
    for compared in (tables.get("methods"), tables.get("pairs")):
        if compared and (len(main.frame) > 1 or not compared.frame.empty):
            _print_compared(compared, console)


def _print_compared(table: Table, console: Console) -> None:
    console.print(Text(f"\n{table.title}", style="bold"))
    if table.frame.empty:
        console.print(table.nothing)
    else:
        _print_pairs(table, console)
    for note in table.notes:
        console.print(Text(note, style="dim"))


def _print_across(table: Table, heading: str, console: Console) -> None:
    """One column a row of ``table``, in as many blocks as the width asks for."""
    measures = [column for column in table.columns if column.digits is not None]
    a_block = max(1, (console.width - _NAME_WIDTH) // _VALUE_WIDTH)
    for start in range(0, len(table.frame), a_block):
        block = table.frame.iloc[start : start + a_block]
        drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        drawn.add_column("")
        drawn.add_column("seeds" if measures[0].over_seeds else "n", justify="right", style="dim")
        for label, status in zip(block[heading], block["status"], strict=True):
            stalled = STALLED.upper() in status
            title = f"{label}\n{status}" if stalled else str(label)
            drawn.add_column(Text(title, style="bold red" if stalled else "bold"), justify="right")
        part = ""
        for column in measures:
            if column.part != part:
                part = column.part
                drawn.add_row(Text(part, style="italic"))
            n = shared_n(table, column)
            values = [format_measured(entry, column, with_n=n is None) for entry in block[column.key]]
            drawn.add_row(Text(f" {column.title}"), "" if n is None else str(n), *map(Text, values))
            # A number and its interval stay on one line; the words beside them may wrap.
            for shown, value in zip(drawn.columns[2:], values, strict=True):
                shown.min_width = max(shown.min_width or 0, value.find("]") + 1)
        console.print(drawn)


def _print_pairs(table: Table, console: Console) -> None:
    """One row a pair; each measure is its difference and its verdict."""
    measures = [column for column in table.columns if column.digits is not None]
    shown = table.frame.head(PAIRS_SHOWN)
    pairs = list(zip(shown["first"], shown["second"], strict=True))
    labels = list(dict.fromkeys(label for pair in pairs for label in pair))
    names = {label: label for label in labels}
    if any(len(f"{first} − {second}") > PAIR_WIDTH for first, second in pairs):
        names = {label: f"#{number}" for number, label in enumerate(labels, start=1)}
        for label, name in names.items():
            console.print(f"  {name} {label}", highlight=False, markup=False)
    drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    drawn.add_column("first − second", no_wrap=True)
    for column in measures:
        drawn.add_column(column.title)
    for (first, second), (_, row) in zip(pairs, shown.iterrows(), strict=True):
        cells = [_verdict(row[c.key], str(row[c.key.replace("_difference", "_verdict")]), c) for c in measures]
        drawn.add_row(Text(f"{names[first]} − {names[second]}"), *cells)
    console.print(drawn)
    if len(table.frame) > PAIRS_SHOWN:
        console.print(f"… and {len(table.frame) - PAIRS_SHOWN} more pairs in the files.", highlight=False)


def _verdict(entry: Measured, said: str, column: Column) -> Text:
    if entry.estimate is None:
        return Text(said)
    value = format_measured(entry, column).split(" ", 1)[0]
    return Text(f"{value} {said}", style="" if said in ("higher", "lower") else "dim")
