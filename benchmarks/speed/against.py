"""A subject of this checkout beside the same of another, process by process in turn: today against yesterday."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tabulate import tabulate

from benchmarks.speed.clock import Spread, spread
from ftbench.errors import BadInput, FtbenchError

HERE = Path(__file__).resolve().parents[2]


def main(checkout: Path, name: str, rounds: int, repeats: int, warm: int, threads: int) -> str:
    """Both sides' medians, and how many times faster ours is. Raises BadInput for what is no checkout."""
    other = checkout.resolve()
    if not (other / "ftbench" / "__init__.py").is_file():
        raise BadInput(f"{checkout} is no checkout of ftbench; make one: git worktree add {checkout} COMMIT")
    with tempfile.TemporaryDirectory() as temporary:
        # The timing code of this checkout measures both, whatever the other one brings.
        code = Path(temporary)
        shutil.copytree(HERE / "benchmarks" / "speed", code / "benchmarks" / "speed")
        command = [name, "--repeats", str(repeats), "--warm", str(warm), "--threads", str(threads)]
        found = [(_measured(other, code, command), _measured(HERE, code, command)) for _ in range(rounds)]
    rows = []
    for line in found[0][1]:
        pairs = [(theirs[line], ours[line]) for theirs, ours in found if line in theirs and line in ours]
        if not pairs:
            continue
        unit = pairs[0][0][1]
        # Of a rate more is better, of seconds less.
        gains = [(b / a if unit.endswith("/s") or unit.endswith("core-s") else a / b) for (a, _), (b, _) in pairs]
        sides = [spread([pair[side][0] for pair in pairs]) for side in (0, 1)]
        rows.append([line, unit, *map(_told, (*sides, spread(gains))), len(pairs)])
    heads = ["what", "unit", "there", "here", "times as fast", "n"]
    return tabulate(rows, headers=heads, disable_numparse=True)


def _measured(checkout: Path, code: Path, command: list[str]) -> dict[str, tuple[float, str]]:
    """Line -> (median, unit), measured by ``code`` of the package in ``checkout``."""
    file = code / "figures.json"
    path = os.pathsep.join(map(str, (code, checkout, checkout / "plugins")))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", *command, "--json", str(file)],
        cwd=code,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FtbenchError(f"{checkout}: {done.stderr.strip()[-600:]}")
    lines = json.loads(file.read_text(encoding="utf-8"))["lines"]
    return {line["name"]: (line["value"]["median"], line["unit"]) for line in lines}


def _told(values: Spread) -> str:
    return f"{values.median:.3g} ({values.low:.3g}–{values.high:.3g})"
