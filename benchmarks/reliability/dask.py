"""A scheduler and three workers as separate processes, of which one is killed and one is another; then the scheduler.

``python -m benchmarks.reliability dask``; with ``--benchmark paper --scale small --data FOLDER`` another one, whole.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ftbench
from benchmarks.reliability.workers import Processes, ended, lines_with, processes, tables, trained, wait_for

SWAP = "{name: faceswap-pasted, face_size: 16, width: 0.25, latent: 32}"
SHORT = (
    "dataset={name: procedural-faces, identities: 2, images_per_identity: 40, size: 32}",
    "matrix.encoder={name: compact, channels: 8, blocks: 1, attenuation: 0}",
    "matrix.decoder={name: compact, channels: 8, blocks: 1}",
    "matrix.seed=[0,1]",
    f"matrix.simulator={SWAP}",
    f"evaluate.simulators=[none, {SWAP}]",
    "evaluate.draws=1",
    "fit={steps: 60, batch_size: 8}",
    "train.steps=300",
    "train.batch_size=8",
    "train.validate_every=50",
)
"""A fit, two trainings and their tests, of some seconds each."""
ODD = ("ftbench_networks/compact.py", "ftbench_faketagger/conv7.py")
"""Networks of `quick` and of `paper`: a worker may differ in what a benchmark does not use."""
PATIENCE = 3600.0
MID_CELL = 2.0
"""Seconds of work after which a worker is in the middle of a cell."""


@dataclass
class Trial:
    """One benchmark, run in several ways, each held against what it gives on this machine alone."""

    folder: Path
    arguments: Sequence[str]
    failures: int = 0

    def local(self) -> None:
        """Run it here, one cell after the other."""
        with processes(self.folder / "local") as them:
            begun = time.monotonic()
            code = ended(them.start("run", "ftbench", "run", *self.arguments, "--out", "out", "--jobs", "1"), PATIENCE)
            self.wanted = tables(self.folder / "local" / "out")
            self.say(code == 0 and bool(self.wanted), f"local run: {len(self.wanted)} files of numbers", begun)
            self.cells = sorted(set(trained(them.said("run"))))

    def say(self, holds: bool, what: str, begun: float) -> None:
        """Print what was seen."""
        self.failures += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {what} ({time.monotonic() - begun:.0f} s)", flush=True)

    def judge(self, them: Processes, code: int, begun: float, called: str) -> None:
        """Exit code and tables of a run on workers."""
        found = tables(them.folder / "out")
        differ = [name for name in self.wanted.keys() | found.keys() if self.wanted.get(name) != found.get(name)]
        self.say(
            code == 0 and not differ, f"{called}: exit code {code}, {len(found)} files, {len(differ)} differ", begun
        )
        if code or differ:
            print(them.said("run")[-3000:])


def worker_dies(trial: Trial, copy: Path) -> None:
    """Three workers, one of them another; one of the others is killed in the middle of a cell."""
    begun = time.monotonic()
    with processes(trial.folder / "dies") as them:
        them.scheduler()
        them.worker("first")
        them.worker("second")
        them.worker("odd", environment={"PYTHONPATH": os.pathsep.join([str(copy), str(copy / "plugins")])})
        wait_for(lambda: them.said("scheduler").count("Register worker") >= 3, "three workers")
        run = them.run("out", *trial.arguments)
        wait_for(lambda: "takes part, 2 now" in them.said("run") or run.poll() is not None, "two workers")
        # Two cells need no other, so that each of the two has one at once.
        used = them.processor_seconds("first") + MID_CELL
        wait_for(lambda: them.processor_seconds("first") > used or run.poll() is not None, "the first worker to work")
        them.kill_inside("first")
        code = ended(run, PATIENCE)
        said = them.said("run")
        trial.judge(them, code, begun, "one of three workers killed mid-cell")
        died = lines_with(said, ["died over it, 1 of 3"])
        trial.say(len(died) == 1, f"its death is told: {' | '.join(died) or 'nothing'}", begun)
        odd = [line for file in ODD for line in lines_with(said, ["is left out", file])]
        trial.say(len(odd) == 1, f"the odd worker is refused by name: {' | '.join(odd) or 'nothing'}", begun)
        trial.say(sorted(trained(said)) == trial.cells, f"{len(trained(said))} cells made, each once", begun)


def scheduler_dies(trial: Trial) -> None:
    """The scheduler is killed after a first cell and started again, as are the workers that end with it."""
    begun = time.monotonic()
    with processes(trial.folder / "scheduler") as them:
        them.scheduler()
        for name in ("first", "second"):
            them.worker(name)
        run = them.run("out", *trial.arguments)
        wait_for(lambda: trained(them.said("run")) or run.poll() is not None, "a first cell", PATIENCE)
        before = trained(them.said("run"))
        them.kill("scheduler")
        wait_for(lambda: "is gone; waiting" in them.said("run") or run.poll() is not None, "the run to notice")
        them.scheduler()
        until = time.monotonic() + PATIENCE
        while run.poll() is None and time.monotonic() < until:
            for name in ("first", "second"):
                # As a batch system, or a container's, starts what ended.
                if them.started[name].poll() is not None:
                    them.worker(name)
            time.sleep(0.5)
        said = them.said("run")
        trial.judge(them, ended(run, 1), begun, f"scheduler killed after {len(before)} of {len(trial.cells)} cells")
        trial.say("is back" in said, "the run went on by itself when it was back", begun)
        trial.say(sorted(trained(said)) == trial.cells, f"{len(trained(said))} cells made, each once", begun)


def time_is_up(trial: Trial) -> None:
    """Workers whose time is up in the middle of trainings, as in batch jobs: others go on, and nothing counts."""
    begun = time.monotonic()
    with processes(trial.folder / "time") as them:
        them.scheduler()
        them.worker("short", "--for", "25s")
        run = them.run("out", *trial.arguments)
        until, left = time.monotonic() + PATIENCE, 0
        while run.poll() is None and time.monotonic() < until:
            if them.started["short"].poll() is not None:
                left += 1
                them.worker("short", "--for", f"{25 + 10 * left}s")
            time.sleep(0.5)
        said = them.said("run")
        trial.judge(them, ended(run, 1), begun, f"one worker at a time, {left} of which left when their time was up")
        told = lines_with(said, ["left; another goes on"])
        deaths = lines_with(said, ["died over it"])
        trial.say(
            left > 0 and not deaths, f"told {len(told)} times that a worker left mid-cell, {len(deaths)} died", begun
        )


def batch_jobs(trial: Trial) -> None:
    """Batch jobs of dask-jobqueue, by its stand-in for a queue on this machine; each ends when its time is up."""
    from dask_jobqueue.local import LocalCluster

    begun = time.monotonic()
    jobs = LocalCluster(
        cores=1,
        processes=1,
        memory="2GB",
        worker_command="ftbench worker",
        worker_extra_args=["--for", "90s"],
        local_directory=str(trial.folder / "jobs"),
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
    )
    with jobs, processes(trial.folder / "batch") as them:
        jobs.adapt(minimum_jobs=2, maximum_jobs=2)
        run = them.start(
            "run", "ftbench", "run", *trial.arguments, "--out", "out", "--scheduler", jobs.scheduler_address
        )
        trial.judge(them, ended(run, PATIENCE), begun, "two batch jobs of 90 s at a time")
        met = lines_with(them.said("run"), ["takes part"])
        trial.say(len(met) >= 2, f"{len(met)} jobs took part", begun)


def none_is_left(trial: Trial, copy: Path) -> None:
    """All workers are others: nothing is computed."""
    begun = time.monotonic()
    with processes(trial.folder / "none") as them:
        them.scheduler()
        them.worker("odd", environment={"PYTHONPATH": os.pathsep.join([str(copy), str(copy / "plugins")])})
        code = ended(them.run("out", *trial.arguments), PATIENCE)
        sentence = [line for file in ODD for line in lines_with(them.said("run"), ["no worker of", file])]
        trial.say(
            code == 2 and len(sentence) == 1, f"only an odd worker: exit code {code}: {' '.join(sentence)}", begun
        )


def edited_copy(folder: Path) -> Path:
    """A checkout like this one, but for a line in two networks."""
    here = Path(ftbench.__file__).resolve().parent.parent
    for name in ("ftbench", "plugins", "benchmarks"):
        shutil.copytree(here / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for odd in ODD:
        file = folder / "plugins" / odd
        file.write_text(file.read_text(encoding="utf-8") + "\n\nEDITED = True\n", encoding="utf-8")
    return folder


def main(arguments: list[str]) -> int:
    """Run all trials; 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability dask", description=__doc__)
    parser.add_argument("--benchmark", default="quick")
    parser.add_argument("--only", choices=["dies", "scheduler", "time", "batch", "none"], help="one of the trials")
    known, more = parser.parse_known_args(arguments)
    # Runs are started in folders of their own.
    more = [str(Path(word).absolute()) if os.sep in word and Path(word).exists() else word for word in more]
    short = [] if more else [word for setting in SHORT for word in ("--set", setting)]
    with tempfile.TemporaryDirectory(prefix="ftbench-dask-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        copy = edited_copy(folder / "copy")
        trial = Trial(folder, [known.benchmark, *(more or ["--scale", "small"]), *short])
        trial.local()
        trials: dict[str, Callable[[], None]] = {
            "dies": lambda: worker_dies(trial, copy),
            "scheduler": lambda: scheduler_dies(trial),
            "time": lambda: time_is_up(trial),
            "batch": lambda: batch_jobs(trial),
            "none": lambda: none_is_left(trial, copy),
        }
        for name, work in trials.items():
            if known.only in (None, name):
                work()
    print(f"{trial.failures} of what must show did not" if trial.failures else "all held")
    return 1 if trial.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
