"""Parts from a Python file beside the benchmark: by permission only, at their own size, and trained or not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

MINE = """
from pydantic import Field
import ftbench


class BlockParameters(ftbench.Parameters):
    strength: float = Field(0.2, ge=0, le=1, description="how much of the image is replaced")


@ftbench.hookimpl
def ftbench_encoders():
    yield ftbench.Encoder(name="stripes", factory=f"{__name__}:Writes", summary="a stripe a bit", trainable=False)


@ftbench.hookimpl
def ftbench_decoders():
    yield ftbench.Decoder(
        name="stripes", factory=f"{__name__}:Reads", summary="reads stripes", trainable=False, differentiable=False
    )


@ftbench.hookimpl
def ftbench_simulators():
    yield ftbench.Simulator(
        name="soften", factory=f"{__name__}:Soften", summary="mixes the mean colour in", parameters=BlockParameters,
        differentiable=True, trainable=False, resolutions=(16,), max_batch=3,
    )


class Soften:
    def __init__(self, size, strength):
        assert size == 16
        self.strength = strength

    def __call__(self, image, inputs):
        assert image.shape[1:] == (3, 16, 16) and len(image) <= 3
        return image + self.strength * (image.mean(dim=(2, 3), keepdim=True) - image)


def waves(size, bits):
    import torch

    row = torch.arange(size) * 3.14159265 / size
    return torch.stack([torch.cos((2 * bit + 5) * row) for bit in range(bits)])


def _module():
    import torch

    class Writes(torch.nn.Module):
        def __init__(self, size, bits):
            super().__init__()
            self.register_buffer("waves", waves(size, bits))

        def forward(self, cover, code):
            return (cover + 0.02 * ((2 * code - 1) @ self.waves)[:, None, :, None]).clamp(0, 1)

    class Reads(torch.nn.Module):
        def __init__(self, size, bits):
            super().__init__()
            self.register_buffer("waves", waves(size, bits))

        def forward(self, image):
            profile = image.mean(dim=(1, 3))
            return profile @ self.waves.T

    return Writes, Reads


def Writes(**arguments):
    return _module()[0](**arguments)


def Reads(**arguments):
    return _module()[1](**arguments)
"""
BENCHMARK = """\
name: own
plugins: [./mine.py]
adapt: resize
dataset: {name: procedural-faces, identities: 2, images_per_identity: 40, size: 32}
message: {bits: 4}
matrix: {encoder: stripes, decoder: stripes, simulator: none}
evaluate: {simulators: [none, soften], draws: 4}
compute: {device: cpu, precision: float32, threads: 1}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "mine.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "parts" / "own.yaml").write_text(BENCHMARK, encoding="utf-8")
    return tmp_path


def call(command: list[str], where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *arguments], cwd=where, capture_output=True, text=True, check=False, timeout=300)


def test_a_benchmark_runs_nobodys_code_unasked(own: Path, ftbench_command: list[str]) -> None:
    (own / "parts" / "mine.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    done = call(ftbench_command, own, "plan", "parts/own.yaml")
    assert done.returncode == 2
    assert "own.yaml, line 2, plugins" in done.stderr
    assert "--allow-plugin ./mine.py" in done.stderr
    assert not (own / "ran").exists()


@pytest.mark.parametrize(
    ("allowed", "plugins", "said"),
    [
        ("parts/mine.py", "[./mien.py]", "there is no Python file './mien.py'"),
        ("parts/other.py", "[]", "--allow-plugin parts/other.py: the benchmark does not name that file"),
        ("parts/mine.py", "[./own.yaml]", "there is no Python file './own.yaml'"),
    ],
)
def test_a_file_that_only_one_side_names_is_an_error(
    own: Path, ftbench_command: list[str], allowed: str, plugins: str, said: str
) -> None:
    text = BENCHMARK.replace("[./mine.py]", plugins)
    (own / "parts" / "own.yaml").write_text(text, encoding="utf-8")
    done = call(ftbench_command, own, "plan", "parts/own.yaml", "--allow-plugin", allowed)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_local_file_that_fails_is_told_of_where_its_part_is_missed(own: Path, ftbench_command: list[str]) -> None:
    (own / "parts" / "mine.py").write_text("raise OSError('no weights here')\n", encoding="utf-8")
    done = call(ftbench_command, own, "plan", "parts/own.yaml", "--allow-plugin", "parts/mine.py")
    assert done.returncode == 2
    assert "there is no simulator 'soften'" in done.stderr
    assert "mine (mine.py), which failed: OSError: no weights here" in done.stderr


def test_local_parts_run_at_their_own_size_untrained_and_are_named(own: Path, ftbench_command: list[str]) -> None:
    done = call(ftbench_command, own, "run", "parts/own.yaml", "--allow-plugin", "parts/mine.py")
    assert done.returncode == 0, done.stderr + done.stdout
    folder = own / "results" / "own" / "procedural-faces-plain"
    table = (folder / "tables" / "overview.md").read_text(encoding="utf-8")
    assert "soften at 16 px" in table
    assert "soften (mine.py sha256:" in table
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (soften,) = [part for part in manifest["parts"] if part["name"] == "soften"]
    assert (soften["distribution"], soften["at"]) == ("mine.py", 16)
    (trained,) = [cell for cell in manifest["cells"] if cell["kind"] == "train"]
    # No loss had a part in it, so none names it.
    assert trained["label"] == "untrained"
    assert (trained["status"], trained["steps"], trained["parameters"]) == ("done", 0, 0)
    assert trained["at_best"]["val_accuracy_marked"] > 0.7

    # Another content of the file is another part: its evaluation is done again.
    before = {cell["identity"] for cell in manifest["cells"]}
    (own / "parts" / "mine.py").write_text(MINE.replace("0.02 *", "0.04 *"), encoding="utf-8")
    done = call(ftbench_command, own, "run", "parts/own.yaml", "--allow-plugin", "parts/mine.py")
    assert done.returncode == 0, done.stderr
    again = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert before.isdisjoint(cell["identity"] for cell in again["cells"])


def test_a_simulator_that_is_fitted_cannot_ask_for_a_pair(own: Path, ftbench_command: list[str]) -> None:
    text = MINE.replace("trainable=False, resolutions=(16,)", 'trainable=True, needs=("remarked",), resolutions=(16,)')
    (own / "parts" / "mine.py").write_text(text, encoding="utf-8")
    done = call(ftbench_command, own, "plan", "parts/own.yaml", "--allow-plugin", "parts/mine.py")
    assert done.returncode == 2
    assert "simulator 'soften' is fitted before any pair, and needs 'remarked'" in done.stderr


def test_without_adapt_another_size_is_an_error_that_names_it(own: Path, ftbench_command: list[str]) -> None:
    (own / "parts" / "own.yaml").write_text(BENCHMARK.replace("adapt: resize\n", ""), encoding="utf-8")
    done = call(ftbench_command, own, "plan", "parts/own.yaml", "--allow-plugin", "parts/mine.py")
    assert done.returncode == 2
    assert "'soften' takes 16 px, and dataset.size is 32; adapt: resize hands it resized images" in done.stderr
