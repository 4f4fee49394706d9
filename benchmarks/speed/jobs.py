"""Wall time of a whole benchmark, cells one after the other and side by side, and whether the tables are the same.

``python benchmarks/speed/jobs.py benchmarks/paper.yaml --scale small --data two_identity`` on an idle machine; what
follows the benchmark's name goes to ``ftbench run`` as it is. The first run is what ftbench did before there were jobs:
all processors for each cell, one cell after the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

WAYS = {
    "all processors, one cell at a time": ("--jobs", "1", "--set", f"compute.threads={os.cpu_count()}"),
    "one thread, one cell at a time": ("--jobs", "1", "--set", "compute.threads=1"),
    "one thread, cells side by side": ("--set", "compute.threads=1"),
}


def timed(arguments: Sequence[str], out: Path) -> float:
    """Seconds by the clock that a run takes, from the command to the tables."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "ftbench", "run", *arguments, "--out", str(out)], check=True)
    return time.monotonic() - start


def tables(out: Path) -> dict[str, bytes]:
    """Content of all tables, rows and curves below a results folder."""
    kept = ("tables", "rows", "curves")
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in sorted(out.glob("*/*/*/*"))
        if file.parent.name in kept and ".store" not in file.parts
    }


def main(arguments: Sequence[str]) -> int:
    """Run it in all ways; 1 where tables differ that must not."""
    with tempfile.TemporaryDirectory(prefix="ftbench-speed-") as folder:
        outs = {way: Path(folder) / str(number) for number, way in enumerate(WAYS)}
        seconds = {way: timed([*arguments, *options], outs[way]) for way, options in WAYS.items()}
        first, single, beside = WAYS
        for way, took in seconds.items():
            print(f"{way}: {took:.1f} s, {took / seconds[first]:.2f} of the first")
        same = tables(outs[single]) == tables(outs[beside]) != {}
        print(f"tables of one thread, side by side or not: {'identical' if same else 'DIFFERENT'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
