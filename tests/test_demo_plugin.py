"""A third party's distribution, installed from its folder, is a part like any other."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from tests.fresh_environment import FreshEnvironment

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "ftbench-plugin-demo"
PROJECT = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BY = f"{PROJECT['name']} {PROJECT['version']}"
BENCHMARK = "benchmarks/repaint.yaml"


def installed(home: Path) -> tuple[FreshEnvironment, Path]:
    """An environment with the plugin, and a copy of its folder without what earlier builds left."""
    environment, folder = FreshEnvironment.make(home / "environment"), home / "plugin"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__", "results"))
    environment.output("pip install --no-deps --no-build-isolation .", folder)
    # What runs from here on is the installed copy.
    shutil.rmtree(folder / "src")
    return environment, folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[FreshEnvironment, Path]:
    return installed(tmp_path_factory.mktemp("demo"))


def test_it_is_listed_with_distribution_and_version(place: tuple[FreshEnvironment, Path]) -> None:
    environment, folder = place
    listed = environment.output("ftbench --strict-plugins plugins", folder).splitlines()
    for name in ("region-repaint", "big-eyes"):
        (line,) = [line for line in listed if f" {name} " in line]
        assert line.split()[0] == "simulator"
        assert BY in line
        assert PROJECT["license"] in line
    environment.output(f"ftbench check {PROJECT['name']}", folder)


def test_its_cell_is_trained_tested_and_named_in_the_tables(place: tuple[FreshEnvironment, Path]) -> None:
    environment, folder = place
    environment.output(f"ftbench run {BENCHMARK} --scale tiny", folder)
    results = folder / "results" / "repaint" / "procedural-faces-tiny"

    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    parts = {part["name"]: part for part in manifest["parts"]}
    for name in ("region-repaint", "big-eyes"):
        assert (parts[name]["distribution"], parts[name]["version"]) == (PROJECT["name"], PROJECT["version"])
    assert parts["conv7"]["distribution"] == "ftbench"
    cells = {cell["kind"]: cell for cell in manifest["cells"]}
    assert cells["fit"]["label"].startswith("fit region-repaint")
    assert cells["fit"]["steps"] == 6
    assert cells["fit"]["parameters"] > 0
    assert cells["fit"]["identity"] in cells["train"]["inputs"]

    main = (results / "tables" / "overview.md").read_text(encoding="utf-8")
    for name in ("region-repaint", "big-eyes"):
        assert f"{name} ({BY})" in main
    row = pd.read_csv(results / "tables" / "main.csv").iloc[0]
    assert row["trained_against"] == "region-repaint"
    for attack in ("region_repaint", "big_eyes"):
        assert 0 < row[f"{attack}_raw_bit_accuracy_value"] < 1
    # Mark and cover are painted over alike, so their fakes are nearer to each other than they are.
    quality = pd.read_csv(results / "tables" / "quality.csv")
    fakes = quality[(quality["metric"] == "psnr") & quality["of"].str.startswith("fake:")].set_index("simulator")[
        "quality_value"
    ]
    assert fakes["region-repaint"] > row["psnr_all_value"]
    assert "big-eyes" in fakes.index


def test_its_own_tests_pass(place: tuple[FreshEnvironment, Path]) -> None:
    environment, folder = place
    said = environment.output("python -m pytest", folder)
    assert " passed" in said
    assert "skipped" not in said


def test_without_it_its_benchmark_is_refused_with_the_name(tmp_path: Path) -> None:
    environment, folder = installed(tmp_path)
    assert PROJECT["name"] in environment.output("ftbench info region-repaint", folder)
    environment.output(f"pip uninstall -y {PROJECT['name']}", folder)
    refused = environment.call(f"ftbench plan {BENCHMARK} --scale tiny", folder)
    assert refused.returncode == 2
    assert "there is no simulator 'region-repaint'" in refused.stderr
    assert "there is no simulator 'big-eyes'" in refused.stderr
    assert f"{BENCHMARK}, line" in refused.stderr
    assert "Traceback" not in refused.stderr
