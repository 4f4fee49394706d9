"""What the commands print with: nothing that they print steers a terminal, and a reader who left stops no work."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterable, Sequence

from rich import console as rich_console
from rich.cells import cell_len
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from ftbench.plaintext import shown_lines

STREAMS = (0, 1, 2)
FOLDED = 500
"""Rows that are folded to a terminal's width; more are left to the terminal."""


class Console(rich_console.Console):
    """rich's, but strangers' control characters are written out, and a closed pipe is no reason to stop."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of ``renderable``; colours and cursor movements are rich's own alone."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown_lines(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Say it once, and work on without a reader."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            silence(self.file.fileno())
        if not self.stderr:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                print("ftbench: nobody reads the output any more; the work goes on", file=sys.stderr, flush=True)


def print_columns(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text under headings, ten thousand as well; on a terminal too narrow for them, each text folded.

    A file or a pipe has no edge: what searches it finds each row in one line.
    """
    widths = [max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)]
    if console.is_terminal and sum(widths) + 2 * len(widths) > console.width and len(rows) <= FOLDED:
        table = Table(*(Column(heading, overflow="fold") for heading in headings), box=None)
        for row in rows:
            # Texts, because brackets in a name would be taken for markup.
            table.add_row(*map(Text, row))
        console.print(table)
        return
    lines = [
        "".join(f" {text}{' ' * (width - cell_len(text))} " for text, width in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *rows)
    ]
    console.print(Text(lines[0], "bold"), soft_wrap=True)
    # In one piece: rich looks at every line for long.
    console.print(Text("\n".join(lines[1:])), soft_wrap=True)


def prepare_streams() -> None:
    """At the start of a process: closed standard streams lead nowhere, and no character is beyond any encoding.

    What a stream's encoding lacks is written as an escape, so that Windows code pages and ASCII end no run.
    """
    for number in STREAMS:
        try:
            os.fstat(number)
        except OSError:
            # Else the next file that is opened gets this number, and what is printed.
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            stream = os.fdopen(number, "w", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
        # A stream that a caller put there may have nothing to set.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if logging.lastResort:
        logging.lastResort.setFormatter(_Plain())


class _Plain(logging.Formatter):
    """Warnings, which quote what strangers' code says."""

    def format(self, record: logging.LogRecord) -> str:
        return shown_lines(super().format(record))


def silence(descriptor: int) -> None:
    """Lead a descriptor nowhere: what is still buffered for it would fail again when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, descriptor)
    finally:
        os.close(nowhere)
