"""The commands that hold results against the protocol: leaderboard, credential."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.storage.places import place


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(leaderboard)


def leaderboard(
    folders: Annotated[
        list[str],
        typer.Argument(metavar="FOLDER…", help="Results folders, or folders above them, also of other people's."),
    ],
    out: Annotated[Path, typer.Option(parser=place, metavar="FOLDER", help="Where the table and the page go.")] = Path(
        "leaderboard"
    ),
) -> None:
    """Rank the methods of many results folders by the protocol, in one table and one page (docs/protocol.md).

    What cannot be read is said in the table, and the rest stands. Exits with 2 where nothing could be read.
    """
    from ftbench.protocol.board import UNREAD
    from ftbench.protocol.publish import write_board
    from ftbench.report.terminal import print_table

    console = Console()
    table, written = write_board([place(folder) for folder in folders], out)
    print_table(table, console)
    for line in ("Written: " + ", ".join(file.name for file in written[:-1]), f"To look at: {written[-1]}"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if all(state == UNREAD for state in table.frame["state"]):
        raise BadInput("none of these folders could be read; name folders such as results/<benchmark>/<data>-<scale>")
