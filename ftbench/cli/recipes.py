"""The command that lists public face networks whose files can be used."""

from __future__ import annotations

import importlib

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(recipes)


def recipes() -> None:
    """List the public face networks that exported runs as their own tools do, from files of yours."""
    rows = importlib.import_module("ftbench_exported.recipes").listing()
    for row in rows:
        typer.echo(row.pop("recipe"))
        for key, value in row.items():
            if value:
                typer.echo(f"    {key}: {value}")
