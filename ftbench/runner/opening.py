"""From a command line to a plan: file, scale, data, compute and parts, each settled and said."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from ftbench.benchfile import bundled
from ftbench.benchfile.document import Document, parse, read, with_assignments, with_scale
from ftbench.benchfile.explain import explain
from ftbench.benchfile.schema import Benchmark, BenchmarkFile
from ftbench.data.images import Data, choose
from ftbench.errors import BadInput, nearest
from ftbench.machine import provenance
from ftbench.machine.compute import SMALL, Compute, settle
from ftbench.machine.computefile import read_settled
from ftbench.machine.gpu import gpu_present
from ftbench.parts.catalogue import BUILT_IN, Plugins
from ftbench.parts.discovery import discover
from ftbench.parts.evidence import Rerun
from ftbench.parts.local_file import LocalFile, permitted
from ftbench.plan.cells import Plan
from ftbench.plan.part import ResolvedPart
from ftbench.plan.planner import PlanInputs, make_plan, people_needed
from ftbench.plan.resolve import Resolver, answered, objection_of
from ftbench.plan.workload import check_count
from ftbench.runner.bench import Bench
from ftbench.storage.files import write_json
from ftbench.storage.places import check_place
from ftbench.storage.store import Store

SETTLED = "compute.json"


@dataclass(frozen=True)
class Sent:
    """A benchmark's files as one machine read them, for others that may hold other ones in their place."""

    file: Path
    text: str
    ours: bool
    """Whether the package brings it."""
    plugins: tuple[LocalFile, ...]


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    benchmark: str
    scale: str | None = None
    data: str | None = None
    out: Path = Path("results")
    """The results folder, as ``ftbench.storage.places.place`` gives it."""
    assignments: Sequence[str] = ()
    allowed: Sequence[Path] = ()
    """Python files that the benchmark may run."""
    rerun: Rerun = "code"
    """What makes a finished cell that is found by its key run again."""
    profile: bool = False
    """Tell where each cell's time goes."""
    retry_failed: bool = False
    """Try cells again that failed, though nothing that they are made of has changed."""
    here: bool = True
    """Cells are worked on by this machine, with its devices."""
    sent: Sent | None = None
    """Read from this instead of from files."""


@dataclass(frozen=True)
class Opened:
    """A benchmark ready to run."""

    benchmark: Benchmark
    scale: str
    plan: Plan
    bench: Bench
    resolver: Resolver
    out: Path
    sent: Sent


def open_benchmark(request: Request, console: Console, settle_on_disk: bool = True) -> Opened:
    """Read, check and plan; raises BadInput with every fault found, before anything is computed."""
    # Asked for now and remembered: what is on disk when a cell ends may no longer be what is running.
    provenance.code()
    file = request.sent.file if request.sent else bundled.find(request.benchmark)
    document = _swapped(parse(request.sent.text, str(file)) if request.sent else read(file), request.data)
    whole = _validated(BenchmarkFile, document)
    # A mistake in a scale that is not used today is found today.
    for name in whole.scales:
        _validated(Benchmark, with_scale(document, name))
    scale = _scale(whole, request.scale)
    document = with_assignments(with_scale(document, scale), request.assignments)
    benchmark = _validated(Benchmark, document)
    check_count(benchmark, document)
    scale = scale or "plain"
    on_val = "; tested on val, to choose settings by" if benchmark.evaluate.split == "val" else ""
    console.print(_announced(whole, scale, request.scale) + on_val, highlight=False, markup=False)
    sent = request.sent or Sent(
        file,
        file.read_text(encoding="utf-8"),
        bundled.is_ours(file),
        permitted(document, benchmark.plugins, file.parent, request.allowed),
    )
    plugins = discover(local=sent.plugins)
    resolver = Resolver(plugins, document, file.parent, benchmark.accept_licences, sent.ours)
    needed = people_needed(benchmark, resolver)
    data, data_part = _data(benchmark, resolver, needed)
    store = Store(request.out / ".store")
    if settle_on_disk:
        check_place(request.out)
    compute = _settled(benchmark, data.size, store, request.here, settle_on_disk, console)
    known = data.landmarks(data.items[0]) is not None
    grounds = PlanInputs(data.digest, data.people, data.shown(), compute, data_part, data.images(), known)
    plan = make_plan(benchmark, resolver, grounds)
    for sentence in resolver.said:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    return Opened(
        benchmark=benchmark,
        scale=scale,
        plan=plan,
        bench=Bench(benchmark, data, compute, store, plugins, console),
        resolver=resolver,
        out=request.out,
        sent=sent,
    )


