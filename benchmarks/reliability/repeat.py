"""The same run again, in processes of its own: alone, with cells side by side, in parts, with other threads."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftbench.storage.grounds import in_both, sentence
from ftbench.testing import repeat

MUST = (
    "runs with one number of threads give the same weights, curves and rows to the bit, alone or side by side, and "
    "their manifests say so; another number of threads is told as what it is"
)


def manifest(store: Path) -> dict[str, Any]:
    """Of the one results folder beside a store."""
    [file] = store.parent.glob("repeat/*/manifest.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def look(folder: Path, times: int, command: Sequence[str] | None = None, jobs: bool = True) -> tuple[int, list[str]]:
    """How many runs were made, and what is not as it must be."""
    given = {} if command is None else {"command": command}
    one = ("--set", "compute.threads=1")
    first, wrong = repeat.run(folder / "first", *one, **given), []
    ways: dict[str, tuple[str, ...]] = {f"again {number}": one for number in range(1, times)}
    if jobs:
        # Two pairs, so that two cells can be worked on side by side; the second is in no other run.
        ways["side by side"] = (*one, "--jobs", "2", "--set", "matrix.seed=[0, 1]")
    for name, options in ways.items():
        store = repeat.run(folder / name, *options, **given)
        apart = [found for found in repeat.differences(first, store) if not found.where.startswith("it is in one run")]
        wrong += [f"{name}: {found}" for found in apart]
        said = sentence(manifest(first), manifest(store))
        if said != "comparable: yes":
            wrong.append(f"{name}: {said}")
        shared, otherwise = in_both(manifest(first), manifest(store))
        if shared != 3 or otherwise:
            wrong.append(f"{name}: {shared} cells in both by their keys, made otherwise: {otherwise}")
    other = repeat.run(folder / "threads", "--set", "compute.threads=2", **given)
    said = sentence(manifest(first), manifest(other))
    print(f"with two threads: {next(repeat.differences(first, other), 'the same to the bit')}; {said}")
    if "threads (1 and 2)" not in said:
        wrong.append(f"with two threads it says {said}")
    return 2 + len(ways), wrong


def main(arguments: list[str]) -> int:
    """Exit code 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability repeat", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="runs that must be alike, at least")
    chosen = parser.parse_args(arguments)
    print(f"must show: {MUST}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        runs, wrong = look(Path(folder), chosen.times)
    for one in wrong:
        print(f"  not as it must be: {one}")
    print(f"seen: {runs} runs of 3 cells and more, {len(wrong)} things otherwise, {time.monotonic() - begun:.0f} s")
    return int(bool(wrong))
