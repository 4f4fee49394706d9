"""A file of each recipe's signature, from a benchmark file to a table."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from PIL import Image
from rich.console import Console
from torch import Tensor

from benchmarks.recipes import setting
from benchmarks.recipes.__main__ import main, without_row
from benchmarks.recipes.nets import recogniser
from ftbench.errors import BadInput
from ftbench.publish.costs import costs, told
from ftbench.runner.opening import Opened, Request, open_benchmark
from ftbench.testing import tiny
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_exported.networks import ExportedSimulator
from ftbench_exported.recipes import RECIPES

SWAP = setting.entry("inswapper-128")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nets")
    setting.write_files(folder)
    return folder


def test_every_recipe_runs_from_a_benchmark_to_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(setting.DRAWN, "identities", 2)
    monkeypatch.setitem(setting.DRAWN, "images_per_identity", 24)
    assert main(["--out", str(tmp_path), "--images", "2", "--steps", "2"]) == 0
    assert "13 of 13 recipes in the table" in capsys.readouterr().out
    (folder,) = (tmp_path / "results" / "recipes").iterdir()
    rows = pd.concat(pd.read_csv(file) for file in (folder / "rows").glob("*[0-9a-f].csv.gz"))
    chain = {"exported", "recipe=inswapper-128", "enhance=gfpgan", "framing=landmarks"}
    labels = {"none", "unmarked", *(f"exported recipe={name}" for name in RECIPES)}
    assert labels <= set(rows["simulator"])
    assert [set(label.split()) for label in set(rows["simulator"]) - labels] == [chain]
    assert (rows.groupby("simulator")["image"].nunique() == 2).all()
    assert rows["code_errors"].notna().all()
    main_table = pd.read_csv(folder / "tables" / "main.csv")
    assert list(main_table["trained_against"]) == ["exported"]
    assert "exported recipe=codeformer" in (folder / "tables" / "attacks.md").read_text(encoding="utf-8")
    for file in folder.rglob("*"):
        if file.suffix in (".json", ".md", ".csv", ".tex"):
            assert ".onnx" not in file.read_text(encoding="utf-8"), file.name


def test_a_recipe_without_a_row_is_told(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    labels = [f"exported recipe={name}" for name in RECIPES if name != "gfpgan"]
    table = pd.DataFrame({"simulator": labels, "raw_bit_accuracy_value": 0.5})
    table.loc[table["simulator"] == "exported recipe=ghost-256", "raw_bit_accuracy_value"] = float("nan")
    table.to_csv(tmp_path / "tables" / "attacks.csv")
    assert without_row(tmp_path) == ["ghost-256", "gfpgan"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--size", "32"], "images of 32 px are too small for 'simswap-256.onnx'"),
        (["--data", "no-such-folder"], "no-such-folder"),
        (["--images", "0"], "evaluate.limit"),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    assert main(["--out", str(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err


def opened(home: Path, benchmark: dict[str, Any]) -> Opened:
    whole = tiny._laid_over(benchmark)
    (home / "asked.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    return open_benchmark(Request(str(home / "asked.yaml"), out=home / "asked"), Console(file=io.StringIO()))


def test_a_plan_tells_what_going_through_a_file_takes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, clock = ExportedSimulator.forward, [0.0]

    def slow(self: ExportedSimulator, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        clock[0] += 0.2
        return real(self, image, inputs)

    monkeypatch.setattr(ExportedSimulator, "forward", slow)
    monkeypatch.setattr("ftbench.publish.costs.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    benchmark = {
        "matrix": {"simulator": SWAP},
        "train": {"steps": 5, "batch_size": 8},
        "evaluate": {"draws": 2, "limit": 6, "simulators": ["none", SWAP]},
    }
    found = opened(home, benchmark)
    cost = costs(found, found.plan.cells)
    # Two images a call, a tenth of a second each. A training passes once, a test's cover and marked image do.
    assert cost["train"].outside == pytest.approx(5 * 8 * 0.1)
    assert cost["evaluate"].outside == pytest.approx(2 * 6 * 2 * 0.1)
    [line] = [line for line in told(cost, found.bench.compute) if "outside torch" in line]
    assert line.startswith("exported recipe=inswapper-128: 100 ms an image")
    assert cost["train"].seconds(1e15) >= 5 * 8 * 0.1


@pytest.mark.parametrize(
    ("benchmark", "sentence"),
    [
        (
            {"matrix": {"simulator": {**SWAP, "framing": "landmarks"}}},
            "matrix.simulator.0.0: 'exported' needs 'landmarks', which only tests give; name it in evaluate",
        ),
        (
            {"matrix": {"simulator": "none"}, "evaluate": {"simulators": [setting.entry("ghost-256")]}},
            "images of 32 px are too small for 'ghost-256.onnx': arcface-112-v1 at 256 px enlarges a face 9.4 times",
        ),
        ({"matrix": {"simulator": {**SWAP, "recogniser": "gone.onnx"}}}, "recogniser: there is no file 'gone.onnx'"),
        ({"matrix": {"simulator": {**SWAP, "recipe": "inswapper"}}}, "inswapper-128"),
        ({"matrix": {"simulator": {**SWAP, "align": "ffhq"}}}, "ffhq-512"),
        (
            {"dataset": {"name": "folder", "path": "drawn", "size": 32}, "evaluate": {"simulators": [
                {**SWAP, "framing": "landmarks"}]}, "matrix": {"simulator": "none"}},
            "is told where eyes, nose and mouth are, which the data set does not say",
        ),
    ],
)  # fmt: skip
def test_planning_says_what_is_wrong(home: Path, benchmark: dict[str, Any], sentence: str) -> None:
    source = ProceduralFaces(identities=2, images_per_identity=16, seed=0)
    for item in source.items:
        (home / "drawn" / item.identity).mkdir(parents=True, exist_ok=True)
        Image.fromarray(source.load(item, 32)).save(home / "drawn" / f"{item.name}.png")
    with pytest.raises(BadInput) as raised:
        opened(home, benchmark)
    assert sentence in str(raised.value)
    assert all(line.startswith(str(home)) or "asked.yaml" in line for line in str(raised.value).splitlines())


def test_another_recogniser_is_another_cell_and_the_place_of_files_is_none(home: Path, tmp_path: Path) -> None:
    def key(folder: Path) -> str:
        return opened(folder, {"matrix": {"simulator": SWAP}}).plan.evaluations[0].key

    first = key(home)
    for name in ("inswapper-128.onnx", setting.RECOGNISER):
        (tmp_path / name).write_bytes((home / name).read_bytes())
    assert key(tmp_path) == first
    swapped = recogniser(tmp_path / setting.RECOGNISER, batch="b")
    assert swapped.is_file()
    assert key(tmp_path) != first
