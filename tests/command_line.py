"""Calls of the command line in processes of their own, and small changes of the tiny benchmark."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import TINY


def call(command: list[str], *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def edited(old: str, new: str) -> str:
    assert old in TINY
    return TINY.replace(old, new, 1)
