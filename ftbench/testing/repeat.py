"""Does a machine repeat itself? Tiny runs in processes of their own, and the first place where two of them differ."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ftbench.errors import CellFailed
from ftbench.storage.cellfile import read_cell
from ftbench.storage.results import CURVE, QUALITY, ROWS
from ftbench.train.weights import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd

SWAP = {"name": "faceswap", "width": 0.06, "latent": 16}
BENCHMARK: dict[str, Any] = {
    "name": "repeat",
    "dataset": {"name": "procedural-faces", "identities": 2, "images_per_identity": 40, "size": 32},
    "message": {"bits": 4},
    "matrix": {
        "encoder": {"name": "compact", "channels": 8, "blocks": 1},
        "decoder": {"name": "compact", "channels": 8, "blocks": 1},
        "simulator": SWAP,
    },
    "fit": {"steps": 20, "batch_size": 8, "validate_every": 10},
    "train": {
        "steps": 40,
        "batch_size": 16,
        "validate_every": 20,
        "distortions": ["identity", {"name": "jpeg", "quality": [50, 90]}, {"name": "gaussian-noise", "sigma": 0.02}],
    },
    "evaluate": {
        "draws": 1,
        "simulators": ["none", SWAP],
        "distortions": ["identity", {"name": "jpeg", "quality": 50}, {"name": "gaussian-noise", "sigma": 0.02}],
    },
    # Device and precision are those that runs here would have.
    "compute": {"threads": 1},
}
"""Everything that a cell does, in seconds: real JPEG, noise, a simulator that is fitted, two looks at val."""
ORDER = ("fit", "train", "evaluate")


@dataclass(frozen=True)
class Difference:
    """Where two runs part."""

    cell: str
    """Kind and label."""
    where: str
    """In a few words, with both values."""

    def __str__(self) -> str:
        return f"{self.cell}: {self.where}"


def run(folder: Path, *options: str, command: Sequence[str] = (sys.executable, "-m", "ftbench")) -> Path:
    """Run ``BENCHMARK`` in a process of its own, into ``folder``; its store. Raises CellFailed with its last words."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "repeat.yaml"
    file.write_text(yaml.safe_dump(BENCHMARK), encoding="utf-8")
    arguments = [*command, "run", str(file), "--out", str(folder / "results"), "--jobs", "1", *options]
    # What the user's own shell sets for runs is not what is asked here.
    own = {name: value for name, value in os.environ.items() if not name.startswith("FTBENCH_")}
    done = subprocess.run(
        arguments, env=own, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise CellFailed(
            f"the tiny run failed with exit code {done.returncode}: {said[-1] if said else 'it says nothing'}"
        )
    return folder / "results" / ".store"


def differences(first: Path, second: Path) -> Iterator[Difference]:
    """Cell by cell, in the order of work, the first place where two stores of one benchmark part; none where equal."""
    a, b = _cells(first), _cells(second)
    for name in dict.fromkeys([*a, *b]):
        if name not in a or name not in b:
            yield Difference(" ".join(name), "it is in one run alone")
        elif found := next(_parted(a[name], b[name]), None):
            yield Difference(" ".join(name), found)


def _cells(store: Path) -> dict[tuple[str, str], Path]:
    """Folders of cells by kind and label."""
    found = {}
    for file in store.glob("*/cell.json"):
        held = read_cell(file.parent)
        if held:
            found[held.kind, held.label.removeprefix("fit ")] = file.parent
    return dict(sorted(found.items(), key=lambda one: (ORDER.index(one[0][0]), one[0])))


def _parted(first: Path, second: Path) -> Iterator[str]:
    # Curves first: they tell when.
    for name in (CURVE, WEIGHTS, ROWS, QUALITY):
        held, other = (folder / name for folder in (first, second))
        if held.exists() != other.exists():
            yield f"{name} is in one run alone"
        elif held.exists() and held.read_bytes() != other.read_bytes():
            yield _weights(held, other) if name == WEIGHTS else _table(name, _frame(held), _frame(other))


def _frame(file: Path) -> pd.DataFrame:
    import pandas as pd

    content = file.read_bytes()
    plain = gzip.decompress(content) if file.name.endswith(".gz") else content
    return pd.read_csv(io.BytesIO(plain), dtype=str, keep_default_na=False)


def _table(name: str, first: pd.DataFrame, second: pd.DataFrame) -> str:
    if list(first.columns) != list(second.columns) or len(first) != len(second):
        return f"{name} has other rows or columns"
    apart = (first != second).to_numpy()
    row, column = next(iter(zip(*apart.nonzero(), strict=True)), (0, 0))
    title = first.columns[column]
    at = f"step {float(first['step'][row]):g}" if "step" in first else f"row {row + 1}"
    return (
        f"{title} of {name} at {at} is {first[title][row]} and {second[title][row]} "
        f"({int(apart.any(axis=1).sum())} of {len(first)} rows differ)"
    )


def _weights(first: Path, second: Path) -> str:
    from safetensors.torch import load_file

    a, b = load_file(first), load_file(second)
    if a.keys() != b.keys():
        return f"{WEIGHTS} has other tensors"
    apart = {name: float((a[name].double() - b[name].double()).abs().max()) for name in a}
    return f"weights differ by up to {max(apart.values()):.1e}"
