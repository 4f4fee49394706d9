"""What one operating system alone has is used nowhere without a way round."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftbench.benchfile.schema import ComputeSection
from ftbench.machine import compute, provenance
from tests.conftest import TINY

# What macOS or Windows lack, taken away before anything of ours is loaded.
WITHOUT = """
import os, signal, sys
for module, names in {
    os: "sched_getaffinity sched_setaffinity fork forkpty killpg getpgid getpgrp tcgetpgrp mkfifo",
    signal: "SIGALRM SIGPROF SIGHUP SIGKILL SIGUSR1 setitimer getitimer ITIMER_REAL ITIMER_PROF alarm pthread_kill",
}.items():
    for name in names.split():
        delattr(module, name)
sys.modules["fcntl"] = sys.modules["resource"] = None
from ftbench.cli import main
main()
"""


def test_processors_are_counted_where_nobody_tells_which_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert provenance.processors() == 7
    assert provenance.machine.__wrapped__()["cores"] == 7
    assert compute.settle(ComputeSection()).threads == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert provenance.processors() == 1


def test_a_whole_run_without_what_other_systems_lack(tmp_path: Path) -> None:
    short = TINY.replace("steps: 40", "steps: 4").replace("validate_every: 20", "validate_every: 2")
    short = short.replace("\n    - {message: 10, image: 0.1}", "").replace("quality: [90, 50]", "quality: 50")
    (tmp_path / "tiny.yaml").write_text(short, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "run", "tiny.yaml", "--scale", "small"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.glob("results/tiny/*/tables/main.csv"))


def test_the_installation_is_checked_without_what_other_systems_lack(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "doctor", "--no-speed"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything is in order" in done.stdout
