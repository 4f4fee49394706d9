"""The command that holds results against claims, or against other results: compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.storage.places import place

if TYPE_CHECKING:
    from ftbench.claims.claims import Claims
    from ftbench.claims.judge import Finding

HOLD, FAILED, BAD, TOLD = 0, 1, 2, 3
FAIL_IF = ("worse", "different")
FAULTS_SHOWN = 10
STYLES = {"holds": "green", "fails": "bold red", "undecided": "bold yellow", "not judged": "dim"}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(compare)


def compare(
    results: Annotated[
        Path,
        typer.Argument(
            parser=place,
            metavar="RESULTS",
            help="A results folder such as results/paper/two_identity-small, or the folder above it.",
        ),
    ],
    claims: Annotated[
        str,
        typer.Argument(
            metavar="CLAIMS|RESULTS",
            help="A claims file, the name of a benchmark that brings one, or the results folder of another run.",
        ),
    ],
    strict: Annotated[
        bool, typer.Option("--strict", help="A claim meant for the results that could not be judged fails too.")
    ] = False,
    fail_if: Annotated[
        str | None,
        typer.Option(
            "--fail-if",
            metavar="worse|different",
            help="With another results folder: exit with 3 where something there is told to be worse, or different.",
        ),
    ] = None,
) -> None:
    """Check that results are what was written, then whether claims hold on them, or how another run differs.

    Exits with 0 when every judged claim holds, 1 when one does not or a number was altered, 2 on bad input; of two
    runs with 0 where they can be compared and what is in both is the same, and with 3 where --fail-if found what it
    asks for.
    """
    if fail_if is not None and fail_if not in FAIL_IF:
        raise BadInput(f"--fail-if {fail_if!r} is neither of {' and '.join(FAIL_IF)}")
    from ftbench.storage.manifest import MANIFEST

    other = place(claims)
    if (other / MANIFEST).exists():
        raise typer.Exit(_two_runs(results, other, fail_if, Console()))
    if fail_if is not None:
        raise BadInput(f"--fail-if goes with two results folders, and {claims} is none")
    from ftbench.benchfile.bundled import find_claims
    from ftbench.claims.claims import load

    console = Console()
    said = load(find_claims(claims))
    folders = _folders(results, console)
    codes, judged = [], 0
    for folder in folders:
        try:
            code, count = _compared(folder, said, strict, console)
        except BadInput as error:
            if len(folders) == 1:
                raise
            _say(console, str(error), "red")
            code, count = BAD, 0
        codes.append(code)
        judged += count
    if not judged and not any(codes):
        raise BadInput(f"none of the claims could be judged on {results}; compare other results, or other claims")
    if any(codes):
        raise typer.Exit(max(codes))


def _between(first: Path, second: Path, fail_if: str | None, console: Console) -> bool:
    """Compare the cells of two folders image by image, where rows are kept; whether ``fail_if`` found anything."""
    from ftbench.claims.audit import faults
    from ftbench.claims.between import compare_folders
    from ftbench.report.terminal import print_table
    from ftbench.storage.manifest import open_folder

    folders = [open_folder(path) for path in (first, second)]
    for opened in folders:
        if not opened.has_rows:
            told = f"{opened.path} has no rows, and cells are compared image by image; run its benchmark again"
            if fail_if is not None:
                raise BadInput(told)
            _say(console, told, "dim")
            return False
        if wrong := faults(opened):
            raise BadInput(f"{opened.path} is not what was written: {wrong[0]}")
    found = compare_folders(*folders)
    for name, opened in zip(("first", "second"), folders, strict=True):
        _say(console, f"{name}: {opened.path}: {opened.manifest.caption}", "dim")
    if found.changed:
        _say(console, f"Between the folders differ: {'; '.join(found.changed)}.", "")
    if found.alone:
        _say(console, f"Without a match: {'; '.join(found.alone)}.", "bold yellow")
    if not found.matched:
        _say(console, f"no cell of {first} matches a cell of {second}; compare folders of one benchmark", "bold yellow")
        return False
    print_table(found.table, console)
    _say(
        console,
        f"{found.matched} cells matched: {found.different} differences told, {found.worse} for the worse",
        "bold",
    )
    return fail_if is not None and {"worse": found.worse, "different": found.different}[fail_if] > 0


def _two_runs(first: Path, second: Path, fail_if: str | None, console: Console) -> int:
    """Say whether two runs can be compared, and whether what is in both came out the same; the exit code."""
    from ftbench.storage.grounds import in_both, sentence
    from ftbench.storage.manifest import open_folder

    a, b = (open_folder(folder).raw for folder in (first, second))
    said = sentence(a, b)
    _say(console, said, "bold" if said.endswith("yes") else "bold yellow")
    shared, otherwise = in_both(a, b)
    if otherwise:
        _say(console, f"of {shared} cells in both, these came out otherwise: {', '.join(otherwise)}", "bold red")
    elif shared:
        _say(console, f"{shared} cells are in both, and came out the same, to the bit", "")
    else:
        _say(console, "no cell is in both: their settings, or what is in a key, differ", "")
    if _between(first, second, fail_if, console):
        return TOLD
    return FAILED if fail_if is None and (otherwise or not said.endswith("yes")) else HOLD


def _folders(results: Path, console: Console) -> list[Path]:
    """The folder itself, or every one below it that has a manifest, a run's own ``.local`` ones too."""
    if (results / "manifest.json").exists():
        if _of_val(results):
            raise BadInput(f"{results} is of val, to choose settings by; name a folder of test images for claims")
        return [results]
    below = sorted(path for path in results.glob("*") if path.is_dir() and not path.name.startswith("."))
    found = [path for path in below if (path / "manifest.json").exists()]
    if not found:
        raise BadInput(
            f"{results} holds no manifest.json, nor does a folder in it; name a folder such as "
            "results/<benchmark>/<data>-<scale>, or results/<benchmark>"
        )
    for path in below:
        if path not in found:
            _say(console, f"{path}: left out, since it has no manifest.json", "dim")
    of_val = [path for path in found if _of_val(path)]
    for path in of_val:
        _say(console, f"{path}: left out, since it is of val, to choose settings by", "dim")
    if len(of_val) == len(found):
        raise BadInput(f"{results} holds tables of val alone; run the benchmark without evaluate.split")
    return [path for path in found if path not in of_val]