def _validated(model: type[Any], document: Document) -> Any:
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise BadInput(explain(error, document, model)) from error


def _scale(whole: BenchmarkFile, asked: str | None) -> str | None:
    if asked is not None:
        if asked not in whole.scales:
            near = ", ".join(nearest(asked, whole.scales)) or ", ".join(whole.scales) or "none"
            raise BadInput(f"benchmark {whole.name!r} has no scale {asked!r}; it has: {near}")
        return asked
    fitting = "full" if gpu_present() else "small"
    if fitting in whole.scales:
        return fitting
    return next(iter(whole.scales), None)


def _announced(whole: BenchmarkFile, scale: str, asked: str | None) -> str:
    others = ", ".join(name for name in whole.scales if name != scale)
    fitting = ("full", "a GPU is present") if gpu_present() else ("small", "no GPU is present")
    why = "as asked" if asked else fitting[1] if scale == fitting[0] else "its first one"
    more = f"; --scale chooses another: {others}" if others else ""
    return f"{whole.name}: scale {scale} ({why}{more})"


def _swapped(document: Document, data: str | None) -> Document:
    """The document with its data set replaced by a folder, or by another data set part by name."""
    if data is None:
        return document
    if not data.strip():
        raise BadInput("--data (or FTBENCH_DATA) is empty; name the folder that holds the images, or leave it out")
    try:
        # A shell leaves the ~ of --data=~/faces as it is.
        folder = Path(os.path.abspath(Path(data).expanduser()))  # noqa: PTH100 - resolve() fails on loops of links
    except RuntimeError as error:
        raise BadInput(f"--data {data}: there is no such home folder; write the folder's whole path") from error
    # The built-in one, whoever else brings a data set of that name.
    section = {"name": f"folder@{BUILT_IN}", "path": str(folder)}
    if not os.path.lexists(folder) and "/" not in data and _is_dataset(data):
        section = {"name": data}
    kept = document.data.get("dataset")
    same = {key: kept[key] for key in ("size", "reserve") if key in kept} if isinstance(kept, dict) else {}
    return replace(document, data={**document.data, "dataset": {**section, **same}})


def _is_dataset(name: str) -> bool:
    parts = discover().of("dataset")
    return any(name in (part.record.name, f"{part.record.name}@{part.distribution}") for part in parts)


def _data(benchmark: Benchmark, resolver: Resolver, needed: int | None) -> tuple[Data, ResolvedPart]:
    """The data set, opened and narrowed, and the part that reads or draws it."""
    chosen = resolver.part("dataset", benchmark.dataset, ("dataset",))
    resolver.settle()
    assert chosen is not None
    sentence = objection_of(chosen, {})
    if sentence:
        resolver.note(("dataset",), sentence)
        resolver.settle()
    source = answered(chosen.provided, lambda: chosen.record.load()(**dict(chosen.parameters)))
    place = f"{resolver.document.place(('dataset',))}, dataset"
    section = benchmark.dataset
    data = choose(source, section.size, section.people, needed, place, section.reserve)
    return data, chosen


def _settled(benchmark: Benchmark, size: int, store: Store, here: bool, on_disk: bool, console: Console) -> Compute:
    """Settle ``auto`` once a results folder, so that a resumed cell never measures anew."""
    file = store.root / SETTLED
    earlier, fault = read_settled(file)
    if fault:
        console.print(
            f"{file} is not what an earlier run settled ({fault}); settled anew, so cells may have to run again",
            style="bold red",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    compute = settle(benchmark.compute, earlier, size, here)
    if on_disk and earlier is None:
        # What this file sets itself is its own affair, and not what others' auto means.
        auto = type(benchmark.compute)()
        with store.held():
            write_json(file, asdict(settle(auto)) | {"threads_small": settle(auto, size=SMALL).threads})
    return compute


def describe_plugins(plugins: Plugins) -> list[dict[str, str]]:
    """Who brought parts, for a manifest."""
    seen = {(p.distribution, p.version, p.commit) for p in plugins.parts}
    return [{"distribution": d, "version": v, "commit": c} for d, v, c in sorted(seen)]
