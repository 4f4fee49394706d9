"""What several tests share: a benchmark so small that its whole path takes seconds."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftbench.parts.catalogue import Plugins
from ftbench.parts.discovery import discover
from tests import ready

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # As in the background of a shell; some tests interrupt themselves, and would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Galois brings numba, which gives all of the process as many threads as there are processors.
os.environ["NUMBA_NUM_THREADS"] = "1"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if WORKER:
    # Workers share the cores. Read when torch is first imported, which nothing above does.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # So that what a test starts computes with one thread too, where it asks how many processors there are.
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {cores[int(WORKER.removeprefix("gw")) % len(cores)]})
SLOWEST = (
    "test_readme.py",
    "test_cli.py",
    "test_cli_runs.py",
    "test_cli_answers.py",
    "test_docs_plugin.py",
    "test_hostile_plugins.py",
    "test_parallel.py",
)
"""Begun first, so that no worker is left with one of them when the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: SLOWEST.index(item.path.name) if item.path.name in SLOWEST else len(SLOWEST))


TINY = """\
name: tiny
dataset: {name: procedural-faces, identities: 2, images_per_identity: 40, size: 32}
message: {bits: 4}
matrix:
  encoder: {name: unet-resnet18, backbone_options: {channels: [8, 8, 8, 8]}, up_width: 0.02, stem_channels: 8}
  decoder: {name: conv7, width: 0.03}
  simulator: {name: faceswap, width: 0.06, latent: 16}
  loss:
    - {message: 1, image: 0.1}
    - {message: 10, image: 0.1}
fit: {steps: 6, batch_size: 8, validate_every: 3}
train: {steps: 40, batch_size: 8, validate_every: 20}
evaluate:
  simulators: [none, {name: faceswap, width: 0.06, latent: 16}]
  draws: 2
  distortions: [identity, {name: jpeg, quality: [90, 50]}]
compute: {device: cpu, precision: float32, threads: 1}
scales:
  small: {}
  longer:
    train: {steps: 400}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A benchmark file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    """Every installed part."""
    return discover()


@pytest.fixture(scope="session")
def ftbench_command() -> Iterator[list[str]]:
    """How a test calls the command line in a process of its own, which has its libraries ready."""
    with ready.commands() as command:
        yield command


@pytest.fixture(scope="session")
def ftbench_process() -> list[str]:
    """As users start it: for a test that kills it, or in which it starts processes itself."""
    return ready.COMMAND


Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """``said("report", folder, …)``: exit code, and what the command line printed, in this process."""
    from ftbench import cli

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ftbench", *map(str, arguments)])
        code = 0
        try:
            cli.run()
        except SystemExit as left:
            code = int(left.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    return run
