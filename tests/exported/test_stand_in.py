"""A network fitted to imitate a user's file: as well as that, with a gradient, fitted once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from torch import Tensor

from benchmarks.recipes import setting
from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import SimulatorStage
from ftbench.publish.benchmark import Ran, run_request
from ftbench.publish.costs import costs, told
from ftbench.runner.opening import Request, open_benchmark
from ftbench.testing import check, tiny
from ftbench_exported.networks import ExportedSimulator
from ftbench_exported.stand_in import ExportedStandIn

SIZE = 48
FILE = setting.entry("uniface-256")
PAIR = {"name": "compact", "channels": 8, "blocks": 1}
STAND_IN = {**FILE, "name": "exported-stand-in", "width": 0.25}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nets")
    setting.write_files(folder)
    return folder


@pytest.fixture(scope="module")
def written(home: Path) -> Path:
    """A benchmark that trains against a stand-in and tests under it and its file."""
    benchmark = {
        "dataset": {"name": "procedural-faces", "identities": 4, "images_per_identity": 24, "size": SIZE},
        "matrix": {"encoder": {**PAIR, "attenuation": 0}, "decoder": PAIR, "simulator": STAND_IN},
        "fit": {"steps": 90, "batch_size": 8, "validate_every": 90, "optimiser": {"learning_rate": 3e-3}},
        "train": {"steps": 2, "batch_size": 4, "validate_every": 2},
        "evaluate": {"draws": 1, "limit": 4, "simulators": ["none", FILE, STAND_IN]},
    }
    (home / "fit.yaml").write_text(yaml.safe_dump(tiny._laid_over(benchmark)), encoding="utf-8")
    return home / "fit.yaml"


@pytest.fixture(scope="module")
def fitted(home: Path, written: Path) -> tuple[Ran, str]:
    """Its run, and what it said."""
    return run(home)


def run(home: Path) -> tuple[Ran, str]:
    said = io.StringIO()
    ran = run_request(Request(str(home / "fit.yaml"), out=home / "results"), Console(file=said, width=1000))
    assert not ran.failed, said.getvalue()
    return ran, said.getvalue()


def given(home: Path, recipe: str = "uniface-256", **more: Any) -> dict[str, Any]:
    entry = setting.entry(recipe, **more)
    paths = ("model", "recogniser", "converter")
    return {key: str(home / one) if key in paths else one for key, one in entry.items() if key != "name"}


def fit_of(home: Path) -> Path:
    return next(file.parent for file in (home / "results" / ".store").glob("fit-*/weights.safetensors"))


def network_of(home: Path) -> ExportedStandIn:
    from safetensors.torch import load_file

    network = ExportedStandIn(size=SIZE, width=0.25, **given(home))
    network.load_state_dict(load_file(fit_of(home) / "weights.safetensors"))
    return network.eval()


def test_it_imitates_its_file_and_the_tables_say_how_well(
    home: Path, fitted: tuple[Ran, str], plugins: Plugins
) -> None:
    curve = pd.read_csv(fit_of(home) / "curve.csv")
    error = float(curve["val_loss"].min())
    assert error < 0.5, "the share of the file's change that is not imitated; who changes nothing has 1"
    table = (fitted[0].folder / "tables" / "attacks.md").read_text(encoding="utf-8")
    assert f"{error:.3g} of what the file changes is not imitated on val" in table
    assert "straight through" not in table
    network, image = network_of(home), tiny.faces(plugins, 8, SIZE)
    donor = image.roll(1, 0)
    with torch.no_grad():
        fake, wanted = network(image, {"donor": donor}), network.outside(image, {"donor": donor})
    assert (fake - wanted).abs().mean() < 0.5 * (image - wanted).abs().mean(), "of people whom it never saw"


def test_a_rerun_fits_nothing(home: Path, fitted: tuple[Ran, str]) -> None:
    weights = fit_of(home) / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    _, said = run(home)
    assert weights.stat().st_mtime_ns == before
    assert "to do: nothing" in said or "done before" in said
    assert "exported-stand-in" in fitted[1]


def test_training_through_it_has_the_file_s_gradient_which_straight_through_lacks(
    home: Path, fitted: tuple[Ran, str], plugins: Plugins
) -> None:
    image = tiny.faces(plugins, 4, SIZE).clamp(0.1, 0.9)
    inputs = Inputs(identity=torch.zeros(4, dtype=torch.long), donor=image.roll(1, 0))
    step = torch.zeros_like(image)
    step[:, :, 15:33, 15:33] = 1

    def slope(name: str, network: Any) -> float:
        """Of the middle's brightness after the fake, by its brightness before."""
        shown = image.clone().requires_grad_(True)
        record = plugins.find("simulator", name).record
        stage = SimulatorStage(record.under(record.parameters(**given(home))), network)
        (stage(shown, inputs) * step).sum().backward()
        return float((shown.grad * step).sum() / step.sum())

    file = ExportedSimulator(size=SIZE, **given(home))
    fed: dict[str, Tensor] = {"donor": image.roll(1, 0)}
    wanted = float(((file(image + 0.02 * step, fed) - file(image, fed)) * step).sum() / step.sum() / 0.02)
    assert wanted == pytest.approx(0.5, abs=0.05), "the file goes half of the way to its donor's colour"
    assert slope("exported", file) == pytest.approx(1.0), "straight through, as if there were no file"
    assert abs(slope("exported-stand-in", network_of(home)) - wanted) < 0.25


