"""Plugins examined in processes of their own: one that hangs, exits or crashes is a finding, and hurts nobody."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftbench.errors import BadInput
from ftbench.testing import places
from ftbench.testing.child import finding_of
from ftbench.testing.finding import Finding, Report

SECONDS = 30.0
"""How long a plugin may take to be imported and listed."""
PART_SECONDS = 300.0
"""How long the examination of one part may take."""
STARTING = 120.0
"""How much longer the process may say nothing: on a busy machine torch takes its time to be imported."""
_LOOK = 0.05
_START = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); from ftbench.testing.child import main; "
_START += "main(*sys.argv[1:4])"
_FRAME = re.compile(r'File "(.+?)", line (\d+)')


@dataclass(frozen=True)
class Entry:
    """An entry point of the group ``ftbench``."""

    name: str
    value: str
    distribution: str


@dataclass(frozen=True)
class Part:
    """A part as its listing names it."""

    kind: str
    name: str
    entry: Entry
    pairs_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listed:
    """One plugin's listing."""

    entry: Entry
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]
    ended: bool
    """False: it ended or hung its process, so no other should load it."""


def list_plugin(entry: Entry, seconds: float = SECONDS) -> Listed:
    """Import and list a plugin apart from everything else."""
    findings: list[Finding] = []
    parts: list[Part] = []
    request = {"job": "list", "name": entry.name, "value": entry.value, "seconds": seconds}
    torch = ended = False
    for event in _events(request, seconds):
        if event["event"] == "finding":
            findings.append(finding_of(event))
        elif event["event"] == "part":
            parts.append(Part(event["kind"], event["name"], entry, tuple(event["pairs_with"])))
        elif event["event"] == "listed":
            torch, ended = event["torch"], True
        elif event["event"] == "died":
            findings.append(_death(event, entry.value, f"import and listing that end within {seconds:g} s"))
    if torch:
        beside = _events({**request, "job": "list beside torch"}, seconds)
        findings += [finding_of(event) for event in beside if event["event"] == "finding"]
    return Listed(entry, tuple(parts), tuple(findings), ended)


def survey_parts(
    parts: Sequence[Part],
    size: int,
    bits: int,
    parameters: Mapping[str, Any],
    seconds: float = PART_SECONDS,
) -> Iterator[tuple[Part, Report, float]]:
    """Examine parts one after another in a process; after one that ends it, the rest in another. Seconds come last.

    Raises BadInput when a parameter does not fit.
    """
    left = list(parts)
    while left:
        request = {
            "job": "examine",
            "parts": [{"entry": p.entry.name, "value": p.entry.value, "kind": p.kind, "name": p.name} for p in left],
            "size": size,
            "bits": bits,
            "parameters": dict(parameters),
            "seconds": seconds,
        }
        done, began = 0, time.monotonic()
        for event in _events(request, seconds):
            if event["event"] == "report":
                if event["bad"]:
                    raise BadInput(event["bad"])
                part, done = left[event["index"]], event["index"] + 1
                yield part, _report(part, map(finding_of, event["findings"]), event["notes"]), event["seconds"]
                began = time.monotonic()
            elif event["event"] == "died":
                part, done = left[done], done + 1
                promised = f"an examination that ends within {seconds:g} s"
                yield part, _report(part, [_death(event, part.entry.value, promised)], ()), time.monotonic() - began
        if not done:
            raise RuntimeError("the process that examines parts said nothing")
        left = left[done:]


def _report(part: Part, findings: Any, notes: Sequence[str]) -> Report:
    return Report(f"{part.kind} {part.name}", tuple(findings), tuple(notes))


def _events(request: Mapping[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
    """What a child says, as it says it; last ``died`` with how and where, if it did not come to its end."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        asked, told, hang, errors = (folder / name for name in ("request", "events", "hang", "errors"))
        asked.write_text(json.dumps({**request, "parent": os.getpid()}), encoding="utf-8")
        told.touch()
        with errors.open("wb") as noise:
            child = subprocess.Popen(
                [sys.executable, "-c", _START, str(asked), str(told), str(hang), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=noise,
                start_new_session=True,
            )
        last: dict[str, Any] = {"event": "begin"}
        exited: dict[str, Any] | None = None
        try:
            for last in _followed(child, told, seconds + STARTING):
                if last["event"] == "exit":
                    exited = last
                elif last["event"] != "end":
                    yield last
        finally:
            _end(child)
        if last["event"] != "end":
            frames = _FRAME.findall(hang.read_text(encoding="utf-8")) if hang.exists() else []
            noise_text = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            yield {
                "event": "died",
                "exit": exited,
                "frames": frames,
                "code": child.returncode,
                "last words": noise_text[-1][:200] if noise_text else "",
            }


def _followed(child: subprocess.Popen[bytes], told: Path, quiet: float) -> Iterator[dict[str, Any]]:
    """Lines as they are written, until the child ends, or says nothing for ``quiet`` seconds."""
    with told.open(encoding="utf-8") as lines:
        heard, rest = time.monotonic(), ""
        while True:
            over = child.poll() is not None
            rest += lines.read()
            *whole, rest = rest.split("\n")
            for line in whole:
                heard = time.monotonic()
                yield json.loads(line)
            if over or time.monotonic() - heard > quiet:
                return
            time.sleep(_LOOK)


def _end(child: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        # Its own children too: the group is the child's alone.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    elif child.poll() is None:
        child.kill()
    child.wait()


def _death(event: Mapping[str, Any], module: str, promised: str) -> Finding:
    module = module.partition(":")[0]
    where = places.of_module(module)
    if event["exit"]:
        happened = f"it ended the process by os._exit({event['exit']['code']})"
        return Finding("exit", "a process left running", happened, event["exit"]["where"] or where)
    if event["frames"]:
        own = [f for f in event["frames"] if f[0].startswith(places.package_folders(module) or ("\0",))]
        file, line = (own or event["frames"])[0]
        return Finding("time", promised, "it was still running then", places.shown(file, int(line)))
    code = event["code"]
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    words = f": {event['last words']}" if event["last words"] else ""
    return Finding("exit", "a process left running", f"it ended with {how}{words}", where)
