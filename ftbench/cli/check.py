"""The command that examines parts: does each do what its record and the contract promise?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ftbench.console import Console

if TYPE_CHECKING:
    from ftbench.testing.apart import Entry, Listed, Part
    from ftbench.testing.finding import Finding


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(check)


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Parts (faceswap, faceswap@ftbench), distributions (ftbench) and local plugins (./mine.py).",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every installed distribution with plugins.")] = False,
    size: Annotated[int, typer.Option(min=8, max=2048, help="Side of the images, in pixels.")] = 64,
    bits: Annotated[int, typer.Option(min=1, max=1024, help="Bits of payload and code.")] = 8,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the one part that is named."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long a plugin may take to be listed.")] = 30.0,
) -> None:
    """Examine parts and plugins: what was promised, what happened, where. Exit code 1 for any broken promise.

    Each plugin is loaded in processes of its own, so one that hangs or ends its process is found too.
    """
    from ftbench.errors import BadInput
    from ftbench.testing import apart

    if not names and not everything:
        raise BadInput("name parts or distributions, such as ftbench check faceswap, or give --all")
    out = _Out(Console())
    entries = _entries()
    distributions = sorted({entry.distribution for entry in entries}) if everything else []
    wanted: list[Part] = []
    files: list[Entry] = []
    for name in names or ():
        if name.endswith(".py"):
            files.append(_file(name))
            continue
        found = _named_distribution(name, entries)
        if found:
            distributions.append(found)
        else:
            wanted += _named_parts(name, entries)
    listings = [
        listed
        for distribution in dict.fromkeys(distributions)
        for listed in _listed(distribution, entries, seconds, out)
    ]
    listings += [listed for file in files for listed in _listed(file.distribution, [file], seconds, out)]
    wanted += [part for listed in listings if listed.ended for part in listed.parts]
    wanted = list(dict.fromkeys(wanted))
    parameters = _parameters(assignments or (), wanted)
    decoders = _decoders(wanted, listings, entries, seconds)
    for part, report, took in apart.survey_parts(wanted, size, bits, parameters):
        out.result(
            report.part, part.entry.distribution, [*report.findings, *_pairs(part, decoders)], report.notes, took
        )
    out.close()


class _Out:
    """Prints results as they come, and counts."""

    def __init__(self, console: Console) -> None:
        self.console, self.examined, self.broken, self.promises = console, 0, 0, 0

    def result(
        self, what: str, distribution: str, findings: Sequence[Finding], notes: Iterable[str] = (), took: float = 0
    ) -> None:
        self.examined += 1
        self.broken += bool(findings)
        self.promises += len(findings)
        sign = "✗" if findings else "✓"
        self._say(f"{sign} {what} ({distribution}){f', {took:.1f} s' if took else ''}", "red" if findings else "")
        for finding in findings:
            self._say(f"    {finding.check}: promised {finding.promised}")
            self._say(f"        {finding.happened}")
            self._say(f"        {finding.where}")
        for note in notes:
            self._say(f"    note: {note}")

    def close(self) -> None:
        if self.broken:
            promises = f"{self.promises} promise{'s' * (self.promises != 1)}"
            self._say(f"{promises} broken by {self.broken} of {self.examined} parts and plugins", "bold red")
            raise typer.Exit(1)
        self._say(f"{self.examined} parts and plugins break no promise")

    def _say(self, line: str, style: str = "") -> None:
        self.console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _entries() -> list[Entry]:
    import importlib.metadata

    from ftbench.parts.discovery import GROUP, distribution_of
    from ftbench.testing.apart import Entry

    found = importlib.metadata.entry_points(group=GROUP)
    entries = {Entry(e.name, e.value, distribution_of(e)[0]) for e in found}
    return sorted(entries, key=lambda entry: (entry.distribution, entry.name))


def _file(name: str) -> Entry:
    """A local plugin: naming it here is leave to run it."""
    from ftbench.errors import BadInput
    from ftbench.testing.apart import Entry

    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise BadInput(f"there is no file {name!r} to examine; give the path of a local plugin")
    return Entry(path.stem, str(path), path.name)


def _named_distribution(name: str, entries: Iterable[Entry]) -> str | None:
    from ftbench.parts.discovery import normal

    return next((e.distribution for e in entries if normal(e.distribution) == normal(name)), None)


def _named_parts(name: str, entries: Sequence[Entry]) -> list[Part]:
    """The parts of a name, from every distribution and of every kind; raises BadInput with the nearest names."""
    from ftbench.errors import BadInput, nearest
    from ftbench.parts.discovery import discover
    from ftbench.testing.apart import Part

    found = discover()
    places = {(entry.distribution, entry.name): entry for entry in entries}
    named = [
        Part(p.record.kind, p.record.name, places[p.distribution, p.plugin], tuple(getattr(p.record, "pairs_with", ())))
        for p in found.parts
        if name in (p.record.name, f"{p.record.name}@{p.distribution}") and (p.distribution, p.plugin) in places
    ]
    if not named:
        options = sorted({p.record.name for p in found.parts} | {entry.distribution for entry in entries})
        near = ", ".join(nearest(name.partition("@")[0], options)) or "none (ftbench plugins names all)"
        broken = "; ".join(f"{f.plugin} ({f.distribution}) failed: {f.reason}" for f in found.failures)
        hint = f"; it may be in {broken}" if broken else ""
        raise BadInput(f"there is no part and no distribution with plugins {name!r}; nearest: {near}{hint}")
    return named


def _listed(distribution: str, entries: Sequence[Entry], seconds: float, out: _Out) -> list[Listed]:
    """Every plugin of a distribution, loaded apart; what is wrong between them is told with the later one."""
    from ftbench.testing import places
    from ftbench.testing.apart import list_plugin
    from ftbench.testing.finding import Finding

    own = [entry for entry in entries if entry.distribution == distribution]
    listings: list[Listed] = []
    names: Counter[tuple[str, str]] = Counter()
    for index, entry in enumerate(own):
        listed = list_plugin(entry, seconds)
        findings = list(listed.findings)
        where = places.of_module(entry.value.partition(":")[0])
        before = [other.name for other in own[:index] if other.value == entry.value]
        if before:
            happened = f"{entry.value} is also entry point {before[0]!r} of {distribution}"
            findings.append(Finding("hooks", "each module registered once", happened, where))
        names.update((part.kind, part.name) for part in listed.parts)
        twice = sorted({(p.kind, p.name) for p in listed.parts if names[p.kind, p.name] > 1})
        if twice and not before:
            told = ", ".join(f"{kind} {name}" for kind, name in twice)
            findings.append(Finding("records", "one part of a name", f"it lists {told} more than once", where))
        out.result(f"plugin {entry.name} = {entry.value}", distribution, findings)
        listings.append(listed)
    return listings


def _parameters(assignments: Sequence[str], parts: Sequence[Part]) -> dict[str, Any]:
    from ftbench.benchfile.document import Document, with_assignments
    from ftbench.errors import BadInput

    if assignments and len(parts) != 1:
        raise BadInput(f"--set gives parameters to one part, and {len(parts)} are named; name one")
    return dict(with_assignments(Document({}, {}), assignments).data)


def _decoders(wanted: Sequence[Part], listings: Sequence[Listed], entries: Sequence[Entry], seconds: float) -> set[str]:
    """Names of decoders that encoders may pair with; nothing is loaded into this process for them."""
    from ftbench.testing.apart import list_plugin

    named = {name for part in wanted for name in part.pairs_with}
    decoders = {part.name for listed in listings for part in listed.parts if part.kind == "decoder"}
    known = {listed.entry for listed in listings}
    if named - decoders:
        others = [list_plugin(entry, seconds) for entry in entries if entry not in known]
        decoders |= {part.name for listed in others for part in listed.parts if part.kind == "decoder"}
    return decoders


def _pairs(part: Part, decoders: set[str]) -> list[Finding]:
    from ftbench.errors import nearest
    from ftbench.testing import places
    from ftbench.testing.finding import Finding

    where = places.of_module(part.entry.value.partition(":")[0])
    return [
        Finding(
            "pairs_with",
            "pairs_with names decoders that there are",
            f"there is no decoder {name!r}; nearest: {', '.join(nearest(name, decoders)) or 'none'}",
            where,
        )
        for name in part.pairs_with
        if name not in decoders
    ]
