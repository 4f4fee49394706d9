"""The report on a terminal: the overview, what is read after each attack, who is better, and all that in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ftbench.report.layout import WIDTH, Entry, Piece, pieces
from ftbench.report.result import Stated
from ftbench.report.table import Table
from ftbench.report.tables import caption_text
from ftbench.storage.results import STALLED

SHOWN = ("overview", "attacks", "methods", "pairs")
"""Tables that a run prints; the others stand in its files."""
PAIRS_SHOWN = 12
"""Pairs grow with the square of the settings; the rest stand in the files."""


def print_made(
    tables: Mapping[str, Table],
    caption: Stated,
    console: Console,
    shown: Sequence[str] = SHOWN,
    most: int = PAIRS_SHOWN,
) -> None:
    """Print the tables that ``shown`` names, of tables by name: their caption once, ``most`` rows of comparisons."""
    told = False
    said: set[str] = set()
    for name in shown:
        table = tables.get(name)
        if table is None or not table.printed:
            continue
        if table.frame.empty:
            if not told or name != "pairs":
                console.print(table.nothing)
            told = True
            continue
        if not told:
            console.print(Text(caption_text(table, caption), style="dim"))
            told = True
        left = len(table.frame) - most if name in ("pairs", "methods") else 0
        cut = replace(table, frame=table.frame.head(most)) if left > 0 else table
        notes = _print(cut, console)
        if left > 0:
            console.print(f"… and {left} more in the files.", highlight=False)
        for note in (*notes, *table.notes):
            if note not in said:
                said.add(note)
                console.print(Text(note, style="bold red" if STALLED.upper() in note else "dim"))
    _print_lead(tables, console)


def _print_lead(tables: Mapping[str, Table], console: Console) -> None:
    """In words what came of it, last, where it is read."""
    lead = next((table.lead for table in tables.values() if table.lead), ())
    if lead:
        console.print(Text("\nIn words", style="bold"))
    for about, text in lead:
        console.print(Text.assemble((f"{about}: ", "dim"), text))
    if lead:
        console.print()


def print_table(table: Table, console: Console) -> None:
    """Print a whole table and its notes."""
    for note in (*_print(table, console), *table.notes):
        console.print(Text(note, style="dim"))


def _print(table: Table, console: Console) -> list[str]:
    """Print title and pieces; returns the notes of the layout."""
    found, notes = pieces(table, min(console.width, WIDTH), lambda entry: entry.text)
    console.print(Text(f"\n{table.title}", style="bold"))
    heading = ""
    for piece in found:
        if piece.heading != heading:
            heading = piece.heading
            console.print(Text(heading, style="italic"))
        console.print(_drawn(piece))
    return notes


def _drawn(piece: Piece) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for title, right in zip(piece.columns, piece.right, strict=True):
        style = "bold red" if STALLED.upper() in title else "bold"
        drawn.add_column(Text(title, style=style), justify="right" if right else "left")
    for row in piece.rows:
        if isinstance(row, str):
            drawn.add_row(Text(row, style="italic dim"))
        else:
            drawn.add_row(*map(_text, row))
    return drawn


def _text(entry: Entry) -> Text:
    loud = "bold red" if STALLED.upper() in entry.text else "bold" if entry.bold else ""
    return Text(entry.text, style=loud)
