"""``evaluate.split: val``: tables to choose settings by, which no test image is in and nobody takes for results."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

import ftbench
from ftbench.parts.catalogue import Plugins
from ftbench.testing.tiny import _laid_over
from tests.test_plan import BASE, changed, planned


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each split, made by one store."""
    home = tmp_path_factory.mktemp("val")
    file = home / "tiny.yaml"
    file.write_text(yaml.safe_dump(_laid_over({})), encoding="utf-8")
    for split in ("test", "val"):
        settings = {"train.steps": 6, "evaluate.split": split}
        ftbench.run(file, out=home / "results", settings=settings, quiet=True)
    folders = sorted((home / "results" / "tiny").iterdir())
    return {"val" if folder.name.endswith("-val") else "test": folder for folder in folders}


def images(folder: Path) -> set[str]:
    return {name for file in folder.glob("rows/*[0-9a-f].csv.gz") for name in pd.read_csv(file)["image"]}


def test_each_has_a_folder_and_images_of_its_own(results: dict[str, Path]) -> None:
    assert results.keys() == {"test", "val"}
    assert images(results["test"])
    assert images(results["val"])
    assert not images(results["test"]) & images(results["val"])


def test_tables_of_val_say_so_and_call_nobody_held_out(results: dict[str, Path]) -> None:
    said = {split: json.loads((folder / "manifest.json").read_bytes()) for split, folder in results.items()}
    assert " images of val, to choose settings by · " in said["val"]["caption"]
    assert "val" not in said["test"]["caption"].split("Payload")[0]
    assert "images of val" in (results["val"] / "tables" / "overview.md").read_text(encoding="utf-8")
    assert said["val"]["data"]["test_people"]["held_out"] == 0


def test_only_what_is_evaluated_is_another_cell(plugins: Plugins) -> None:
    usual, val = planned(BASE, plugins), planned(changed(evaluate={"split": "val"}), plugins)
    assert [cell.key for cell in usual.trainings] == [cell.key for cell in val.trainings]
    assert not {cell.key for cell in usual.evaluations} & {cell.key for cell in val.evaluations}
    said = planned(changed(evaluate={"split": "test"}), plugins)
    assert [cell.key for cell in usual.cells] == [cell.key for cell in said.cells]
