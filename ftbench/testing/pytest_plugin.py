"""Fixtures for the tests of a plugin; pytest finds them wherever ftbench is installed.

========================  ==============================================================================
``ftbench_check``         ``ftbench_check(record, size=64, bits=8, **parameters)``: ``ftbench.testing.check``
``ftbench_faces``         ``ftbench_faces(count=4, size=64)``: drawn faces, float (count, 3, size, size) in [0, 1]
``ftbench_parts``         every installed part, as ``ftbench.parts.discovery.discover`` finds it
``ftbench_run``           ``ftbench_run(benchmark)``: run a tiny benchmark, get its main table
========================  ==============================================================================

This module is loaded in every pytest run of its environment, so what a fixture needs is imported inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from ftbench.parts.catalogue import Plugins


@pytest.fixture
def ftbench_check() -> Callable[..., None]:
    """``ftbench.testing.check``: raises ContractBroken, one line a broken promise."""
    from ftbench.testing import check

    return check


@pytest.fixture(scope="session")
def ftbench_parts() -> Plugins:
    """Every installed part; ``ftbench_parts.find("simulator", "my-swap").record`` is what ``ftbench_check`` takes."""
    from ftbench.parts.discovery import discover

    return discover()


@pytest.fixture(scope="session")
def ftbench_faces(ftbench_parts: Plugins) -> Callable[..., Tensor]:
    """``ftbench_faces(count=4, size=64)``: two drawn people in turn, float (count, 3, size, size) in [0, 1]."""
    from ftbench.testing.tiny import faces

    return lambda count=4, size=64: faces(ftbench_parts, count, size)


@pytest.fixture
def ftbench_run(tmp_path: Path) -> Callable[[Mapping[str, Any] | Path | str], pd.DataFrame]:
    """``ftbench_run({"matrix": {"simulator": "my-swap"}})``: the main table, one row a cell, of a benchmark that
    takes seconds.

    A mapping is laid over ``ftbench.testing.tiny.TINY``; where it names a simulator to train against and none to
    test with, the same is tested, beside none. A path is a benchmark file that runs as it is. Results go into
    ``tmp_path / "results"``. A cell that fails raises AssertionError with what was printed.
    """
    from ftbench.testing.tiny import run

    return lambda benchmark: run(benchmark, tmp_path)
