"""``ftbench.run`` and ``ftbench.results``: a benchmark from a notebook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import ftbench
from ftbench.errors import BadInput, CellFailed
from ftbench.testing.tiny import _laid_over


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(_laid_over({})), encoding="utf-8")
    return path


def test_a_run_returns_the_tables_that_stand_in_its_folder(file: Path, tmp_path: Path) -> None:
    tables = ftbench.run(file, out=tmp_path / "results", settings={"train.steps": 6}, quiet=True)
    [folder] = (tmp_path / "results" / "tiny").iterdir()
    again = ftbench.results(folder)
    assert tables.keys() == again.keys() >= {"main", "overview", "attacks", "detection", "quality", "pairs"}
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name])
        assert len(table) == len((folder / "tables" / f"{name}.csv").read_text(encoding="utf-8").splitlines()) - 1


def test_bad_settings_and_failed_cells_are_exceptions(file: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"train\.steps"):
        ftbench.run(file, out=tmp_path / "results", settings={"train.steps": -1}, quiet=True)
    with pytest.raises(CellFailed, match="cells failed"):
        ftbench.run(file, out=tmp_path / "r2", settings={"train.optimiser.learning_rate": 1e30}, quiet=True)
    with pytest.raises(BadInput, match="no tables"):
        ftbench.results(tmp_path)


def test_importing_the_package_loads_neither_torch_nor_pandas() -> None:
    code = "import sys, ftbench; assert not {'torch', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
