"""A finished run of the command line: what it leaves, what the same command again keeps or makes anew."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.command_line import call
from tests.conftest import TINY

CLAIMS = """\
benchmark: tiny
claims:
  - name: bits
    says: Not more bits are read than there are.
    source: protocol
    found: So it is.
    bound: {of: {}, measure: marked bit accuracy, at_most: 100}
  - name: control
    says: Untrained pairs read unmarked images at chance.
    source: protocol
    found: 50 %.
    bound: {of: {λ: [1, 10]}, measure: unmarked bit accuracy, at_least: 30, at_most: 70}
"""


def tables(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((folder / "tables").iterdir())}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ftbench_command: list[str]) -> Path:
    """The working folder of one finished run."""
    home = tmp_path_factory.mktemp("finished")
    (home / "tiny.yaml").write_text(TINY, encoding="utf-8")
    done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
    assert done.returncode == 0, done.stderr + done.stdout
    return home


def test_a_run_leaves_tables_figures_rows_curves_and_a_manifest(finished: Path) -> None:
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    main = pd.read_csv(folder / "tables" / "main.csv")
    assert len(main) == 2
    assert {"main.csv", "overview.md", "attacks.tex", "pairs.md", "detection.json"} <= set(tables(folder))
    for figure in ("samples.png", "curves.png", "distortions.png"):
        with Image.open(folder / "figures" / figure) as picture:
            assert picture.width > 200
    rows = pd.concat(pd.read_csv(file) for file in (folder / "rows").glob("*[0-9a-f].csv.gz"))
    test_images = json.loads((folder / "manifest.json").read_text())["data"]["images"]["test"]
    # Two settings, two draws; identity and two JPEGs on two views, and the control.
    assert len(rows) == 2 * 2 * test_images * (3 * 2 + 1)
    assert len(list((folder / "curves").glob("*.csv"))) == 2


def test_the_manifest_says_everything_but_paths(finished: Path) -> None:
    text = (finished / "results" / "tiny" / "procedural-faces-small" / "manifest.json").read_text()
    manifest = json.loads(text)
    assert str(finished) not in text
    assert "/" not in manifest["data"]["name"]
    assert manifest["scale"] == "small"
    assert manifest["configuration"]["train"]["steps"] == 40
    settled = {"device": "cpu", "precision": "float32", "threads": 1, "compile": "none", "processes": 1}
    settled["deterministic"] = True
    assert manifest["compute"] == settled
    parts = {part["name"]: part for part in manifest["parts"]}
    assert parts["faceswap"]["distribution"] == "ftbench"
    assert parts["faceswap"]["parameters"]["width"] == 0.06
    assert len(parts["unet-resnet18"]["source"]) == 64
    assert [cell["kind"] for cell in manifest["cells"]] == ["fit", "train", "train", "evaluate", "evaluate"]
    assert all(cell["seconds"] > 0 and cell["made_with"]["torch"] for cell in manifest["cells"])


def test_the_same_command_again_keeps_everything(finished: Path, ftbench_command: list[str]) -> None:
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.rglob("*") if file.is_file()}
    first, second = (call(ftbench_command, "run", "tiny.yaml", cwd=finished) for _ in range(2))
    assert first.returncode == 0
    assert first.stdout.count("done before, kept") == 5
    assert "Bits read after each attack" in first.stdout
    assert first.stdout == second.stdout
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in before} == before


@pytest.mark.parametrize("altered", ["tables/main.csv", "figures/curves.png", "rows", "store", "manifest.json"])
def test_tables_that_are_not_as_they_were_are_made_anew(
    altered: str, finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    home = shutil.copytree(finished, tmp_path / "home")
    folder = home / "results" / "tiny" / "procedural-faces-small"
    before = tables(folder)
    (printed,) = (home / "results" / ".store").glob("tables-*.json")
    file = {"rows": min(folder.glob("rows/*")), "store": printed}.get(altered, folder / altered)
    content = bytearray(file.read_bytes())
    # A digit of a manifest, or of what was printed, so that both are JSON still.
    place = content.index(b"0.") + 2 if file.suffix == ".json" else len(content) // 2
    content[place] ^= 1
    file.write_bytes(content)
    done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("done before, kept") == 5
    assert file.read_bytes() != bytes(content)
    assert tables(folder) == before
    assert call(ftbench_command, "run", "tiny.yaml", cwd=home).stdout == done.stdout


def test_a_page_that_was_changed_or_removed_is_made_again(
    finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    page = home / "results" / "tiny" / "procedural-faces-small" / "report.html"
    before = page.read_bytes()
    for hurt in (lambda: page.write_bytes(b"another"), page.unlink):
        hurt()
        done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "to do: nothing" in done.stdout
        assert len(page.read_bytes()) == pytest.approx(len(before), abs=200)


def test_damaged_files_of_cells_are_made_anew(finished: Path, tmp_path: Path, ftbench_command: list[str]) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    before = tables(home / "results" / "tiny" / "procedural-faces-small")
    weights = min(home.glob("results/.store/train-*/weights.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-3] ^= 64
    weights.write_bytes(content)
    rows = max(home.glob("results/.store/evaluate-*/rows.csv.gz"))
    rows.write_bytes(b"")
    shutil.rmtree(home / "results" / "tiny")
    done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    for file in (weights, rows):
        assert f"({file.parent.name}): {file.name} is damaged (" in done.stdout
        assert file.with_name(f"{file.name}.damaged-1").exists()
    assert tables(home / "results" / "tiny" / "procedural-faces-small") == before


def test_a_run_that_fails_leaves_the_tables_of_an_earlier_one(
    finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    folder = home / "results" / "tiny" / "procedural-faces-small"
    before = {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    harsh = ["train.optimiser.learning_rate=1e30", "matrix.loss={message: 1.0e+300, image: 0.1}"]
    settings = [word for one in harsh for word in ("--set", one)]
    done = call(ftbench_command, "run", "tiny.yaml", *settings, cwd=home)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "stay as they were: they hold 2 finished evaluations, and of this run 0 of 1 were finished" in done.stdout
    assert {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()} == before


def test_plan_shows_what_is_done(finished: Path, ftbench_command: list[str]) -> None:
    done = call(ftbench_command, "plan", "tiny.yaml", cwd=finished)
    assert done.stdout.count(" done") + done.stdout.count(" stalled") == 5
    changed = call(ftbench_command, "plan", "tiny.yaml", "--set", "train.steps=41", cwd=finished)
    assert changed.stdout.count("to do") == 4


def test_a_pair_that_learned_nothing_is_called_stalled(finished: Path) -> None:
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    cells = json.loads((folder / "manifest.json").read_text())["cells"]
    # Forty steps teach so small a pair nothing; its row must say so.
    assert [cell["status"] for cell in cells if cell["kind"] == "train"] == ["stalled", "stalled"]
    assert "STALLED" in (folder / "tables" / "overview.md").read_text(encoding="utf-8").upper()


def test_report_prints_the_tables_again(finished: Path, ftbench_command: list[str]) -> None:
    done = call(ftbench_command, "report", "results/tiny/procedural-faces-small", cwd=finished)
    assert done.returncode == 0
    assert "λ=1" in done.stdout
    assert call(ftbench_command, "report", "results", cwd=finished).returncode == 2


def test_results_are_what_was_written_until_a_number_is_altered(
    finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    folder = shutil.copytree(finished / "results" / "tiny" / "procedural-faces-small", tmp_path / "copy")
    (tmp_path / "tiny.expected.yaml").write_text(CLAIMS, encoding="utf-8")
    done = call(ftbench_command, "compare", "copy", "tiny.expected.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 holds" in done.stdout
    table = folder / "tables" / "main.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace(",0.", ",0.9", 1), encoding="utf-8")
    done = call(ftbench_command, "compare", "copy", "tiny.expected.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "altered: tables/main.csv, row 1, " in done.stdout


def test_kept_tables_are_left_alone(finished: Path, ftbench_command: list[str]) -> None:
    kept = call(ftbench_command, "run", "tiny.yaml", "--keep", cwd=finished)
    assert kept.returncode == 0
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    done = call(ftbench_command, "run", "tiny.yaml", "--set", "evaluate.draws=1", cwd=finished)
    assert done.returncode == 0
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    local = folder.with_name(folder.name + ".local")
    assert "1 draw each" in (local / "tables" / "overview.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("moment", ["fit", "train", "evaluate"])
def test_a_run_that_was_killed_ends_in_the_same_tables(
    moment: str, finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    process = subprocess.Popen(
        [*ftbench_command, "run", "tiny.yaml"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    store = tmp_path / "results" / ".store"
    until = time.monotonic() + 300
    while not list(store.glob(f"{moment}-*/cell.json")) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(store.glob(f"{moment}-*/cell.json"))
    done = call(ftbench_command, "run", "tiny.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = tables(tmp_path / "results" / "tiny" / "procedural-faces-small")
    assert again == tables(finished / "results" / "tiny" / "procedural-faces-small")
