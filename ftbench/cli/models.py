"""The commands about models themselves: models, export, train-marker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ftbench.cli.mark import Setting, StoreFolder, Tag, load
from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.plaintext import shown
from ftbench.storage.places import is_remote, place


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(models)
    app.command()(export)
    app.command("train-marker")(train_marker)


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


def train_marker(
    photos: Annotated[Path, typer.Argument(metavar="PHOTOS", help="A folder of photographs, 40 or more.")],
    out: Annotated[
        Path, typer.Option(parser=place, metavar="FOLDER", help="The model's folder, whose name is the model's.")
    ] = Path("my-marker"),
    bits: Annotated[int, typer.Option(min=4, max=256, help="Of a payload, its check included.")] = 32,
    psnr: Annotated[float, typer.Option(min=20, max=60, help="Quality of marked pictures, dB.")] = 40.0,
    size: Annotated[int, typer.Option(help="Side in pixels that the network sees, a multiple of 8.")] = 256,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="Train this model's weights further: quicker than from nothing."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the training; default: 8000, and 2000 with --from.")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="As many steps as fit into 30m, 2h …; measured before it begins."),
    ] = None,
) -> None:
    """Train a marker on photographs of your own; it ends in a folder that embed and extract take. Again: go on."""
    from ftbench.progress import seconds_in

    if steps is not None and time is not None:
        raise BadInput("--steps and --for exclude each other; leave one out")
    if is_remote(out):
        raise BadInput(f"--out {out}: a model's folder is one of this machine, and can be copied from there")
    seconds = None if time is None else seconds_in(time, "--for")
    from ftbench.marking import training
    from ftbench.marking.catalogue import folder_of

    begun = None if start is None else folder_of(start)
    steps = steps or (training.FURTHER if begun else training.Wish.steps)
    wish = training.Wish(photos, out, bits, psnr, size, steps, begun, seconds)
    entry = training.train(wish, Console())
    typer.echo(shown(f"{out}: {entry.bits} bits, {entry.tag} of them a check; ftbench embed --model {out} photo.jpg"))
