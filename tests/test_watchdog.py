"""Processes that work for another end with it, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

BEATS = """
import time
from pathlib import Path
while True:
    with Path({file!r}).open("a") as file:
        file.write(".")
    time.sleep(0.05)
"""
PARENTS = {
    "a plugin's examination": """
from ftbench.testing.apart import Entry, list_plugin
list_plugin(Entry("beats", "beats", "beats"))
""",
    "a training shared by processes": """
import beats_twice
from ftbench import parallel
if __name__ == "__main__":
    parallel.launch(beats_twice.beat, (), 2, "cpu")
""",
}


@pytest.mark.parametrize("name", list(PARENTS))
def test_children_end_with_a_parent_that_was_killed(name: str, tmp_path: Path) -> None:
    file = tmp_path / "beats.txt"
    (tmp_path / "beats.py").write_text(BEATS.format(file=str(file)), encoding="utf-8")
    (tmp_path / "beats_twice.py").write_text("def beat():\n    import beats\n", encoding="utf-8")
    (tmp_path / "parent.py").write_text(PARENTS[name], encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    parent = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
    try:
        assert until(file.exists)
    finally:
        parent.kill()
        parent.wait()
    assert until(lambda: still(file))


def until(happens: Callable[[], bool], seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while not happens() and time.monotonic() < end:
        time.sleep(0.05)
    return happens()


def still(file: Path) -> bool:
    size = file.stat().st_size
    time.sleep(2)
    return file.stat().st_size == size
