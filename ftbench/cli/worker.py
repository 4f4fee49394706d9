"""The command that works for others: ``ftbench worker``, Dask's own worker as cells need it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    # What it does not know is Dask's.
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(worker)


def worker(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The scheduler's address, or its scheduler file.")],
    time: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="TIME",
            help="Leave after 55m, 3h50m …: a training keeps a checkpoint, and another worker goes on with it.",
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Memory that cells may take, such as 16GiB; default: nobody counts it."),
    ] = None,
) -> None:
    """Work on cells of runs that a Dask scheduler hands out, one at a time. Options of dask worker may follow."""
    from ftbench.cluster.serving import serve

    sys.exit(serve(address, time, memory, context.args, file=Path(address).is_file() or address.endswith(".json")))
