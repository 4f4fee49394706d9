"""Hostile files: benchmark files drawn from their grammar, and YAML, images, ONNX and weights that were hurt.

Must show: a sentence or a run. No traceback, nothing that takes over 5 s of a processor, no file outside the results
folder, no process, no connection. What is found is kept in a folder, a file each.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.reliability import hostile_files
from benchmarks.reliability.draws import drawn
from benchmarks.reliability.grammar import documents
from benchmarks.reliability.guard import Tried, prepare, tried
from ftbench.benchfile import bundled
from ftbench.console import Console
from ftbench.parts.discovery import discover
from ftbench.runner.opening import Request, open_benchmark
from ftbench.testing.tiny import TINY

SOUND: Mapping[str, Any] = {
    **TINY,
    "matrix": {
        "encoder": {"name": "compact", "channels": 8, "blocks": 1},
        "decoder": {"name": "compact", "channels": 8, "blocks": 1},
        "codec": "none",
        "simulator": ["none", TINY["matrix"]["simulator"]],
        "loss": [{"message": 1.0, "image": 0.1}, {"target_psnr": 30}],
        "pool": ["with", "without"],
        "seed": [0, 1],
    },
    "train": {"steps": 8, "batch_size": 8, "distortions": ["identity", {"name": "jpeg", "quality": [50, 90]}]},
    "evaluate": {
        "simulators": ["none", TINY["matrix"]["simulator"]],
        "distortions": ["identity", {"name": "jpeg", "quality": [90, 50]}],
        "metrics": ["psnr"],
        "psnr": ["own", 30],
    },
    "scales": {"small": {}, "full": {"train": {"steps": 100}}},
}
"""A benchmark that is planned in milliseconds and has something of everything."""


def main(arguments: list[str]) -> int:
    """Try them; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="hostile", description=__doc__)
    parser.add_argument("--times", type=int, default=10_000, help="benchmark files (10,000)")
    parser.add_argument("--files", type=int, default=2_000, help="YAML, image, ONNX and weight files (2,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where the files go that found something (a temporary folder)")
    given = parser.parse_args(arguments)
    keep = given.keep or Path(tempfile.mkdtemp(prefix="hostile-"))
    print("must show: a sentence or a run; no traceback, nothing over 5 s of a processor, nothing touched elsewhere")
    print(f"seed {given.seed}; what is found goes into {keep}")
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        whole = sound()
        each = given.files // 4
        texts = tuple(yaml.safe_dump(one, sort_keys=False).encode() for one in whole)
        found = report("YAML files", _planned_texts(Path(folder), texts, each, given.seed), keep)
        for kind, trials in hostile_files.KINDS.items():
            found += report(f"{kind} files", trials(Path(folder), each, given.seed), keep)
        found += report("benchmark files", planned(Path(folder), whole, given.times, given.seed), keep)
    return 1 if found else 0


def report(what: str, trials: Iterator[tuple[Tried, bytes]], keep: Path) -> int:
    """Print how many of a kind ended how, and keep one file for each thing that was found; how many things."""
    began = time.perf_counter()
    counts: Counter[str] = Counter()
    longest = 0.0
    for one, content in trials:
        longest = max(longest, one.seconds)
        counts[one.how] += 1
        if one.found and counts[one.how] == 1:
            keep.mkdir(parents=True, exist_ok=True)
            name = f"{what.split(maxsplit=1)[0]}-{len(counts)}"
            (keep / name).write_bytes(content)
            (keep / f"{name}.txt").write_text(f"{one.how}\n{one.said}\n", encoding="utf-8", errors="backslashreplace")
    total, fine = counts.total(), counts["run"] + counts["sentence"]
    print(
        f"{what}: {total}, {counts['sentence']} a sentence, {counts['run']} a run, {total - fine} otherwise; "
        f"longest {longest:.2f} s of a processor; {time.perf_counter() - began:.0f} s",
        flush=True,
    )
    found = {how: number for how, number in counts.items() if how not in ("run", "sentence")}
    for how, number in found.items():
        print(f"  FOUND {number}: {how}")
    return len(found)


def planned(folder: Path, whole: list[Mapping[str, Any]], times: int, seed: int) -> Iterator[tuple[Tried, bytes]]:
    """Benchmark files from the grammar, each opened and planned."""
    yield from drawn(documents(discover(), whole), lambda content: opened(folder, content), times, seed)


def _planned_texts(folder: Path, texts: tuple[bytes, ...], times: int, seed: int) -> Iterator[tuple[Tried, bytes]]:
    """The bytes of sound files, hurt, each opened and planned."""
    yield from drawn(hostile_files.hurt(texts), lambda content: opened(folder, content), times, seed)


def opened(folder: Path, content: bytes) -> Tried:
    """Open and plan a benchmark file, as ``ftbench plan`` does."""
    file, results = folder / "hostile.yaml", folder / "results"
    file.write_bytes(content)
    request = Request(str(file), out=results)
    return tried(lambda: open_benchmark(request, Console(file=io.StringIO()), settle_on_disk=False), results)


def sound() -> list[Mapping[str, Any]]:
    """Benchmarks to begin with, by how often."""
    ours = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in bundled.builtin().values()]
    # Those of the repository are planned in a second; most begin as one that takes none.
    small = [one for one in ours if one["name"] in ("quick", "ablation-code")]
    return [SOUND, SOUND, SOUND, SOUND, TINY | {"evaluate": {"simulators": ["none"]}}, *small]
