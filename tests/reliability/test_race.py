"""``benchmarks.reliability race``, in short: three forks of this process race on one folder without trusted locks."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import filelock
import pytest

from ftbench.storage.store import CellFolder
from tests.test_execute import World

RUNS = 3


def refused(self: filelock.BaseFileLock, *given: object, **named: object) -> None:
    raise NotImplementedError("no locks here")


def granted(self: filelock.BaseFileLock, *given: object, **named: object) -> None:
    """To everyone."""


def worked(root: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(root / "store", monkeypatch)

    def takes_a_while(folder: CellFolder) -> None:
        time.sleep(0.1)

    world.inside = dict.fromkeys(("pair", "first", "second"), takes_a_while)
    until = float((root / "begin").read_text())
    time.sleep(max(0.0, until - time.time()))
    outcome = world.run()
    found = {"worked": world.worked, "failed": outcome.failed, "done": len(outcome.summaries)}
    (root / f"{number}.json").write_text(json.dumps(found))


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has torch")
@pytest.mark.parametrize("acquire", [refused, granted])
def test_each_cell_is_made_once(tmp_path: Path, acquire: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filelock.BaseFileLock, "acquire", acquire)
    (tmp_path / "begin").write_text(str(time.time() + 0.3))
    children = []
    for number in range(RUNS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            try:
                worked(tmp_path, number, monkeypatch)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * RUNS
    found = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(RUNS)]
    assert Counter(cell for one in found for cell in one["worked"]) == {"pair": 1, "first": 1, "second": 1}
    assert [(one["done"], one["failed"]) for one in found] == [(3, {})] * RUNS
    assert not list((tmp_path / "store").rglob("*.claim*"))
