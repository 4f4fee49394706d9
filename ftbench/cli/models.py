"""The commands about models themselves: models."""

from __future__ import annotations

import typer

from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.plaintext import shown


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(models)


def models() -> None:
    """List the models that are installed: what embed and extract take by name."""
    from tabulate import tabulate

    from ftbench.marking.catalogue import CARD, MODEL_WEIGHTS, TRAIN, entry_of, installed

    rows, wrong = [], False
    for name, folder in installed().items():
        try:
            entry = entry_of(folder)
            size = f"{(folder / MODEL_WEIGHTS).stat().st_size / 2**20:.1f} MiB"
        except (BadInput, OSError) as error:
            Console(stderr=True, soft_wrap=True).print(shown(f"{name}: {error}"), style="red", markup=False)
            wrong = True
            continue
        said = {"model": name, "version": entry.version, "bits": entry.bits, "of them a check": entry.tag}
        inside = {"inside": f"{entry.settings.size} px", "weights": size, "digest": entry.digest[:12]}
        rows.append({**said, **inside, "licence": entry.licence, "survives": entry.survives, "card": folder / CARD})
    if rows:
        typer.echo(tabulate(rows, headers="keys", disable_numparse=True))
    elif not wrong:
        typer.echo(f"no model is installed; install ftbench anew, {TRAIN}")
    if wrong:
        raise typer.Exit(1)
