"""Runs in processes of their own that are watched from outside: who belongs to one, what it made, what it left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

COMMAND = (sys.executable, "-m", "ftbench")
SWAP = "{name: faceswap-pasted, face_size: 32, width: 0.1, latent: 32}"
SMALL = (
    "dataset.images_per_identity=20",
    "matrix.encoder={name: compact, channels: 8, blocks: 1, attenuation: 0}",
    "matrix.decoder={name: compact, channels: 8, blocks: 1}",
    f"matrix.simulator={SWAP}",
    "matrix.seed=[0, 1]",
    "fit.steps=40",
    "fit.validate_every=20",
    "train.steps=40",
    "train.batch_size=8",
    "train.validate_every=20",
    f"evaluate.simulators=[none, {SWAP}]",
    "evaluate.draws=1",
    "evaluate.distortions=[identity, {name: jpeg, quality: 50}]",
)
"""quick.yaml with steps and images so few that most moments of a run are between two files."""
GONE = 120.0
"""Seconds that processes have to end after one of theirs was killed: what trains may keep a checkpoint first."""
QUIET = {"COLUMNS": "300", "OMP_NUM_THREADS": "1", "FTBENCH_JOBS": "1"}


@dataclass(frozen=True)
class Place:
    """A folder in which runs are started; everything that works there belongs to one of them."""

    folder: Path
    command: Sequence[str] = COMMAND
    benchmark: str = "quick"

    @property
    def temporary(self) -> Path:
        """The runs' own temporary folder, so that what they leave there is seen."""
        return self.folder / "tmp"

    def arguments(self, out: str, *options: str) -> list[str]:
        """A command line for a results folder in here."""
        return [*self.command, "run", self.benchmark, "--scale", "small", "--out", out, *options]

    def start(self, out: str, *options: str, number: int = 0, before: str = "") -> subprocess.Popen[bytes]:
        """Start a run; ``number``: of those on one folder, ``before``: a folder that Python looks into first."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        found = os.pathsep.join(filter(None, [before, os.environ.get("PYTHONPATH")]))
        with self._log(out, number).open("ab") as log:
            return subprocess.Popen(
                self.arguments(out, *options),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **QUIET, "TMPDIR": str(self.temporary), "PYTHONPATH": found},
            )

    def said(self, out: str, number: int = 0) -> str:
        """What the runs on a results folder said that had this number."""
        return self._log(out, number).read_text(encoding="utf-8", errors="replace")

    def _log(self, out: str, number: int) -> Path:
        return self.folder / f"{out}-{number}.log"

    def processes(self) -> list[psutil.Process]:
        """All that work in the folder, whoever started them."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and Path(process.cwd()) == self.folder.resolve():
                    found.append(process)
        return found

    def orphans(self, seconds: float = GONE) -> list[psutil.Process]:
        """Processes that do not end by themselves; they are ended."""
        until = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.05)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        return left


@contextlib.contextmanager
def place(command: Sequence[str] = COMMAND, benchmark: str = "quick") -> Iterator[Place]:
    """A new place, removed with this."""
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        yield Place(Path(folder), command, benchmark)


def numbers(out: Path) -> dict[str, bytes]:
    """Everything in a results folder that says a number: tables, rows, curves, weights, samples; by name."""
    found = [file for kind in ("tables", "rows", "curves") for file in out.glob(f"*/*/{kind}/*") if file.is_file()]
    store = (file for ending in ("safetensors", "csv", "gz", "npz") for file in out.glob(f".store/*/*.{ending}"))
    found += [file for file in store if not file.name.startswith(("checkpoint", "."))]
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in sorted(found)}


def litter(where: Place, out: str) -> list[str]:
    """Claims, checkpoints and half written files that a finished run has no more use for."""
    names = [file.relative_to(where.folder / out) for file in (where.folder / out).rglob("*")]
    own = {".store", ".lock"}
    found = [
        str(name)
        for name in names
        if (name.name.startswith(".") and name.name not in own)
        or name.name.startswith(("checkpoint", "running.json"))
        or ".damaged-" in name.name
        or ".earlier" in name.name
    ]
    # torch's own, which all its processes share.
    shared = "torchinductor_"
    names_left = (file.name for file in where.temporary.glob("*") if not file.name.startswith(shared))
    return sorted(found) + sorted(f"tmp/{name}" for name in names_left)
