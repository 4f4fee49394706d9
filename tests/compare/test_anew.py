"""``ftbench report``: tables made anew from rows, either way round, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftbench.claims.audit import faults
from ftbench.storage.manifest import open_folder
from tests.compare.made_results import three, without_rows, write
from tests.conftest import Said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "faces-small", three()[:2])


def test_tables_come_back_as_they_were_and_are_vouched_for(folder: Path, said: Said) -> None:
    before = (folder / "tables" / "main.csv").read_bytes()
    for file in (folder / "tables").iterdir():
        file.unlink()
    (folder / "tables" / "overall.md").write_text("of an earlier release", encoding="utf-8")
    code, text = said("report", folder)
    assert code == 0
    assert text.startswith("**Overview.**")
    assert (folder / "tables" / "main.csv").read_bytes() == before
    assert not (folder / "tables" / "overall.md").exists()
    assert faults(open_folder(folder)) == []
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tables_by"]["ftbench"]


def test_the_other_way_round_and_back(folder: Path, said: Said) -> None:
    table = folder / "tables" / "attacks.md"
    numbers = (folder / "tables" / "attacks.csv").read_bytes()
    assert said("report", folder)[0] == 0
    across = table.read_text(encoding="utf-8")
    for asked in (("--rows", "method"), ("--columns", "attack"), ()):
        # Without a word it stays as the folder has it.
        assert said("report", folder, *asked)[0] == 0
        assert "| method " in table.read_text(encoding="utf-8")
        assert (folder / "tables" / "attacks.csv").read_bytes() == numbers
        assert faults(open_folder(folder)) == []
    assert said("report", folder, "--rows", "attack", "--columns", "method")[0] == 0
    assert table.read_text(encoding="utf-8") == across


def test_without_rows_what_is_there_is_printed(folder: Path, said: Said) -> None:
    before = {file.name: file.read_bytes() for file in (folder / "tables").iterdir()}
    code, text = said("report", without_rows(folder))
    assert code == 0
    assert "Bits read after each attack" in text
    assert {file.name: file.read_bytes() for file in (folder / "tables").iterdir()} == before
    assert said("report", folder, "--rows", "method")[0] == 2


def test_rows_that_changed_or_are_missing_make_no_tables(folder: Path, said: Said) -> None:
    rows = sorted((folder / "rows").glob("*.csv.gz"))
    rows[0].write_bytes(rows[1].read_bytes())
    code, text = said("report", folder)
    assert (code, "has changed since it was written" in " ".join(text.split())) == (2, True)
    rows[0].unlink()
    code, text = said("report", folder)
    assert (code, "is missing" in " ".join(text.split())) == (2, True)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--rows", "attacks"), "neither attack nor method"),
        (("--rows", "attack", "--columns", "attack"), "both attack"),
    ],
)
def test_a_layout_that_is_none(
    asked: tuple[str, ...],
    says: str,
    folder: Path,
    said: Said,
) -> None:
    code, text = said("report", folder, *asked)
    assert code == 2
    assert says in " ".join(text.split())
