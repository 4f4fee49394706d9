"""The commands about models themselves: models, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ftbench.cli.mark import Setting, StoreFolder, Tag, load
from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.plaintext import shown


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(models)
    app.command()(export)


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


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As for embed: a name, a folder, or results.")],
    onnx: Annotated[Path, typer.Option("--onnx", metavar="FOLDER", help="Where the three files go.")],
    setting: Setting = None,
    store: StoreFolder = None,
    tag: Tag = None,
) -> None:
    """Write a model's networks as ONNX, and beside them in JSON what is done around them."""
    from ftbench.marking import given
    from ftbench.marking.export import AROUND
    from ftbench.marking.export import export as write

    apart = write(given.with_tag(load(model, setting, store), tag), onnx)
    for name, difference in apart.items():
        typer.echo(f"{onnx / name}: {difference:.1e} from torch at most, run by onnxruntime")
    typer.echo(f"{onnx / AROUND}: what is done before and after")
