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
    app.command()(credential)


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

    What cannot be read is said in the table, and the rest stands. Where nothing could be read, exits with 2 and writes
    nothing.
    """
    from ftbench.protocol.publish import write_board
    from ftbench.report.terminal import print_table

    console = Console()
    table, written = write_board([place(folder) for folder in folders], out)
    print_table(table, console)
    if not written:
        raise BadInput(
            f"none of these folders could be read, so nothing is written to {out}; name folders such as "
            "results/<benchmark>/<data>-<scale>"
        )
    for line in ("Written: " + ", ".join(file.name for file in written[:-1]), f"To look at: {written[-1]}"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def credential(
    results: Annotated[
        str | None,
        typer.Argument(metavar="RESULTS", help="A results folder such as results/field/many_identities-small."),
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", metavar="LABEL", help="Of this method alone, named as its tables do.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="An Ed25519 private key to sign with; with --check: whose signature it must be.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(parser=place, metavar="FOLDER", help="Where the files go; default: credentials within RESULTS."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", metavar="FILE", help="Check a credential, and with RESULTS that its numbers come from there."
        ),
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of credentials.")] = False,
) -> None:
    """Write a robustness credential of each method: one file that says what was measured, and that others can check.

    With --check exits with 0 where it holds, 1 where it was changed or somebody else signed, 2 on bad input
    (docs/credential.md).
    """
    if schema:
        from ftbench.protocol.form import schema_text

        typer.echo(schema_text(), nl=False)
    elif check is not None:
        if method is not None or out is not None:
            raise BadInput("--check goes with --key and RESULTS alone")
        _check(check, key, None if results is None else place(results))
    elif results is None:
        raise BadInput("name a results folder, or a credential with --check")
    else:
        _issue(place(results), method, key, out)


def _issue(results: Path, method: str | None, key: Path | None, out: Path | None) -> None:
    from ftbench.errors import nearest
    from ftbench.protocol.credential import CREDENTIALS, credentials, issue
    from ftbench.protocol.keys import private_key
    from ftbench.protocol.reading import read_one

    console = Console()
    if key is not None:
        # Before anything is counted.
        private_key(key)
    read = read_one(results)
    for fault in read.faults:
        console.print(f"left out: {fault.method}: {fault.why}", style="bold red", highlight=False, markup=False)
    made = [one for one in credentials(read) if method in (None, one.method.label)]
    if not made:
        labels = [entry.method for entry in read.entries]
        near = ", ".join(nearest(method or "", labels)) or ", ".join(labels) or "none"
        raise BadInput(f"{results} has no method {method!r}; it has {near}" if method else f"{results} has no method")
    for one in made:
        file = issue(one, key, out or results / CREDENTIALS)
        told = f"{file}: {one.protocol.state}" + (f" ({'; '.join(one.protocol.lacks)})" if one.protocol.lacks else "")
        console.print(told, highlight=False, markup=False, soft_wrap=True)


def _check(file: Path, key: Path | None, results: Path | None) -> None:
    from ftbench.protocol.credential import against, check
    from ftbench.protocol.keys import DoesNotHold
    from ftbench.protocol.reading import read_one

    console = Console()
    said, by = check(file, key)
    told = [f"{file} is what was issued on {said.issued}, {by}"]
    if results is not None:
        try:
            told.append(against(said, read_one(results)))
        except DoesNotHold as error:
            raise DoesNotHold(f"{file}: {error}") from None
    about = f"{said.method.label}: version {said.protocol.version} of the protocol, {said.protocol.state}"
    for line in [*told, about]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
