"""The benchmark files that the repository brings: each plans at each of its scales, and small is small."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from ftbench.benchfile import bundled as library
from ftbench.plan.cells import Cell
from ftbench.runner.opening import Request, open_benchmark

FILES = {name: yaml.safe_load(file.read_text(encoding="utf-8")) for name, file in library.builtin().items()}
CASES = [(name, scale) for name, data in FILES.items() for scale in data["scales"]]


def test_the_design_names_them() -> None:
    ablations = {f"ablation-{asked}" for asked in ("code", "length", "pool", "population", "simulator")}
    assert set(FILES) >= {"quick", "paper", "faithful", *ablations}


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_a_benchmark_plans_at_each_of_its_scales(name: str, scale: str, tmp_path: Path) -> None:
    request = Request(name, scale=scale, out=tmp_path, assignments=["dataset.images_per_identity=90"])
    opened = open_benchmark(request, Console(file=io.StringIO()), settle_on_disk=False)
    assert opened.benchmark.name == name
    assert opened.plan.evaluations
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("ablation")])
def test_an_ablation_holds_every_pair_at_one_psnr(name: str, tmp_path: Path) -> None:
    request = Request(name, scale="small", out=tmp_path, assignments=["dataset.images_per_identity=90"])
    plan = open_benchmark(request, Console(file=io.StringIO()), settle_on_disk=False).plan
    trained = [cell for cell in plan.cells if cell.kind == "train"]
    assert len(trained) > 1
    assert {cell.settings["loss"]["target_psnr"] for cell in trained} == {30.0}
    # Nothing else differs between two of its pairs but what it asks about.
    alike = ("encoder", "decoder", "train", "seed", "size")
    asked = {"pieces"} if name == "ablation-pool" else set()

    def said(cell: Cell, key: str) -> Any:
        value = cell.settings[key]
        return {name: one for name, one in value.items() if name not in asked} if key == "train" else value

    assert all(said(cell, key) == said(trained[0], key) for cell in trained for key in alike)
