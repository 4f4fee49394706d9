"""docs/write-a-plugin.md: its files and commands, carried out in order in a fresh environment, do what it says."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import ftbench
from ftbench.contract import hooks as hookspecs
from tests.fresh_environment import FreshEnvironment

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = (CHECKOUT / "docs" / "write-a-plugin.md").read_text(encoding="utf-8")
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Followed:
    """What a reader has after following the page."""

    environment: FreshEnvironment
    folder: Path
    printed: dict[str, str]
    """By command, in order."""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    home = tmp_path_factory.mktemp("page")
    environment, folder, printed = FreshEnvironment.make(home / "environment"), home / "ftbench-big-eyes", {}
    folder.mkdir()
    for language, title, body in FENCE.findall(PAGE):
        if title:
            # Where the page has made no folder, a reader could save no file.
            (folder / title).write_text(body, encoding="utf-8")
        elif language == "sh":
            for line in body.splitlines():
                printed[line] = environment.output(line, folder)
        else:
            assert language == "python", f"nothing is done with a {language} block without a title"
            (home / "snippet.py").write_text(body, encoding="utf-8")
            environment.output("python ../snippet.py", folder)
    return Followed(environment, folder, printed)


def test_every_block_is_carried_out() -> None:
    assert len(FENCE.findall(PAGE)) * 2 == len(re.findall(r"^```", PAGE, re.MULTILINE))
    commands = [line for language, _, body in FENCE.findall(PAGE) if language == "sh" for line in body.splitlines()]
    for promised in ("pip install -e .", "ftbench plugins", "ftbench check", "ftbench run", "python -m pytest"):
        assert any(line.startswith(promised) for line in commands), promised


def test_the_part_is_listed_described_and_checked(followed: Followed) -> None:
    (listed,) = [line for line in followed.printed["ftbench plugins"].splitlines() if " big-eyes " in line]
    assert listed.split()[0] == "simulator"
    assert "ftbench-big-eyes 0.1.0" in listed
    assert "BSD-3-Clause" in listed
    assert "doubles the middle of an eye" in followed.printed["ftbench info big-eyes"]
    assert "big-eyes" in followed.printed["ftbench check big-eyes"]
    assert "1 passed" in followed.printed["python -m pytest tests"]


def test_the_promised_tables_hold_the_row_and_name_the_distribution(followed: Followed) -> None:
    promised = re.search(r"The tables are in `(results/[^`]+)`", PAGE)
    assert promised is not None
    main = (followed.folder / promised[1] / "overview.md").read_text(encoding="utf-8")
    assert "big-eyes (ftbench-big-eyes 0.1.0)" in main
    assert "big-eyes amount=0.5" in main
    assert "STALLED" in main
    manifest = json.loads((followed.folder / promised[1]).parent.joinpath("manifest.json").read_text(encoding="utf-8"))
    (part,) = [part for part in manifest["parts"] if part["name"] == "big-eyes" and part["parameters"]["amount"] == 0.5]
    assert (part["distribution"], part["version"]) == ("ftbench-big-eyes", "0.1.0")


def test_the_single_file_was_fitted_and_is_never_run_unasked(followed: Followed) -> None:
    folder = followed.folder
    results = folder / "results" / "try" / "procedural-faces-plain"
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    (fit,) = [cell for cell in manifest["cells"] if cell["kind"] == "fit"]
    assert fit["label"] == "fit repaint"
    assert fit["parameters"] > 1000
    assert "repaint (repaint.py" in (results / "tables" / "overview.md").read_text(encoding="utf-8")
    (folder / "repaint.py").write_text("raise SystemExit('was run')\n", encoding="utf-8")
    refused = followed.environment.call("ftbench plan try.yaml", folder)
    assert refused.returncode == 2
    assert "--allow-plugin" in refused.stderr
    assert "was run" not in refused.stderr


def test_the_example_has_the_same_simulator() -> None:
    blocks = {title: body for _, title, body in FENCE.findall(PAGE) if title}
    example = CHECKOUT / "examples" / "ftbench-plugin-demo" / "src" / "ftbench_plugin_demo" / "big_eyes.py"
    assert blocks["src/ftbench_big_eyes/model.py"] == example.read_text(encoding="utf-8")


def test_fields_hooks_and_files_that_it_names_exist() -> None:
    promises = PAGE.partition("## The record and its promises")[2].partition("\n## ")[0]
    fields = re.findall(r"^\| `(\w+)`", promises, re.MULTILINE)
    declared = {field.name for field in dataclasses.fields(ftbench.Simulator) if field.init}
    # Two are in every example and need no row.
    assert set(fields) == declared - {"factory", "summary", "parameters"}
    hooks = set(re.findall(r"\bftbench_[a-z]+s\b", PAGE)) - {"ftbench_big_eyes"}
    parts = {name for name in dir(hookspecs) if re.fullmatch("ftbench_[a-z]+s", name)} - {"ftbench_progress"}
    assert hooks == parts
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (CHECKOUT / "docs" / target).exists(), target


def test_options_and_variables_that_it_names_exist(followed: Followed) -> None:
    folder, environment = followed.folder, followed.environment
    shown = environment.output("ftbench --help; ftbench run --help; ftbench plugins --help", folder)
    for option in ("--strict-plugins", "--no-plugins", "--allow-plugin", "--errors"):
        assert option in PAGE
        assert option in shown
    assert "big-eyes" not in environment.output("ftbench --no-plugins plugins", folder)
    assert "big-eyes" in environment.output("ftbench plugins", folder, FTBENCH_PLUGINS="big-eyes")
