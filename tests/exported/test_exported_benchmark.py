"""A network that torch's exporter wrote, as the deepfake of a benchmark: trained against, tested with, tabled."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from exported_nets import Exports, blend
from onnx import helper
from rich.console import Console

from benchmarks.recipes.graph import save, value
from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import SimulatorStage
from ftbench.publish import write as results
from ftbench.publish.folder import folder_for
from ftbench.runner import executor as execute
from ftbench.runner.opening import Opened, Request, open_benchmark
from ftbench.storage.store import Store
from ftbench_exported.networks import ExportedSimulator
from tests.conftest import TINY

EDIT = "{name: exported, model: nets/edit.onnx, input_range: signed}"
BENCHMARK = (
    TINY.replace("{name: faceswap, width: 0.06, latent: 16}", EDIT)
    .replace("    - {message: 10, image: 0.1}\n", "")
    .replace("train: {steps: 40,", "train: {steps: 60,")
)


def opened(home: Path, text: str, network: Path) -> Opened:
    (home / "nets").mkdir(exist_ok=True)
    shutil.copy(network, home / "nets" / "edit.onnx")
    (home / "edit.yaml").write_text(text, encoding="utf-8")
    return open_benchmark(Request(str(home / "edit.yaml"), out=home / "results"), Console(file=io.StringIO()))


def test_an_exported_network_runs_as_the_deepfake_of_a_benchmark(exports: Exports, tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    bench = opened(tmp_path, BENCHMARK, exports.open_size)
    assert [cell.kind for cell in bench.plan.cells] == ["train", "evaluate"], "there is nothing to fit"
    outcome = execute.run(bench.plan, bench.bench)
    assert not outcome.failed
    results.write(bench, outcome, folder_for(bench, keep=False), False, console)

    folder = tmp_path / "results" / "tiny" / "procedural-faces-small"
    main = pd.read_csv(folder / "tables" / "main.csv")
    assert list(main["trained_against"]) == ["exported"]
    rows = pd.concat(pd.read_csv(file) for file in (folder / "rows").glob("*[0-9a-f].csv.gz"))
    assert {"none", "exported"} <= set(rows["simulator"])
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    parts = [part for part in json.loads(text)["parts"] if part["kind"] == "simulator"]
    assert [(part["name"], part["distribution"]) for part in parts] == [("exported", "ftbench")]
    assert parts[0]["version"]
    for file in folder.rglob("*"):
        if file.suffix in (".json", ".md", ".csv", ".tex"):
            assert str(tmp_path) not in file.read_text(encoding="utf-8"), file.name

    # The fakes that were read are the original network's, to a level of rounding.
    cell = bench.plan.evaluations[0]
    kept = np.load(Store(tmp_path / "results" / ".store").cell("evaluate", cell.key).file("samples.npz"))
    for before, after in (("cover", "fake of cover:exported"), ("marked", "fake of marked:exported")):
        image = torch.from_numpy(kept[before]).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            expected = (exports.editor(2 * image - 1) + 1) / 2 * 255
        assert (torch.from_numpy(kept[after]).permute(0, 3, 1, 2) - expected).abs().max() < 0.51


def test_a_network_that_gives_no_numbers_stops_its_cell_by_name(tmp_path: Path) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["below"]), helper.make_node("Log", ["below"], ["y"])]
    shape = ("b", 3, "h", "w")
    file = save(tmp_path / "log.onnx", nodes, [value("x", shape)], [value("y", shape)])
    bench = opened(tmp_path, BENCHMARK, file)
    outcome = execute.run(bench.plan, bench.bench)
    trained = bench.plan.cells[0]
    assert trained.kind == "train"
    assert "exported" in outcome.failed[trained.key]
    assert "no finite numbers" in outcome.failed[trained.key]


def test_the_file_s_content_is_the_cell_and_its_place_is_not(exports: Exports, tmp_path: Path) -> None:
    first = opened(tmp_path, BENCHMARK, exports.open_size).plan.evaluations[0].key
    (tmp_path / "elsewhere").mkdir()
    assert opened(tmp_path / "elsewhere", BENCHMARK, exports.open_size).plan.evaluations[0].key == first
    other = blend(tmp_path / "other.onnx")
    assert opened(tmp_path, BENCHMARK, other).plan.evaluations[0].key != first


def test_several_networks_are_told_apart_by_their_titles(exports: Exports, tmp_path: Path) -> None:
    def entry(title: str) -> str:
        return EDIT.replace("{name: exported,", f"{{name: exported, title: {title},")

    both = BENCHMARK.replace(f"simulators: [none, {EDIT}]", f"simulators: [none, {entry('ada')}, {entry('eve')}]")
    plan = opened(tmp_path, both, exports.open_size).plan
    labels = [chosen.label for chosen in plan.evaluations[0].simulators]
    assert labels == ["exported title=ada input_range=signed", "exported title=eve input_range=signed"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("nets/edit.onnx", "nets/gone.onnx"), "model: there is no file 'gone.onnx'"),
        (("input_range: signed", "input_range: signed, resize_to: 64"), "48 px, not of 64; write resize_to: 48"),
        (("input_range: signed", "input_range: signed, resize_to: 48, output: fake"), "has no output 'fake'"),
    ],
)
def test_planning_says_what_is_wrong_and_where(
    exports: Exports, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    with pytest.raises(BadInput) as raised:
        opened(tmp_path, BENCHMARK.replace(*change), exports.fixed)
    lines = str(raised.value).splitlines()
    assert all("edit.yaml" in line and says in line for line in lines), lines
    places = [line.partition(":")[0].split(", ")[1:] for line in lines]
    assert [place[0] for place in places] == ["line 7", "line 13"]
    assert [place[1].split(".")[:2] for place in places] == [["matrix", "simulator"], ["evaluate", "simulators"]]


def test_training_passes_the_gradient_straight_through(plugins: Plugins, exports: Exports) -> None:
    network = ExportedSimulator(size=32, model=str(exports.open_size), input_range="signed")
    attack = SimulatorStage(plugins.find("simulator", "exported").record, network)
    image = torch.rand(2, 3, 32, 32).requires_grad_()
    weights = torch.rand(2, 3, 32, 32)
    fake = attack(image, Inputs(identity=torch.tensor([0, 1])))
    assert (fake - image).abs().mean() > 0.02
    (fake * weights).sum().backward()
    assert image.grad is not None
    assert torch.allclose(image.grad, weights)
