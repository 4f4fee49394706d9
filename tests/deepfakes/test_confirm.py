"""``python -m ftbench_deepfakes.confirm``: fits found or made, witnesses asked, one table."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from ftbench_deepfakes.confirm import WITNESSES, main
from ftbench_deepfakes.records import ALL

BENCHMARK = """\
name: little
dataset: {name: procedural-faces, identities: 8, images_per_identity: 24, size: 32}
message: {bits: 4}
matrix:
  encoder: {name: unet-resnet18, backbone_options: {channels: [8, 8, 8, 8]}, up_width: 0.02, stem_channels: 8}
  decoder: {name: conv7, width: 0.03}
  simulator: none
fit: {steps: 4, batch_size: 8, validate_every: 2}
train: {steps: 2, batch_size: 8}
evaluate:
  simulators: SIMULATORS
compute: {device: cpu, precision: float32, threads: 1}
scales:
  small: {}
"""
TWO = "[none, {name: swap-any, width: 0.1}, {name: swap-any-2, width: 0.1}, {name: swap-any-2, width: 0.1, seed: 1}]"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def confirm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Call the command in this process."""

    def call(simulators: str, *more: str) -> Ended:
        file = tmp_path / "little.yaml"
        file.write_text(BENCHMARK.replace("SIMULATORS", simulators), encoding="utf-8")
        arguments = ["confirm", str(file), "--out", str(tmp_path / "results"), *more]
        monkeypatch.setattr(sys, "argv", arguments)
        monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return call


def test_every_deepfake_has_its_row_and_fits_are_kept(tmp_path: Path, confirm: Callable[..., Ended]) -> None:
    first = confirm(TWO, "--steps", "5")
    assert first.code == 0, first.err
    folder = tmp_path / "results" / "little" / "procedural-faces-small"
    rows = list(csv.DictReader((folder / "confirmed.csv").open(encoding="utf-8")))
    # By name alone where that is clear, with parameters where it is not.
    assert [row["simulator"].split()[0] for row in rows] == ["swap-any", "swap-any-2", "swap-any-2"]
    assert len({row["simulator"] for row in rows}) == 3
    page = (folder / "confirmed.md").read_text(encoding="utf-8")
    for row in rows:
        assert 0 <= int(row["confirmed"]) <= int(row["n"])
        assert float(row["share"]) == int(row["confirmed"]) / int(row["n"])
        assert float(row["low"]) < float(row["share"]) < float(row["high"]) or row["share"] in ("0.0", "1.0")
        assert row["holds"] == str(int(row["confirmed"]) >= 0.8 * int(row["n"]))
        lines = [line for line in page.splitlines() if line.startswith("|")]
        [line] = [line for line in lines if line.split("|")[1].strip() == row["simulator"]]
        assert ("**not confirmed**" in line) == (row["holds"] == "False")
    for said in (
        "Benchmark little",
        "procedural-faces (",
        "scale small",
        "32×32 px",
        f"n = {rows[0]['n']} test images",
    ):
        assert said in page
    assert "fitted for 4 steps of 8 images, seed 0" in page
    assert "(Wilson)" in page
    before = (folder / "confirmed.csv").read_bytes()
    again = confirm(TWO, "--steps", "5")
    assert again.out.count("done before, kept") == 3
    assert (folder / "confirmed.csv").read_bytes() == before
    # Nothing but the fits was computed: no pair, no evaluation.
    kinds = [cell.name.split("-")[0] for cell in (tmp_path / "results" / ".store").iterdir() if cell.is_dir()]
    assert kinds == ["fit"] * 3


def _first(line: str) -> str:
    return line.split("|")[1].strip()


@pytest.mark.parametrize(
    ("simulators", "more", "said"),
    [
        (
            "[none]",
            (),
            "tests under no simulator that a witness is known for; name one under evaluate.simulators: swap",
        ),
        ("[swap-anybody]", (), "swap-any"),
        ("[swap-any]", ("--scale", "huge"), "has no scale 'huge'"),
        ("[swap-any]", ("--set", "dataset.size=40"), "multiples of 16 px from 32 up, and 40 is none"),
    ],
)
def test_bad_input_is_one_sentence(
    confirm: Callable[..., Ended], simulators: str, more: tuple[str, ...], said: str
) -> None:
    ended = confirm(simulators, *more)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_fit_that_fails_is_a_row_that_says_so(tmp_path: Path, confirm: Callable[..., Ended]) -> None:
    wild = "[{name: swap-any, width: 0.1}]"
    ended = confirm(wild, "--steps", "2", "--set", "fit.optimiser.learning_rate=1.0e+30")
    assert ended.code == 1
    folder = tmp_path / "results" / "little" / "procedural-faces-small"
    row, reason = [
        line for line in (folder / "confirmed.md").read_text(encoding="utf-8").splitlines() if "swap-any" in line
    ]
    assert "**failed**" in row
    assert reason.startswith("- swap-any")
    assert "is not a finite number" in reason
    assert len((folder / "confirmed.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_every_simulator_of_the_family_has_a_witness() -> None:
    assert {record.name for record in ALL} <= set(WITNESSES)
    assert all(find_spec(f"ftbench_deepfakes.witness.{module}") for module in WITNESSES.values())


def test_nothing_heavy_is_loaded_before_it_is_asked_for() -> None:
    code = "import sys, ftbench_deepfakes.confirm; print(*[m for m in ('torch', 'numpy', 'scipy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
