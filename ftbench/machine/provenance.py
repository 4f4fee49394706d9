"""Which code, on which kind of machine, made a number. Never a path, a user or a host."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import ftbench
from ftbench.machine.gpu import gpu_names

LIBRARIES = ("torch", "timm", "kornia", "numpy", "pandas", "pillow", "scipy", "onnxruntime", "invisible-watermark")


@functools.cache
def code() -> dict[str, Any]:
    """Version and commit of the harness, and the versions of what it computes with."""
    return {
        "ftbench": ftbench.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
    }


@functools.cache
def machine() -> dict[str, Any]:
    """The kind of machine: processor, cores, GPU."""
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": processors(),
        "gpus": gpu_names(),
    }


def processors() -> int:
    """How many processors this process may use; of systems that do not tell, how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _commit() -> str:
    here = Path(ftbench.__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout.strip()

    try:
        # Installed into some other project's repository, the commit there would be the wrong one.
        if Path(git("rev-parse", "--show-toplevel")) != here.parent:
            return ""
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "ftbench", "plugins", "benchmarks")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