def test_untrained_it_changes_nothing_and_its_error_is_one(home: Path, plugins: Plugins) -> None:
    image = tiny.faces(plugins, 4, SIZE).clamp(0.02, 0.98)
    fed, network = {"donor": image.roll(1, 0)}, ExportedStandIn(size=SIZE, width=0.25, **given(home)).eval()
    with torch.no_grad():
        assert torch.allclose(network(image, fed), image, atol=1e-5)
        assert float(network.fit_loss(image, fed, torch.Generator())) == pytest.approx(1, abs=1e-3)
    file = network.outside(image, fed)
    untouched = (network.share == 0).expand_as(image)
    assert untouched.any()
    assert torch.equal(file[untouched], image[untouched])
    painted = torch.lerp(image, torch.rand_like(image), network.share)
    assert torch.equal(painted[untouched], image[untouched])


@pytest.mark.parametrize("recipe", ["inswapper-128", "gfpgan"])
def test_it_keeps_what_a_simulator_promises(home: Path, plugins: Plugins, recipe: str) -> None:
    record = plugins.find("simulator", "exported-stand-in").record
    check(record, size=96, width=0.25, **given(home, recipe))


def test_a_plan_counts_the_file_in_the_fit(home: Path, written: Path) -> None:
    opened = open_benchmark(Request(str(written), out=home / "asked"), Console(file=io.StringIO()))
    found = costs(opened, opened.plan.cells)
    assert found["fit"].outside > 0
    assert found["train"].outside == 0
    lines = told(found, opened.bench.compute)
    assert any(line.startswith("exported-stand-in recipe=uniface-256 width=0.25: ") for line in lines)


@pytest.mark.parametrize(
    ("more", "size", "sentence"),
    [
        ({"framing": "landmarks"}, SIZE, "a stand-in is fitted on crops, whose landmarks nobody tells it"),
        ({}, 52, "a stand-in needs images of a multiple of 8 px, 16 or more, not 52"),
        ({"recipe": "inswapper-128", "recogniser": "recogniser.onnx"}, SIZE, "does not fit recipe inswapper-128"),
        ({"model": "gone.onnx"}, SIZE, "there is no file 'gone.onnx'"),
    ],
)
def test_planning_says_what_is_wrong(home: Path, more: dict[str, Any], size: int, sentence: str) -> None:
    pair = {"encoder": PAIR, "decoder": PAIR}
    asked = {"dataset": {"size": size}, "matrix": {**pair, "simulator": {**STAND_IN, **more}}}
    (home / "asked.yaml").write_text(yaml.safe_dump(tiny._laid_over(asked)), encoding="utf-8")
    with pytest.raises(BadInput) as raised:
        open_benchmark(Request(str(home / "asked.yaml"), out=home / "asked"), Console(file=io.StringIO()))
    assert sentence in str(raised.value)
