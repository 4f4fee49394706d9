"""Each kind of failure in turn: the others end as without it, everybody is told, and another try works."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MUST = (
    "other cells end with the same bytes as without it; store, manifest, tables and plan name each failure with its "
    "kind; what would fail again is left alone until --retry-failed; then all is whole"
)
COMMAND = (sys.executable, "-m", "ftbench")
KINDS = {
    "exception": "exception",
    "not-a-number": "not a number",
    "too-large": "memory",
    "slow": "time",
    "killed": "process",
}
"""What the part does -> the kind that must be told. A process that is killed is the run's own where cells are not
worked on side by side."""
LASTING = ("exception", "not-a-number")
SOUND = ("nothing", "large")
"""Cells that must end well: one that does nothing, and one whose memory holds half a batch."""
PART = """
import os
import signal
import time
from pathlib import Path

import ftbench

MENDED = Path(__file__).with_name("mended")


class Settings(ftbench.Parameters):
    does: str = "nothing"


@ftbench.hookimpl
def ftbench_encoders():
    yield ftbench.Encoder(name="fails", factory=f"{__name__}:build", summary="fails as told", parameters=Settings)


def build(size, bits, does):
    import torch

    class Fails(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.planes = torch.nn.Linear(bits, 3)
            self.calls = 0

        def forward(self, cover, code):
            self.calls += self.training
            if self.calls >= 12 and not MENDED.exists():
                self.fail()
            if self.training and len(cover) > {"large": 8, "too-large": 2}.get(does, 64) and not MENDED.exists():
                raise torch.OutOfMemoryError("out of memory, as told")
            return (cover + 0.1 * torch.tanh(self.planes(2 * code - 1))[:, :, None, None]).clamp(0, 1)

        def fail(self):
            if does == "exception":
                raise ValueError("as told")
            if does == "not-a-number":
                self.planes.weight.data.fill_(float("nan"))
            if does == "slow":
                time.sleep(600)
            if does == "killed":
                os.kill(os.getpid(), signal.SIGKILL)

    return Fails()
"""


def benchmark(does: Sequence[str], steps: int) -> dict[str, Any]:
    """One pair a thing that its encoder does."""
    return {
        "name": "failures",
        "plugins": ["fails.py"],
        "dataset": {"name": "procedural-faces", "identities": 2, "images_per_identity": 40, "size": 32},
        "message": {"bits": 4},
        "matrix": {
            "encoder": [{"name": "fails", "does": one} for one in does],
            "decoder": {"name": "conv7", "width": 0.03},
            "simulator": "none",
        },
        "train": {"steps": steps, "batch_size": 16, "validate_every": 20},
        "evaluate": {"simulators": ["none"], "draws": 1},
        "compute": {"device": "cpu", "precision": "float32", "threads": 1},
    }


@dataclass
class Trial:
    """A folder with the benchmark and its part, and how to call ftbench there."""

    folder: Path
    kinds: Sequence[str]
    jobs: int
    command: Sequence[str] = COMMAND
    steps: int = 40
    wrong: list[str] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        (self.folder / "fails.py").write_text(PART, encoding="utf-8")
        for name, does in (("failures", [*SOUND, *self.kinds]), ("sound", SOUND)):
            text = yaml.safe_dump(benchmark(does, self.steps))
            (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")

    def call(self, command: str, name: str, out: str, *options: str) -> tuple[int, str]:
        """Exit code, and all that was said."""
        self.runs += 1
        words = [*self.command, command, f"{name}.yaml", "--allow-plugin", "fails.py", "--out", out, *options]
        own = {**os.environ, "FTBENCH_CALL_SECONDS": "20", "COLUMNS": "300", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            words, cwd=self.folder, env=own, capture_output=True, text=True, encoding="utf-8", check=False
        )
        return done.returncode, done.stdout + done.stderr

    def run(self, name: str, out: str, *options: str) -> tuple[int, str]:
        """The same, of a run with as many jobs as this trial has."""
        return self.call("run", name, out, "--jobs", str(self.jobs), *options)

    def must(self, holds: bool, otherwise: str) -> None:
        """Note what is not as it must be."""
        if not holds:
            self.wrong.append(otherwise)

    def manifest(self, out: str) -> dict[str, Any]:
        """Of the tables in a results folder."""
        [file] = (self.folder / out).glob("failures/*/manifest.json")
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def made(self, out: str) -> dict[str, bytes]:
        """Weights, curves and rows of finished cells."""
        store = self.folder / out / ".store"
        done = [file.parent for file in store.glob("*/done.json")]
        names = ("weights.safetensors", "curve.csv", "rows.csv.gz")
        return {
            f"{cell.name}/{name}": (cell / name).read_bytes()
            for cell in done
            for name in names
            if (cell / name).exists()
        }


def look(trial: Trial) -> list[str]:
    """Fail in each way, look at what is told, mend, try again; what is not as it must be."""
    trial.run("sound", "quiet")
    quiet = trial.made("quiet")
    code, said = trial.run("failures", "out")
    trial.must(code == 1, f"the exit code of a run with failed cells is {code}")
    _told(trial, said)
    made = trial.made("out")
    trial.must(bool(quiet) and made == quiet, "the sound cells did not end as without the others")
    code, said = trial.run("failures", "out")
    trial.must(code == 1, f"the exit code of the next run is {code}")
    alone = [kind for kind in trial.kinds if kind in LASTING]
    trial.must(said.count("; left alone (") == len(alone), "not every cell that would fail again was left alone")
    trial.must("--retry-failed tries them" in said or not alone, "the next run does not name --retry-failed")
    code, said = trial.call("plan", "failures", "out")
    trial.must(code == 0 and said.count("left alone without --retry-failed") == len(alone), "plan does not tell them")
    (trial.folder / "mended").touch()
    code, said = trial.run("failures", "out", "--retry-failed")
    trial.must(code == 0, f"the exit code of the mended run is {code}: {said[-300:]}")
    rows = trial.manifest("out")["cells"]
    trial.must(all(cell["status"] != "failed" for cell in rows), "not all cells ended well after that")
    trial.must(not list((trial.folder / "out").rglob("failed.json")), "notes of failures outlived them")
    kept = {name: content for name, content in trial.made("out").items() if name in quiet}
    trial.must(kept == quiet, "cells that were done were not kept")
    return trial.wrong


def _told(trial: Trial, said: str) -> None:
    manifest = trial.manifest("out")
    by = {cell["label"]: cell for cell in manifest["cells"] if cell["kind"] == "train"}
    for does in trial.kinds:
        [cell] = [cell for label, cell in by.items() if f"does={does}" in label.replace(",", " ").split()]
        trial.must(cell.get("failure") == KINDS[does], f"{does} is told as {cell.get('failure')}: {cell.get('reason')}")
        trial.must(str(cell.get("reason")) in said, f"the run does not say why {does} failed")
        trial.must(f"({KINDS[does]})" in manifest["caption"], f"the tables do not say that {does} is missing")
    notes = [json.loads(file.read_text(encoding="utf-8")) for file in (trial.folder / "out").rglob("failed.json")]
    kinds = sorted(note["kind"] for note in notes)
    trial.must(kinds == sorted(KINDS[does] for does in trial.kinds), f"the store keeps {kinds}")
    trial.must("tried once more with half of it at a time" in said, "nothing is said of a batch in halves")
    halved = [cell for cell in manifest["cells"] if cell.get("parts") == 2]
    trial.must(len(halved) == 1, f"{len(halved)} cells were made in halves")
    trial.must("in parts, for want of memory" in manifest["caption"], "the tables do not tell what was made in halves")


def disk(folder: Path, command: Sequence[str] = COMMAND) -> list[str]:
    """A disk that is full after so many bytes, then larger; what is not as it must be, or why that cannot be seen."""
    trial = Trial(folder, (), 1, command)
    place = folder / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        print("disk: not tried, since only root may make a small disk here")
        return []
    try:
        code, said = trial.run("sound", "small/out")
        trial.must(code == 2, f"the exit code with a full disk is {code}: {said[-300:]}")
        trial.must("No space left on device" in said, "a full disk is not named")
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        code, said = trial.run("sound", "small/out")
        trial.must(code == 0, f"the exit code with space again is {code}: {said[-300:]}")
        trial.run("sound", "quiet")
        trial.must(trial.made("small/out") == trial.made("quiet"), "it did not end as on a large disk")
    finally:
        subprocess.run(["umount", str(place)], check=False)
    return trial.wrong


def main(arguments: list[str]) -> int:
    """Exit code 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability failures", description=__doc__)
    parser.add_argument("--times", type=int, default=1, help="how often")
    parser.add_argument("--steps", type=int, default=40, help="of each training")
    chosen = parser.parse_args(arguments)
    print(f"must show: {MUST}")
    begun, runs = time.monotonic(), 0
    wrong: list[str] = []
    for _ in range(chosen.times):
        for kinds, jobs in ((tuple(KINDS), 2), (("exception", "not-a-number", "too-large"), 1)):
            with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
                trial = Trial(Path(folder), kinds, jobs, steps=chosen.steps)
                wrong += [f"{jobs} jobs: {one}" for one in look(trial)]
                runs += trial.runs
        with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
            wrong += [f"disk: {one}" for one in disk(Path(folder))]
    for one in wrong:
        print(f"  not as it must be: {one}")
    print(
        f"seen: {len(KINDS)} kinds of failure with 2 jobs, 3 with one, a full disk; {runs} runs, {len(wrong)} things "
        f"not as they must be, {time.monotonic() - begun:.0f} s"
    )
    return int(bool(wrong))
