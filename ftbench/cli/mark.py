"""The commands that use a trained pair on one's own pictures: embed, extract."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite, told
from ftbench.plaintext import shown
from ftbench.storage.places import is_remote, place

if TYPE_CHECKING:
    from ftbench.marking.inference import Marked
    from ftbench.marking.trained import Trained

Item = TypeVar("Item")
Result = TypeVar("Result")
LONGEST_CELL = 300
"""Characters: a payload may have been given to a thousand pictures."""
LINE: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}


class Format(StrEnum):
    """What marked pictures are saved as."""

    png = "png"
    jpeg = "jpeg"
    same = "same"


class Spelling(StrEnum):
    """How payloads are printed."""

    bits = "bits"
    int = "int"
    text = "text"


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL] PICTURE...",
        help="JPEG, PNG, WebP, TIFF or BMP files, or folders with all that is below. Before them, if another model "
        "than portrait-256 is meant: its name, its folder, a results folder, or a train-… folder of a .store.",
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="The model, where it is not the first word.")
]
FilesFrom = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE",
        help="Pictures and folders that a file names, one a line; - reads standard input.",
    ),
]
Setting = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL", help="Which of MODEL's trained cells: its label or identity, or the beginning of either."
    ),
]
StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", parser=place, metavar="FOLDER", help="Where the weights are; default: MODEL's own .store."),
]
Tag = Annotated[
    int | None,
    typer.Option(
        metavar="BITS", help="Last bits of each payload that are a check of the others; default: the model's own."
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="Whose content the check is made with; default: a key that everybody knows."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(embed)
    app.command()(extract)


def embed(
    words: Words = None,
    model: Model = None,
    files_from: FilesFrom = None,
    setting: Setting = None,
    payload: Annotated[
        str | None,
        typer.Option(
            metavar="BITS",
            help="Write this into every picture: bits, hexadecimal after 0x, int:N, text:T; or uuid:U, which the "
            "register keeps beside a drawn payload.",
        ),
    ] = None,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="For the register, to be shown where one of these pictures is traced.")
    ] = "",
    draw: Annotated[
        bool, typer.Option("--draw", help="Draw a payload for each picture: the default without --payload.")
    ] = False,
    psnr: Annotated[
        float | None,
        typer.Option(min=10, max=70, help="Quality of the marked pictures, dB; default: what the model is for."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(parser=place, metavar="FOLDER", help="Folder of the marked pictures and their payloads.csv."),
    ] = Path("marked"),
    kind: Annotated[
        Format, typer.Option("--format", help="png; jpeg; or same: the picture's own, without loss unless it is JPEG.")
    ] = Format.png,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Of JPEG files; default: 95.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are in --out already.")] = False,
    store: StoreFolder = None,
    tag: Tag = None,
    key: Key = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--register",
            metavar="FILE",
            help="Of payloads; in SQLite if it ends in .sqlite. Default: payloads.csv in --out.",
        ),
    ] = None,
) -> None:
    """Write a payload into pictures; each becomes a new file, and its payload a row of payloads.csv."""
    if draw and payload is not None:
        raise BadInput("--draw and --payload exclude each other; leave one out")
    if is_remote(out):
        raise BadInput(f"--out {out}: marked pictures go into a folder of this machine, and can be copied from there")
    if quality is not None and kind is Format.png:
        raise BadInput("--quality is for JPEG files; give --format jpeg or leave it out")
    from ftbench.marking import given, inference, presence, register, sources, tracing

    wanted, note = given.spoken(payload, note)
    secret = presence.read_key(key)
    named, pictures = split(words or (), model)
    gathered = sources.gather(_named(pictures, files_from), leave_out=out)
    trained = given.with_tag(load(named, setting, store), tag)
    order = inference.Order(
        trained=trained,
        register=tracing.opened(into or out / register.REGISTER),
        payload=None if wanted is None else given.whole(wanted, trained, secret),
        psnr=psnr,
        format=kind.value,
        quality=quality or 95,
        overwrite=overwrite,
        key=secret,
        note=note,
    )
    # Now, and not at the first picture: where payloads cannot be kept, none is given.
    _warn(*register.few(order.register.read().faults))
    console = Console()

    def one(job: sources.Job) -> Marked:
        marked = inference.embed(order, job)
        console.print(_line(job.source, marked), **LINE)
        return marked

    jobs = [(job.source, job) for job in sources.plan(gathered.pictures, out, order.format)]
    done = [result for result in _each(jobs, one, "embed", console) if not isinstance(result, BadInput)]
    kept = f"; payloads in {order.register.path}" if done else ""
    console.print(shown(f"{len(done)} of {len(jobs)} pictures marked with {trained.label!r}{kept}"), **LINE)
    if gathered.passed:
        console.print(shown(gathered.passed_over()), **LINE)
    misread = sum(marked.read_back < trained.bits for marked in done)
    if misread:
        console.print(
            f"{misread} of them do not read back in full; try a lower --psnr or another model",
            style="yellow",
            **LINE,
        )
    if len(done) < len(jobs):
        raise typer.Exit(1)


def extract(
    words: Words = None,
    model: Model = None,
    files_from: FilesFrom = None,
    setting: Setting = None,
    expect: Annotated[
        str | None, typer.Option(metavar="BITS", help="Compare with this payload: bits, or hexadecimal after 0x.")
    ] = None,
    among: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with every payload of a register, CSV or SQLite, show the closest."),
    ] = None,
    drawn: Annotated[
        bool, typer.Option("--drawn", help="The --expect payload was drawn by chance, so that it has a p-value.")
    ] = False,
    false_positives: Annotated[
        float | None,
        typer.Option(
            "--false-positives",
            metavar="SHARE",
            min=0,
            max=1,
            help="Of unmarked pictures that may count as marked, whatever was tried; default: 0.001.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="To search each picture for a mark that was cut, framed, mirrored or turned; 0: none. Default: 3 "
            "where payloads have a check, else 0.",
        ),
    ] = None,
    spelling: Annotated[
        Spelling, typer.Option("--as", help="How payloads are printed: bits; int or text, without their check.")
    ] = Spelling.bits,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    store: StoreFolder = None,
    tag: Tag = None,
    key: Key = None,
) -> None:
    """Read the payload of pictures, say whether they are marked, and compare them with payloads that were given.

    Every picture reads as some payload, marked or not: only a check within it or a comparison tells.
    """
    if expect is not None and among is not None:
        raise BadInput("--expect and --among exclude each other; leave one out")
    if drawn and expect is None:
        raise BadInput("--drawn speaks of the payload of --expect; a register says itself which were drawn")
    from ftbench.marking import finding, given, presence, sources, tracing
    from ftbench.marking.register import few

    secret = presence.read_key(key)
    named, pictures = split(words or (), model)
    gathered = sources.gather(_named(pictures, files_from))
    trained = given.with_tag(load(named, setting, store), tag)
    rules = finding.rules(trained, false_positives, seconds, secret)
    candidates = finding.Candidates()
    if expect is not None:
        candidates = tracing.expected(given.whole(expect, trained, secret), drawn)
    elif among is not None:
        candidates = tracing.registered(among, trained)
        _warn(*filter(None, [tracing.other_key(candidates, trained, secret)]))
        _warn(*few(candidates.faults))
    items = [(source.path, source) for source in gathered.pictures]

    def one(source: sources.Source) -> dict[str, Any]:
        if source.obstacle:
            raise BadInput(source.obstacle)
        said = tracing.extract(trained, source.path, candidates, rules)
        data = said["payload"].removeprefix("0b")[: trained.bits - trained.tag]
        return said if spelling is Spelling.bits else {**said, "payload": given.readable(data, spelling.value)}

    outcome = _each(items, one, "extract", Console(stderr=True))
    rows = [
        {"file": str(source.path), **({"error": str(result)} if isinstance(result, BadInput) else result)}
        for source, result in zip(gathered.pictures, outcome, strict=True)
    ]
    if as_json:
        # Escapes alone: names of any script and any bytes pass through every terminal and encoding.
        typer.echo(json.dumps(rows, indent=2))
    else:
        typer.echo(_table([row for row in rows if "error" not in row]), nl=False)
    if gathered.passed:
        _warn(gathered.passed_over())
    if any("error" in row for row in rows):
        raise typer.Exit(1)


def split(words: Sequence[str], model: str | None) -> tuple[str, list[Path]]:
    """The model that a command line means, and its pictures: the first word may be either."""
    from ftbench.marking.catalogue import DEFAULT, is_model
    from ftbench.marking.sources import ENDINGS

    first = words[0] if words else ""
    # A model's name with a slip in it must not be taken for a picture that is not there.
    slip = len(words) > 1 and not place(first).exists() and Path(first).suffix.lower() not in ENDINGS
    if model is None and first and (is_model(first) or slip):
        return first, [Path(word) for word in words[1:]]
    return model or DEFAULT, [Path(word) for word in words]


def _named(pictures: Sequence[Path], files_from: Path | None) -> list[Path]:
    from ftbench.marking.sources import listed

    named = [*pictures, *(listed(files_from) if files_from else [])]
    if not named:
        raise BadInput("no picture is named; give files or folders, or a list of them with --files-from")
    return named


def _warn(*sentences: str) -> None:
    for sentence in sentences:
        Console(stderr=True).print(f"ftbench: {shown(sentence)}", style="yellow", **LINE)


def load(model: str, setting: str | None, store: Path | None) -> Trained:
    """The model that a word means, and its warnings to the errors. Raises BadInput."""
    from ftbench.marking.load import load_model

    trained = load_model(model, setting, store)
    _warn(*trained.warnings)
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
            except Exception as error:
                # Whatever is wrong with one picture, or goes wrong with it alone: the others are not to wait for it.
                fault = error if isinstance(error, BadInput) else BadInput(f"it could not be worked on ({told(error)})")
                outcome.append(fault)
                errors.print(shown(f"{path}: {fault}"), style="red", **LINE)
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
    return shown(f"{source} -> {marked.target}: {quality}, payload {spell(marked.payload)}, {read}{notes}")


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """What was read, and below it why some rows have no p-value."""
    from tabulate import tabulate

    if not rows:
        return ""
    reasons = dict.fromkeys(row["no_p_value"] for row in rows if "no_p_value" in row)
    cells = [{key: _cell(key, value) for key, value in row.items() if key != "no_p_value"} for row in rows]
    return "\n".join([tabulate(cells, headers="keys", disable_numparse=True), *reasons, ""])


def _cell(key: str, value: Any) -> str:
    if key in ("p_value", "false_positives"):
        return "none" if value is None else f"{value:.3g}"
    if isinstance(value, dict):
        value = ", ".join(f"{name} {held}" for name, held in value.items() if held is not False)
    text = shown(str(value))
    return text if len(text) <= LONGEST_CELL or key == "file" else f"{text[:LONGEST_CELL]}…"
