"""The commands that use a trained pair on one's own pictures: embed, extract."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite

if TYPE_CHECKING:
    from ftbench.marking.inference import Marked
    from ftbench.marking.trained import Trained

Item = TypeVar("Item")
Result = TypeVar("Result")
LINE: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}


class Format(StrEnum):
    """What marked pictures are saved as."""

    png = "png"
    jpeg = "jpeg"
    same = "same"


Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="A results folder, e.g. results/paper/two_identity-small, or a train-… folder of a .store.",
    ),
]
Pictures = Annotated[list[Path], typer.Argument(metavar="PICTURE", help="JPEG, PNG, WebP, TIFF or BMP files.")]
Setting = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL", help="Which of MODEL's trained cells: its label or identity, or the beginning of either."
    ),
]
StoreFolder = Annotated[
    Path | None, typer.Option("--store", help="Where the weights are; default: the .store of MODEL's results.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(embed)
    app.command()(extract)


def embed(
    model: Model,
    pictures: Pictures,
    setting: Setting = None,
    payload: Annotated[
        str | None, typer.Option(metavar="BITS", help="Write this into every picture: bits, or hexadecimal after 0x.")
    ] = None,
    draw: Annotated[
        bool, typer.Option("--draw", help="Draw a payload for each picture: the default without --payload.")
    ] = False,
    psnr: Annotated[
        float | None,
        typer.Option(min=10, max=70, help="Quality of the marked pictures, dB; default: what the model is for."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the marked pictures and their payloads.csv.")] = Path("marked"),
    kind: Annotated[
        Format, typer.Option("--format", help="png; jpeg; or same: the picture's own, without loss unless it is JPEG.")
    ] = Format.png,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Of JPEG files; default: 95.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are in --out already.")] = False,
    store: StoreFolder = None,
) -> None:
    """Write a payload into pictures; each becomes a new file, and its payload a row of payloads.csv."""
    if draw and payload is not None:
        raise BadInput("--draw and --payload exclude each other; leave one out")
    if quality is not None and kind is Format.png:
        raise BadInput("--quality is for JPEG files; give --format jpeg or leave it out")
    from ftbench.marking import inference, payloads

    trained = _load(model, setting, store)
    order = inference.Order(
        trained=trained,
        register=payloads.Register(out / payloads.REGISTER),
        payload=None if payload is None else payloads.parse(payload, trained.bits),
        psnr=psnr,
        format=kind.value,
        quality=quality or 95,
        overwrite=overwrite,
    )
    # Now, and not at the first picture: where payloads cannot be kept, none is given.
    order.register.entries()
    console = Console()

    def one(job: inference.Job) -> Marked:
        marked = inference.embed(order, job)
        console.print(_line(job.source, marked), **LINE)
        return marked

    jobs = [(job.source, job) for job in inference.plan(pictures, out, order.format)]
    done = [result for result in _each(jobs, one, "embed", console) if not isinstance(result, BadInput)]
    kept = f"; payloads in {order.register.path}" if done else ""
    console.print(f"{len(done)} of {len(pictures)} pictures marked with {trained.label!r}{kept}", **LINE)
    misread = sum(marked.read_back < trained.bits for marked in done)
    if misread:
        console.print(
            f"{misread} of them do not read back in full; try a lower --psnr or another model",
            style="yellow",
            **LINE,
        )
    if len(done) < len(pictures):
        raise typer.Exit(1)


def extract(
    model: Model,
    pictures: Pictures,
    setting: Setting = None,
    expect: Annotated[
        str | None, typer.Option(metavar="BITS", help="Compare with this payload: bits, or hexadecimal after 0x.")
    ] = None,
    among: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Compare with every payload of a payloads.csv, show the closest."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    store: StoreFolder = None,
) -> None:
    """Read the payload of pictures and, where one is expected, say how likely so many matches are by accident.

    Every picture reads as some payload, marked or not: only the comparison tells.
    """
    if expect is not None and among is not None:
        raise BadInput("--expect and --among exclude each other; leave one out")
    from tabulate import tabulate

    from ftbench.marking import inference, payloads

    trained = _load(model, setting, store)
    known: list[inference.Known] = []
    if expect is not None:
        known = [inference.Known(payloads.parse(expect, trained.bits))]
    elif among is not None:
        known = inference.registered(among, trained)
    sources = [(path, path) for path in pictures]
    outcome = _each(sources, lambda path: inference.extract(trained, path, known), "extract", Console(stderr=True))
    rows = [
        {"file": str(path), **({"error": str(result)} if isinstance(result, BadInput) else result)}
        for path, result in zip(pictures, outcome, strict=True)
    ]
    read = [row for row in rows if "error" not in row]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif read:
        told = [{**row, **({"p_value": f"{row['p_value']:.3g}"} if known else {})} for row in read]
        typer.echo(tabulate(told, headers="keys", disable_numparse=True))
    if len(read) < len(rows):
        raise typer.Exit(1)


def _load(model: Path, setting: str | None, store: Path | None) -> Trained:
    from ftbench.discovery import discover
    from ftbench.marking.locate import find
    from ftbench.marking.trained import load

    trained = load(find(model, setting, store), discover())
    for sentence in trained.warnings:
        Console(stderr=True).print(f"ftbench: {sentence}", style="yellow", **LINE)
    return trained


def _each(
    items: Sequence[tuple[Path, Item]], work: Callable[[Item], Result], label: str, console: Console
) -> list[Result | BadInput]:
    """The result for each picture, or why there is none; one that fails stops no other."""
    from ftbench.progress import Silent, begin

    errors = Console(stderr=True)
    # Elsewhere than on a terminal, the lines about the pictures are progress enough.
    progress = begin(label, console) if console.is_terminal else Silent()
    outcome: list[Result | BadInput] = []
    progress.start(len(items))
    try:
        for path, item in items:
            try:
                outcome.append(work(item))
            except CannotWrite:
                raise
            except BadInput as error:
                outcome.append(error)
                errors.print(f"{path}: {error}", style="red", **LINE)
            progress.advance(len(outcome), {})
    finally:
        progress.stop()
    return outcome


def _line(source: Path, marked: Marked) -> str:
    from ftbench.marking.payloads import spell

    quality = f"{marked.psnr_of_mark:.2f} dB"
    if marked.psnr != marked.psnr_of_mark:
        quality += f", {marked.psnr:.2f} dB as saved"
    read = f"{marked.read_back} of {len(marked.payload)} bits read back"
    notes = "".join(f"; {note}" for note in marked.notes)
    return f"{source} -> {marked.target}: {quality}, payload {spell(marked.payload)}, {read}{notes}"
