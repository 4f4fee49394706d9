"""The commands that look at what is installed: plugins, info, doctor."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ftbench.console import Console
from ftbench.plaintext import shown_lines


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(plugins)
    app.command()(info)
    app.command()(doctor)


def plugins(
    errors: Annotated[bool, typer.Option("--errors", help="Show the tracebacks of plugins that failed.")] = False,
) -> None:
    """List every part there is, and every plugin that failed."""
    from ftbench.parts.catalogue import RECORDS
    from ftbench.parts.discovery import discover

    console = Console()
    found = discover()
    table = Table("kind", "name", "what", "distribution", "licence", box=None)
    for kind in RECORDS:
        for provided in found.of(kind):
            record = provided.record
            by = f"{provided.distribution} {provided.version}"
            # What a plugin says of itself is text, and no markup of ours.
            table.add_row(*map(_text, (kind, record.name, record.summary, by, record.licence)))
    console.print(table)
    if not found.failures:
        return
    faults = Table("plugin", "distribution", "state", "at", "what", box=None)
    for failure in found.failures:
        state = Text("failed", "bold red") if failure.fatal else Text("warning", "yellow")
        by = f"{failure.distribution} {failure.version}"
        faults.add_row(*map(_text, (failure.plugin, by)), state, *map(_text, (failure.stage, failure.reason)))
    console.print()
    console.print(faults)
    told = [failure for failure in found.failures if failure.traceback]
    for failure in told if errors else ():
        console.print(f"\n{failure.plugin} ({failure.distribution}), {failure.stage}:", highlight=False, markup=False)
        console.print(failure.traceback.rstrip(), highlight=False, markup=False)
    if told and not errors:
        console.print("ftbench plugins --errors shows tracebacks; ftbench check DISTRIBUTION looks closer")


def info(
    part: Annotated[str, typer.Argument(help="A part's name, e.g. faceswap or faceswap@ftbench.")],
) -> None:
    """Show what a part is, where it comes from and which parameters it takes."""
    from ftbench.errors import BadInput, nearest
    from ftbench.parts.catalogue import RECORDS
    from ftbench.parts.discovery import discover

    found = discover()
    named = [
        p for kind in RECORDS for p in found.of(kind) if part in (p.record.name, f"{p.record.name}@{p.distribution}")
    ]
    if not named:
        names = sorted({p.record.name for p in found.parts})
        near = ", ".join(nearest(part, names)) or "none (ftbench plugins names all)"
        raise BadInput(f"there is no part {part!r}; nearest: {near}")
    console = Console()
    for provided in named:
        record = provided.record
        console.print(Text(record.name, "bold") + _text(f" · {record.kind} · {record.summary}"))
        facts = Table(box=None, show_header=False)
        for name, value in _facts(provided):
            facts.add_row(name, _text(value))
        console.print(facts)
        fields = record.parameters.model_fields
        if fields:
            table = Table("parameter", "type", "default", "meaning", box=None)
            for name, field in fields.items():
                default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
                table.add_row(*map(_text, (name, _type(field.annotation), default, field.description or "")))
            console.print(table)


def doctor(
    speed: Annotated[bool, typer.Option(help="Measure which precision, layout and threads win, some seconds.")] = True,
    repeat: Annotated[
        bool,
        typer.Option(
            "--repeat", help="See whether this machine repeats itself to the bit: three tiny runs, nothing else."
        ),
    ] = False,
) -> None:
    """Check the installation: versions, processors, GPU, memory, speed, plugins, where results would go."""
    from ftbench.machine import provenance
    from ftbench.parts.discovery import discover

    console = Console()
    if repeat:
        raise typer.Exit(_tell_repeat(console))
    table = Table(box=None, show_header=False)
    faults: list[str] = []
    table.add_row("Python", f"{platform.python_version()} ({Path(sys.executable).name})")
    for name, version in provenance.code().items():
        if name != "python":
            table.add_row(name, version or "none")
    try:
        import timm  # noqa: F401  (its import is what fails where torch and torchvision do not fit)

        from ftbench.benchfile.schema import ComputeSection
        from ftbench.machine.compute import settle

        machine, compute = provenance.machine(), settle(ComputeSection())
        table.add_row("processor", f"{machine['processor']}, {machine['cores']} cores")
        table.add_row("GPU", ", ".join(machine["gpus"]) or "none: the default scale is small")
        table.add_row("would compute", f"on {compute.device}, {compute.precision}, {compute.threads} threads")
    except Exception as error:
        faults.append(f"torch, torchvision or timm cannot be imported: {error}; install releases that fit together")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    table.add_row("free disk here", f"{free:.1f} GiB")
    if free < 1:
        faults.append("less than 1 GiB of disk is free; results and weights may not fit")
    if not os.access(Path.cwd(), os.W_OK):
        faults.append("this folder cannot be written; run with --out elsewhere")
    found = discover()
    table.add_row("parts", f"{len(found.parts)} from {len({p.distribution for p in found.parts})} distribution(s)")
    faults += [f"plugin {f.plugin} ({f.distribution}) at {f.stage}: {f.reason}" for f in found.failures if f.fatal]
    console.print(table)
    for fault in faults:
        console.print(fault, style="red", highlight=False, markup=False)
    if faults:
        raise typer.Exit(1)
    if speed:
        _tell_speed(console)
    console.print("everything is in order")


def _tell_repeat(console: Console) -> int:
    """Whether runs repeat themselves here, also at another number of threads; the exit code."""
    import tempfile

    from ftbench.machine.provenance import processors
    from ftbench.testing import repeat

    def say(words: str, style: str = "") -> None:
        console.print(Text(words, style=style), soft_wrap=True)

    several = 2 if processors() > 1 else None
    with tempfile.TemporaryDirectory(prefix="ftbench-repeat-", ignore_cleanup_errors=True) as folder:
        stores = []
        for number, threads in enumerate(filter(None, (1, 1, several)), start=1):
            with console.status(f"run {number}, {threads} thread{'s' * (threads > 1)}"):
                stores.append(repeat.run(Path(folder) / str(number), "--set", f"compute.threads={threads}"))
        again, *others = (list(repeat.differences(stores[0], store)) for store in stores[1:])
    say(
        f"two runs alike: the first difference is in {again[0]}; this machine does not repeat itself"
        if again
        else "two runs alike: the same weights, curves and rows, to the bit; this machine repeats itself",
        "bold red" if again else "bold",
    )
    for other in others:
        say(
            f"with {several} threads: the first difference is in {other[0]}; threads are part of a cell's key"
            if other
            else f"with {several} threads: the same as with one, to the bit"
        )
    return int(bool(again))


def _tell_speed(console: Console) -> None:
    from ftbench.machine import rates
    from ftbench.machine.gpu import gpu_present
    from ftbench.machine.provenance import processors

    console.print("\nmeasured now; another job on this machine would show in it:", highlight=False)
    for kind in (rates.SMALL, rates.WIDE):
        for device in ("cpu", *(["cuda"] if gpu_present() else [])):
            with console.status("") as line:
                found = rates.ways(kind, device, processors(), lambda what: line.update(f"measuring {what}"))
            where = "" if device == "cpu" else "on the GPU, "
            console.print(f"- {where}{rates.sentence(kind, found)}", highlight=False, soft_wrap=True)


def _text(words: str) -> Text:
    # Before it is measured: what is written out is longer.
    return Text(shown_lines(words))


def _facts(provided: Any) -> Iterator[tuple[str, str]]:
    record = provided.record
    commit = f", commit {provided.commit[:12]}" if provided.commit else ""
    yield "from", f"{provided.distribution} {provided.version}{commit}, plugin {provided.plugin}"
    yield "licence", record.licence
    if record.reference:
        yield "reference", record.reference
    for name in (
        "differentiable",
        "trainable",
        "deterministic",
        "needs",
        "people",
        "per_person",
        "resolutions",
        "max_batch",
        "max_bits",
        "pairs_with",
        "category",
    ):
        value = getattr(record, name, None)
        if value not in (None, ()):
            yield (
                name.replace("_", " "),
                ", ".join(map(str, value)) if isinstance(value, tuple) else str(value),
            )


def _type(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or str(annotation).replace("typing.", "")
