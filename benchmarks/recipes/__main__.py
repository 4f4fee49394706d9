"""``python -m benchmarks.recipes --out FOLDER [--data FOLDER]``: every recipe, from a benchmark file to a table.

The ``.onnx`` files are written here: made-up networks that have of the published ones the names, shapes and ranges of
what goes in and comes out. What is shown is that each recipe runs, not what a published network does to a mark.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.recipes.setting import NAME, benchmark, write_files
from ftbench.console import Console
from ftbench.errors import FtbenchError
from ftbench.publish.benchmark import run_request
from ftbench.runner.opening import Request
from ftbench_exported.recipes import RECIPES


def main(arguments: list[str]) -> int:
    """Write files and benchmark, run it; 0 where every recipe has its rows, 1 where one has none, 2 for bad input."""
    asked = _parsed(arguments)
    begun = time.monotonic()
    file = asked.out / f"{NAME}.yaml"
    whole = benchmark(size=asked.size, steps=asked.steps, images=asked.images, landmarks=asked.data is None)
    request = Request(str(file), data=asked.data, out=asked.out / "results")
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
        write_files(asked.out)
        file.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
        ran = run_request(request, Console())
        lacking = [] if ran.failed else without_row(ran.folder)
    except (FtbenchError, OSError) as error:
        print(f"benchmarks.recipes: {error}", file=sys.stderr)
        return 2
    if ran.failed:
        return 1
    print(f"{len(RECIPES) - len(lacking)} of {len(RECIPES)} recipes in the table, {time.monotonic() - begun:.0f} s")
    if lacking:
        print(f"without a row: {', '.join(lacking)}", file=sys.stderr)
    return int(bool(lacking))


def without_row(folder: Path) -> list[str]:
    """The recipes under which a results folder's table of attacks has no number."""
    table = pd.read_csv(folder / "tables" / "attacks.csv")
    read = set(table[table["raw_bit_accuracy_value"].notna()]["simulator"])
    return [name for name in RECIPES if f"exported recipe={name}" not in read]


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where files, benchmark and results go")
    parser.add_argument("--data", help="a folder of faces of two people or more; without it faces are drawn")
    parser.add_argument("--images", type=int, default=24, help="test images (24)")
    parser.add_argument("--size", type=int, default=96, help="pixels of a side (96)")
    parser.add_argument("--steps", type=int, default=240, help="of the training (240)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
