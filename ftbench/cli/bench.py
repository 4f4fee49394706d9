"""The commands that read a benchmark: run, plan, speed, report, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ftbench.console import Console, print_columns
from ftbench.plaintext import shown, shown_lines
from ftbench.storage.places import place

if TYPE_CHECKING:
    from ftbench.parts.evidence import Rerun

File = Annotated[str, typer.Argument(metavar="BENCHMARK", help="A YAML file, or a built-in one's name.")]
Scale = Annotated[
    str | None,
    typer.Option(envvar="FTBENCH_SCALE", help="small, medium, full …; default: full with a GPU, else small."),
]
Data = Annotated[
    str | None,
    typer.Option(envvar="FTBENCH_DATA", help="A folder of faces to use instead of the benchmark's data set."),
]
Out = Annotated[
    Path,
    typer.Option(
        envvar="FTBENCH_OUT",
        parser=place,
        metavar="FOLDER",
        help="The results folder, or a place such as s3://bucket/x.",
    ),
]
Results = Annotated[
    Path,
    typer.Argument(parser=place, metavar="FOLDER", help="A folder such as results/paper/two_identity-small."),
]
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
RerunWhen = Annotated[
    str,
    typer.Option(
        "--rerun",
        metavar="key|code|code+libraries",
        envvar="FTBENCH_RERUN",
        help="When a finished cell runs again: never while its settings are the same, when code behind it changed, or "
        "a library as well.",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track", metavar="NAME[=WHERE]", help="Log the run with a tracker: tensorboard, mlflow=sqlite:///runs.db."
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        envvar="FTBENCH_JOBS",
        help="Cells worked on side by side, a process each; default: as many as the processors gain from, 1 on a GPU.",
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="local|dask",
        help="Who works on cells: this machine, or the workers of a Dask cluster; default: as --scheduler says.",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        envvar="FTBENCH_SCHEDULER",
        help="A Dask scheduler whose workers do the work: tcp://10.0.0.1:8786, tls://…, or its scheduler file.",
    ),
]
For = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="TIME",
        help="Stop after 90s, 9m, 1h30m …: what is finished is kept and reported, exit code 75; again: go on.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(run)
    app.command()(plan)
    app.command()(speed)
    app.command()(report)
    app.command()(schema)


def rerun_when(text: str) -> Rerun:
    """What ``--rerun`` says; raises BadInput."""
    from ftbench.errors import BadInput

    if text in ("key", "code", "code+libraries"):
        return cast("Rerun", text)
    raise BadInput(f"--rerun {text!r} is none of key, code and code+libraries")


def run(
    benchmark: File,
    scale: Scale = None,
    data: Data = None,
    out: Out = Path("results"),
    assignments: Set = None,
    allowed: Allow = None,
    tracked: Track = None,
    rerun: RerunWhen = "code",
    jobs: Jobs = None,
    executor: Workers = None,
    scheduler: Scheduler = None,
    time: For = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write tables that the repository keeps, replacing kept ones.")
    ] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Tell where the time of each cell goes.")] = False,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Try cells again that failed, though nothing in them has changed since."),
    ] = False,
    deterministic: Annotated[
        bool | None,
        typer.Option(
            "--deterministic/--no-deterministic",
            help="On a GPU: convolutions that repeat themselves, or the fastest; sets compute.deterministic.",
        ),
    ] = None,
) -> None:
    """Train and evaluate every cell, then write the tables. Again: go on where it stopped."""
    from ftbench.progress import seconds_in

    seconds = None if time is None else seconds_in(time, "--for")
    from ftbench.cluster.jobs import scheduler_of
    from ftbench.publish.benchmark import run_request
    from ftbench.runner.opening import Request

    console = Console()
    fixed = [] if deterministic is None else [f"compute.deterministic={str(deterministic).lower()}"]
    settings = [*(assignments or ()), *fixed]
    when = rerun_when(rerun)
    request = Request(benchmark, scale, data, out, settings, allowed or (), when, profile, retry_failed)
    where = scheduler_of(executor, scheduler, jobs)
    ran = run_request(request, console, keep=keep, tracked=tracked or (), jobs=jobs, scheduler=where, seconds=seconds)
    for line in ran.told:
        console.print(line, style="bold red", highlight=False, markup=False, soft_wrap=True)
    if ran.failed:
        raise typer.Exit(1)


def plan(
    benchmark: File,
    scale: Scale = None,
    data: Data = None,
    out: Out = Path("results"),
    assignments: Set = None,
    allowed: Allow = None,
    rerun: RerunWhen = "code",
    costs: Annotated[
        bool | None,
        typer.Option(
            "--costs/--no-costs",
            help="Count operations, memory and minutes of what is to do; by default where the scale is called full.",
        ),
    ] = None,
) -> None:
    """Show the data and the cells of a benchmark, which are done, and why the others are not; nothing is trained."""
    from rich.text import Text

    from ftbench.data.overview import overview
    from ftbench.publish import failures
    from ftbench.runner.opening import Request, open_benchmark
    from ftbench.vouching.standing import Standings
    from ftbench.vouching.strays import other_packages, strays

    console = Console()
    request = Request(benchmark, scale, data, out, assignments or (), allowed or (), rerun_when(rerun))
    opened = open_benchmark(request, console, settle_on_disk=False)
    standings = Standings(opened.bench.store, opened.bench.plugins, request.rerun)
    for sentence in strays(opened.plan, standings):
        console.print(sentence, style="bold red", highlight=False, markup=False, soft_wrap=True)
    reasons = other_packages(opened.plan, standings)
    for line in overview(opened.bench.data):
        console.print(Text(line), soft_wrap=True)
    rows = []
    for cell in opened.plan.cells:
        needs = ", ".join(needed.key[:8] for needed in cell.inputs)
        label, state = cell.label.removeprefix("fit "), str(standings.expected(cell).state)
        state += f": {reasons[cell.key]}" if cell.key in reasons and state == "to do" else ""
        state = failures.state(cell, standings, state)
        rows.append((cell.key[:8], cell.kind, shown(label), needs, shown(state)))
    print_columns(console, ("cell", "kind", "what", "needs", "state"), rows)
    if costs or (costs is None and opened.scale == "full"):
        from ftbench.publish import costs as counted

        left = [cell for cell in opened.plan.cells if standings.expected(cell).summary is None]
        for line in counted.told(counted.costs(opened, left), opened.bench.compute) if left else ():
            console.print(line, highlight=False, markup=False, soft_wrap=True)


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
    from ftbench.publish import speed
    from ftbench.publish.folder import folder_for
    from ftbench.runner.opening import Request, open_benchmark

    console = Console()
    request = Request(benchmark, scale, data, out, assignments or (), allowed or ())
    opened = open_benchmark(request, console, settle_on_disk=False)
    folder = folder_for(opened, keep=True)
    text = speed.write(opened, speed.time_pairs(opened, seconds), folder)
    typer.echo(shown_lines(text))
    console.print(f"Written: {folder}/speed.md, speed.csv", highlight=False, markup=False, soft_wrap=True)


def report(
    folder: Results,
    rows: Annotated[
        str | None, typer.Option("--rows", metavar="attack|method", help="What stands below each other.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="method|attack", help="What stands side by side.")
    ] = None,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Decode every reading again, and write the tables into FOLDER/rescored.")
    ] = False,
    codec: Annotated[
        str | None,
        typer.Option("--codec", metavar="NAME [KEY=VALUE …]", help="With --rescore: a code for pairs that had none."),
    ] = None,
    bits: Annotated[
        int | None, typer.Option("--bits", min=1, help="With --rescore: payload bits of that code.")
    ] = None,
    rates: Annotated[
        list[float] | None,
        typer.Option(
            "--false-positives", metavar="RATE", help="With --rescore: at most so many; as often as you like."
        ),
    ] = None,
) -> None:
    """Make the tables of a results folder anew from its rows, without networks, and print them.

    Without rows, as where a repository keeps tables alone, what is there is printed, and the page is made of that.
    """
    from ftbench.errors import BadInput
    from ftbench.report import TABLES
    from ftbench.storage.manifest import open_folder

    way = _way_round(rows, columns)
    if not rescore and (codec, bits, rates) != (None, None, None):
        raise BadInput("--codec, --bits and --false-positives go with --rescore")
    if rescore:
        if way is not None:
            raise BadInput("--rows and --columns do not go with --rescore; its tables are laid out as the folder's")
        folder = _rescored(folder, codec, bits, rates)
    elif (folder / "rows").is_dir():
        from ftbench.publish.anew import tables_anew

        tables_anew(open_folder(folder), way)
    elif way is not None:
        raise BadInput(f"{folder} holds no rows to make tables of another layout from; leave out --rows and --columns")
    tables = sorted(
        (folder / "tables").glob("*.md"),
        key=lambda file: TABLES.index(file.stem) if file.stem in TABLES else len(TABLES),
    )
    if not tables:
        raise BadInput(f"{folder} holds no tables; give a folder such as results/<benchmark>/<data>-<scale>")
    if not rescore and not (folder / "rows").is_dir():
        from ftbench.publish.anew import page_of_tables

        page_of_tables(open_folder(folder))
    for table in tables:
        typer.echo(shown_lines(table.read_text(encoding="utf-8")))


def _rescored(folder: Path, codec: str | None, bits: int | None, rates: list[float] | None) -> Path:
    """Score a folder's readings anew; where the tables went."""
    from ftbench.errors import BadInput
    from ftbench.publish.rescore import Wanted, rescored
    from ftbench.storage.manifest import open_folder

    if wrong := [rate for rate in rates or () if not 0 < rate < 1]:
        raise BadInput(f"--false-positives {wrong[0]:g} is no rate between 0 and 1")
    wanted = Wanted(codec or "", bits, **({"rates": tuple(sorted(set(rates), reverse=True))} if rates else {}))
    tables, told = rescored(open_folder(folder), wanted)
    for sentence in told:
        Console(stderr=True).print(f"{sentence}.", highlight=False, markup=False, soft_wrap=True)
    return tables.parent


def _way_round(rows: str | None, columns: str | None) -> str | None:
    """What ``--rows`` and ``--columns`` say of rows; None: nothing. Raises BadInput."""
    from ftbench.errors import BadInput

    other = {"attack": "method", "method": "attack"}
    for option, said in (("--rows", rows), ("--columns", columns)):
        if said is not None and said not in other:
            raise BadInput(f"{option} {said!r} is neither attack nor method")
    if rows is not None and rows == columns:
        raise BadInput(f"--rows and --columns are both {rows}; one is attack and the other method")
    return rows if rows is not None else None if columns is None else other[columns]


def schema() -> None:
    """Print the JSON schema of benchmark files, for editors."""
    from ftbench.benchfile.schema import BenchmarkFile

    typer.echo(json.dumps(BenchmarkFile.model_json_schema(), indent=2, ensure_ascii=False))