def _of_val(folder: Path) -> bool:
    from ftbench.storage.manifest import open_folder

    try:
        return open_folder(folder).of_val
    except BadInput:
        # Whoever reads it next says why it cannot be read.
        return False


def _compared(folder: Path, claims: Claims, strict: bool, console: Console) -> tuple[int, int]:
    """Exit code, and how many claims were judged."""
    from ftbench.claims.audit import faults
    from ftbench.claims.evidence import gather
    from ftbench.claims.judge import judge
    from ftbench.claims.since import changed_since
    from ftbench.storage.manifest import open_folder

    opened = open_folder(folder)
    manifest = opened.manifest
    by = "its rows" if opened.has_rows else "its tables alone, since its rows are not kept"
    about = f"benchmark {manifest.benchmark}, scale {manifest.scale}, data {manifest.data.name}, judged by {by}"
    _say(console, f"{folder}: {about}", "bold")
    _say(console, f"{changed_since(opened)}.", "dim")
    if wrong := faults(opened):
        for fault in wrong[:FAULTS_SHOWN]:
            _say(console, f"altered: {fault}", "red")
        more = f" ({len(wrong) - FAULTS_SHOWN} more faults)" if len(wrong) > FAULTS_SHOWN else ""
        _say(console, f"The folder is not what was written{more}: no claim is judged on it.\n", "bold red")
        return FAILED, 0
    findings = judge(claims, gather(opened))
    _print(findings, console)
    verdicts = Counter(finding.verdict for finding in findings if finding.meant)
    _say(console, ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) + "\n", "bold")
    missed = verdicts["fails"] + verdicts["undecided"] + (verdicts["not judged"] if strict else 0)
    return FAILED if missed else HOLD, verdicts.total() - verdicts["not judged"]


def _print(findings: Sequence[Finding], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim, and its numbers with 95 % intervals over images")
    table.add_column("source", no_wrap=True)
    for finding in findings:
        if finding.meant:
            told = Text(finding.claim.name, style="bold")
            for line in [finding.why, *finding.numbers] if finding.why else finding.numbers:
                told.append(f"\n  {line}", style="not bold")
            table.add_row(Text(finding.verdict, style=STYLES[finding.verdict]), told, Text(finding.claim.source))
    if table.row_count:
        console.print(table)
    for finding in findings:
        if finding.meant and finding.verdict in ("fails", "undecided"):
            claim = finding.claim
            _say(console, f"{finding.verdict}: {claim.name}: {claim.says} ({claim.source}: {claim.found})", "")
    if aside := [finding.claim.name for finding in findings if not finding.meant]:
        _say(console, f"For other scales or data: {', '.join(aside)}.", "dim")


def _say(console: Console, text: str, style: str) -> None:
    console.print(Text(text, style=style), soft_wrap=True)
