"""What the README promises is what happens."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def block(heading: str) -> list[str]:
    found = re.search(rf"^## {heading}\n.*?```sh\n(.*?)```", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return [line.partition("#")[0].strip() for line in found[1].splitlines()]


def test_the_first_command_makes_what_is_promised(tmp_path: Path) -> None:
    (command,) = block("Start")
    *set_up, run = command.split(" && ")
    assert set_up == ["python3 -m venv .venv", ".venv/bin/pip install -e ."]
    program, *arguments = run.removeprefix(".venv/bin/").split()
    assert program == "ftbench"
    shutil.copytree(CHECKOUT / "benchmarks", tmp_path / "benchmarks")
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    promised = re.search(r"`(results/quick/[^`]+)/`", README)
    assert promised is not None
    folder = tmp_path / promised[1]
    assert (folder / "tables" / "overview.md").is_file()
    assert (folder / "figures" / "samples.png").is_file()
    assert (folder / "manifest.json").is_file()
    assert "stalled" not in done.stdout
    (row,) = csv.DictReader((folder / "tables" / "main.csv").read_text(encoding="utf-8").splitlines())
    assert float(row["marked_raw_bit_accuracy_value"]) >= 0.97
    assert float(row["psnr_all_value"]) >= 30


@pytest.mark.parametrize(
    "page", [Path("README.md"), *(p.relative_to(CHECKOUT) for p in sorted(CHECKOUT.glob("docs/*.md")))], ids=str
)
def test_the_named_files_exist(page: Path) -> None:
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
        assert (CHECKOUT / page.parent / target).exists(), target


@pytest.mark.parametrize("heading", ["Start", "Test"])
def test_one_command_that_needs_no_other_is_run_as_it_stands_by_continuous_integration(heading: str) -> None:
    (command,) = block(heading)
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -e ")
    assert command in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_command_that_is_shown_exists() -> None:
    listed = subprocess.run([sys.executable, "-m", "ftbench", "--help"], capture_output=True, text=True, check=True)
    for line in re.findall(r"^ftbench (\w+)", README, re.MULTILINE):
        assert re.search(rf"^\s*{line}\s", listed.stdout, re.MULTILINE), line
