"""``evaluate.split: val``: tables to choose settings by, which no test image is in and nobody takes for results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import ftbench
from ftbench.parts.catalogue import Plugins
from ftbench.storage.grounds import sentence
from ftbench.testing.tiny import _laid_over
from tests.conftest import Said
from tests.test_plan import BASE, changed, planned

CLAIMS = """\
benchmark: tiny
claims:
  - name: some-quality
    says: A picture is left.
    source: goal
    found: At least 1 dB.
    bound: {of: {codec: none}, measure: psnr, at_least: 1}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark, tested on test images and on val, by one store."""
    home = tmp_path_factory.mktemp("val")
    (home / "tiny.yaml").write_text(yaml.safe_dump(_laid_over({})), encoding="utf-8")
    for split in ("test", "val"):
        settings = {"train.steps": 6, "evaluate.split": split}
        ftbench.run(home / "tiny.yaml", out=home / "results", settings=settings, quiet=True)
    return home


@pytest.fixture(scope="module")
def results(home: Path) -> dict[str, Path]:
    """The folder of each split."""
    folders = sorted((home / "results" / "tiny").iterdir())
    return {"val" if folder.name.endswith("-val") else "test": folder for folder in folders}


def images(folder: Path) -> set[str]:
    return {name for file in folder.glob("rows/*[0-9a-f].csv.gz") for name in pd.read_csv(file)["image"]}


def manifest(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_bytes())


def test_each_has_a_folder_and_images_of_its_own(results: dict[str, Path]) -> None:
    assert results.keys() == {"test", "val"}
    assert images(results["test"])
    assert images(results["val"])
    assert not images(results["test"]) & images(results["val"])


def test_tables_and_page_of_val_say_so(results: dict[str, Path]) -> None:
    said = {split: manifest(folder) for split, folder in results.items()}
    assert said["val"]["split"] == "val"
    assert "split" not in said["test"]
    assert " images of val, to choose settings by · " in said["val"]["caption"]
    assert "of val" not in said["test"]["caption"]
    assert "images of val" in (results["val"] / "tables" / "overview.md").read_text(encoding="utf-8")
    assert set(pd.read_csv(results["val"] / "tables" / "main.csv")["tested_on"]) == {"val"}
    assert "tested_on" not in pd.read_csv(results["test"] / "tables" / "main.csv")
    page = (results["val"] / "report.html").read_text(encoding="utf-8")
    for words in ("scale plain, val", "--set evaluate.split=val", "of val, by which the kept weights were chosen"):
        assert words in page
    assert "that no training saw" not in page
    assert "that no training saw" in (results["test"] / "report.html").read_text(encoding="utf-8")


def test_only_what_is_evaluated_is_another_cell(plugins: Plugins) -> None:
    usual, val = planned(BASE, plugins), planned(changed(evaluate={"split": "val"}), plugins)
    assert [cell.key for cell in usual.trainings] == [cell.key for cell in val.trainings]
    assert not {cell.key for cell in usual.evaluations} & {cell.key for cell in val.evaluations}
    said = planned(changed(evaluate={"split": "test"}), plugins)
    assert [cell.key for cell in usual.cells] == [cell.key for cell in said.cells]


def test_the_two_are_not_called_comparable(results: dict[str, Path]) -> None:
    said = sentence(manifest(results["test"]), manifest(results["val"]))
    assert said.startswith("comparable: no")
    assert "split (unknown and val)" in said


def test_claims_are_judged_on_test_images_alone(home: Path, results: dict[str, Path], said: Said) -> None:
    claims = home / "claims.yaml"
    claims.write_text(CLAIMS, encoding="utf-8")
    code, told = said("compare", home / "results" / "tiny", claims)
    assert code == 0
    assert "-val: left out, since it is of val" in " ".join(told.split())
    code, told = said("compare", results["val"], claims)
    assert code == 2
    assert "is of val, to choose settings by" in " ".join(told.split())


def test_val_is_neither_ranked_nor_credentialed(tmp_path: Path, results: dict[str, Path], said: Said) -> None:
    said("leaderboard", results["test"], results["val"], "--out", tmp_path / "board")
    ranked = pd.read_csv(tmp_path / "board" / "leaderboard.csv")
    [told_of] = ranked[ranked["state"] == "not read"]["why"]
    assert "its tables are of val, to choose settings by" in told_of
    code, told = said("credential", results["val"])
    assert code == 2
    assert "its tables are of val" in " ".join(told.split())


def test_val_is_not_kept_and_planning_says_that_it_is_val(home: Path, said: Said) -> None:
    asked = (home / "tiny.yaml", "--out", home / "results", "--set", "evaluate.split=val")
    code, told = said("run", *asked, "--keep")
    assert code == 2
    assert "--keep is for tables of test images" in " ".join(told.split())
    _, told = said("plan", *asked)
    assert "tested on val, to choose settings by" in " ".join(told.split())
