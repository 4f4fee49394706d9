"""The commands that read a benchmark: run, plan, speed, report, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ftbench.console import Console
from ftbench.isolation import not_left
from ftbench.plaintext import shown, shown_lines

File = Annotated[str, typer.Argument(metavar="BENCHMARK", help="A YAML file, or a built-in one's name.")]
Scale = Annotated[
    str | None,
    typer.Option(envvar="FTBENCH_SCALE", help="small, medium, full …; default: full with a GPU, else small."),
]
Data = Annotated[
    str | None,
    typer.Option(envvar="FTBENCH_DATA", help="A folder of faces to use instead of the benchmark's data set."),
]
Out = Annotated[Path, typer.Option(envvar="FTBENCH_OUT", help="The results folder.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, e.g. train.steps=10."),
]
Allow = Annotated[
    list[Path] | None,
    typer.Option(
        "--allow-plugin", metavar="FILE", help="Run this Python file, which the benchmark names under plugins."
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track", metavar="NAME[=WHERE]", help="Log the run with a tracker: tensorboard, mlflow=sqlite:///runs.db."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(run)
    app.command()(plan)
    app.command()(speed)
    app.command()(report)
    app.command()(schema)


def run(
    benchmark: File,
    scale: Scale = None,
    data: Data = None,
    out: Out = Path("results"),
    assignments: Set = None,
    allowed: Allow = None,
    tracked: Track = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write tables that the repository keeps, replacing kept ones.")
    ] = False,
) -> None:
    """Train and evaluate every cell, then write the tables. Again: go on where it stopped."""
    from ftbench import execute, results, supervision, tracking
    from ftbench.resultsfolder import folder_for
    from ftbench.session import Request, open_benchmark

    console = Console()
    request = Request(benchmark, scale, data, out, assignments or (), allowed or ())
    with not_left():
        opened = open_benchmark(request, console)
    supervision.notes.write(store=str(opened.bench.store.root.absolute()))
    folder = folder_for(opened, keep)
    bench, plugins = opened.bench, opened.bench.plugins
    compute = bench.compute
    track = tracking.asked(tracked or (), plugins, str(folder))
    console.print(
        f"{len(opened.plan.cells)} cells on {compute.device}, {compute.precision}, {compute.threads} threads; "
        f"data {bench.data.name} ({bench.data.digest[:12]}), {bench.data.size} px; results in {folder}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for name, reason in bench.data.source.set_aside[:5]:
        console.print(f"set aside: {name}: {reason}", highlight=False, markup=False)
    if len(bench.data.source.set_aside) > 5:
        console.print(f"set aside: {len(bench.data.source.set_aside) - 5} more, listed in the manifest")
    tracking.start(
        plugins,
        benchmark=opened.benchmark.name,
        scale=opened.scale,
        cells=len(opened.plan.cells),
        track=track,
        folder=str(folder),
        settings=results.configuration(opened),
    )
    with not_left(), tracking.told_when_stopped(plugins):
        outcome = execute.run(
            opened.plan, bench, request, before_risk=lambda done: results.write(opened, done, folder, keep, console)
        )
        rows = results.write(opened, outcome, folder, keep, console)
    plugins.tell("ftbench_run_finished", folder=str(folder), failed=len(outcome.failed), results=rows)
    if outcome.failed:
        console.print(f"{len(outcome.failed)} of {len(opened.plan.cells)} cells failed", style="bold red")
        raise typer.Exit(1)


def plan(
    benchmark: File,
    scale: Scale = None,
    data: Data = None,
    out: Out = Path("results"),
    assignments: Set = None,
    allowed: Allow = None,
) -> None:
    """Show the data and the cells of a benchmark, and which are done; nothing is computed."""
    from rich.table import Table
    from rich.text import Text

    from ftbench.overview import overview
    from ftbench.session import Request, open_benchmark

    console = Console()
    opened = open_benchmark(
        Request(benchmark, scale, data, out, assignments or (), allowed or ()), console, settle_on_disk=False
    )
    for line in overview(opened.bench.data):
        console.print(Text(line), soft_wrap=True)
    table = Table("cell", "kind", "what", "needs", "state", box=None)
    for cell in opened.plan.cells:
        summary = opened.bench.folder(cell).summary
        needs = ", ".join(needed.identity[:8] for needed in cell.inputs)
        state = summary["status"] if summary else "to do"
        label = Text(shown(cell.label.removeprefix("fit ")))
        table.add_row(cell.identity[:8], cell.kind, label, needs, Text(shown(str(state))))
    console.print(table)


def speed(
    benchmark: File,
    scale: Scale = None,
    data: Data = None,
    out: Out = Path("results"),
    assignments: Set = None,
    allowed: Allow = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="Seconds of each measurement.")] = 2.0,
) -> None:
    """Time how fast each pair marks and reads, on one core; written beside the tables. Nothing is trained."""
    from ftbench import speed
    from ftbench.resultsfolder import folder_for
    from ftbench.session import Request, open_benchmark

    console = Console()
    request = Request(benchmark, scale, data, out, assignments or (), allowed or ())
    opened = open_benchmark(request, console, settle_on_disk=False)
    folder = folder_for(opened, keep=True)
    text = speed.write(opened, speed.time_pairs(opened, seconds), folder)
    typer.echo(shown_lines(text))
    console.print(f"Written: {folder}/speed.md, speed.csv", highlight=False, markup=False, soft_wrap=True)


def report(
    folder: Annotated[Path, typer.Argument(help="A folder such as results/paper/two_identity-small.")],
) -> None:
    """Print the tables of a results folder again."""
    from ftbench.errors import BadInput

    tables = sorted((folder / "tables").glob("*.md"))
    if not tables:
        raise BadInput(f"{folder} holds no tables; give a folder such as results/<benchmark>/<data>-<scale>")
    for table in tables:
        typer.echo(shown_lines(table.read_text(encoding="utf-8")))


def schema() -> None:
    """Print the JSON schema of benchmark files, for editors."""
    from ftbench.config import BenchmarkFile

    typer.echo(json.dumps(BenchmarkFile.model_json_schema(), indent=2, ensure_ascii=False))
