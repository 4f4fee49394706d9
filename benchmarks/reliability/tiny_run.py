"""A finished run so small that it can be hurt and repeated hundreds of times, each time in this process."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ftbench.console import Console
from ftbench.errors import FtbenchError
from ftbench.publish.benchmark import run_request
from ftbench.runner.opening import Request
from ftbench.testing.tiny import TINY

BENCHMARK: Mapping[str, Any] = {
    **TINY,
    "dataset": {"name": "procedural-faces", "identities": 2, "images_per_identity": 40, "size": 16},
    "matrix": {
        "encoder": {"name": "compact", "channels": 8, "blocks": 1, "attenuation": 0},
        "decoder": {"name": "compact", "channels": 8, "blocks": 1},
        "simulator": "none",
        "loss": [{"target_psnr": 20}, {"target_psnr": 30}],
    },
    "train": {"steps": 4, "batch_size": 8, "validate_every": 2, "ema": 0},
    "evaluate": {"simulators": ["none"], "distortions": ["identity"], "metrics": ["psnr"], "draws": 1},
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """0 done, 1 some cells failed, 2 a sentence, -1 an error that no user should see."""
    said: str


class TinyRun:
    """The benchmark in a folder, and its results: in it too, or somewhere else."""

    def __init__(self, home: Path, results: Path | None = None) -> None:
        self.home, self.results = home, results or home / "results"
        self.file = home / "tiny.yaml"
        home.mkdir(parents=True, exist_ok=True)
        self.file.write_text(yaml.safe_dump(dict(BENCHMARK), sort_keys=False), encoding="utf-8")

    @property
    def tables_folder(self) -> Path:
        """Where its tables go."""
        return self.results / "tiny" / "procedural-faces-plain"

    def run(self) -> Ended:
        """Run it, as ``ftbench run`` does."""
        said = io.StringIO()
        try:
            ran = run_request(Request(str(self.file), out=self.results), Console(file=said, width=1000))
        except FtbenchError as error:
            return Ended(2, f"{said.getvalue()}\nftbench: {error}")
        except Exception as error:
            return Ended(-1, f"{said.getvalue()}\n{type(error).__name__}: {error}")
        return Ended(1 if ran.failed else 0, said.getvalue())

    def tables(self) -> dict[str, bytes]:
        """Every file of numbers, by its name."""
        folder = self.tables_folder
        return {
            str(file.relative_to(folder)): file.read_bytes()
            for name in ("tables", "rows", "curves")
            for file in sorted((folder / name).glob("*"))
            if not file.name.startswith(".")
        }

    def back_to(self, kept: Path) -> None:
        """Take the results from a copy of them."""
        shutil.rmtree(self.results, ignore_errors=True)
        shutil.copytree(kept, self.results, symlinks=True)
