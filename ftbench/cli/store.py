"""The commands that look after finished cells: accept, store migrate."""

from __future__ import annotations

from pathlib import Path

import typer

from ftbench.cli.bench import Allow, Data, File, Out, RerunWhen, Scale, Set, rerun_when
from ftbench.console import Console

store = typer.Typer(help="Look after the store of finished cells.", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(accept)
    app.add_typer(store, name="store")


def accept(
    benchmark: File,
    scale: Scale = None,
    data: Data = None,
    out: Out = Path("results"),
    assignments: Set = None,
    allowed: Allow = None,
    rerun: RerunWhen = "code",
) -> None:
    """Keep the finished cells of a benchmark although their code changed; the manifest will say so."""
    from ftbench.runner.opening import Request, open_benchmark
    from ftbench.vouching.accepting import accept as vouch
    from ftbench.vouching.standing import Standings

    console = Console()
    request = Request(benchmark, scale, data, out, assignments or (), allowed or (), rerun_when(rerun))
    opened = open_benchmark(request, console, settle_on_disk=False)
    told = vouch(opened.plan, Standings(opened.bench.store, opened.bench.plugins, request.rerun))
    for label, why in told.items():
        _say(console, f"accepted: {label}: {why}")
    none = "nothing to accept: no finished cell is to do again"
    _say(console, f"{_cells(len(told))} accepted by hand" if told else none)


@store.command()
def migrate(out: Out = Path("results")) -> None:
    """Give the cells of an earlier release the names that they are found by now; nothing is trained anew."""
    from ftbench.vouching.moving import migrate as move

    console = Console()
    moved = move(out / ".store")
    for name, why in moved.left.items():
        _say(console, f"left as it is: {name}: {why}")
    if moved.names:
        _say(console, f"{_cells(len(moved.names))} renamed in {out / '.store'}")
    elif not moved.left:
        _say(console, f"nothing to do: no cell in {out / '.store'} has the name of an earlier release")


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
