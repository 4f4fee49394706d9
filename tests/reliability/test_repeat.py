"""The short form of ``python -m benchmarks.reliability repeat``, and what tells where two runs part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from benchmarks.reliability.repeat import look, manifest
from ftbench.cli import app
from ftbench.errors import CellFailed
from ftbench.storage.files import gzipped
from ftbench.storage.grounds import GROUNDS, differences, in_both, sentence
from ftbench.testing import repeat


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, ftbench_command: list[str]) -> Path:
    """Where runs were made that had to be alike."""
    folder = tmp_path_factory.mktemp("repeat")
    runs, wrong = look(folder, times=2, command=ftbench_command, jobs=False)
    assert (runs, wrong) == (3, [])
    return folder


def store(place: Path, name: str = "first") -> Path:
    return place / name / "results" / ".store"


def results(place: Path, name: str = "first") -> Path:
    return next((place / name / "results" / "repeat").iterdir())


@pytest.mark.parametrize("kind", ["curve", "weights", "rows"])
def test_the_first_difference_is_told_with_its_place(place: Path, tmp_path: Path, kind: str) -> None:
    changed = tmp_path / "store"
    shutil.copytree(store(place), changed)
    if kind == "curve":
        [file] = changed.glob("train-*/curve.csv")
        lines = file.read_text().splitlines()
        lines[2] = lines[2].replace(lines[2].split(",")[1], "0.123", 1)
        file.write_text("\n".join(lines) + "\n")
        expected = r"train .*: loss of curve\.csv at step 40 is [0-9.]+ and 0\.123 \(1 of 2 rows differ\)"
    elif kind == "weights":
        [file] = changed.glob("train-*/weights.safetensors")
        held = load_file(file)
        name = next(name for name, tensor in held.items() if tensor.dtype == torch.float32)
        held[name].flatten()[0] += 0.5
        save_file(held, file)
        expected = r"train .*: weights differ by up to 5\.0e-01"
    else:
        [file] = changed.glob("evaluate-*/rows.csv.gz")
        import gzip

        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        file.write_bytes(gzipped("\n".join([*lines[:2], lines[2] + "9", *lines[3:]]).encode()))
        expected = r"evaluate .*: payload_errors of rows\.csv\.gz at row 2 is \d+ and \d+9 \(1 of \d+ rows differ\)"
    (found,) = map(str, repeat.differences(store(place), changed))
    import re

    assert re.fullmatch(expected, found), found
    shutil.rmtree(next(changed.glob("evaluate-*")))
    assert str(list(repeat.differences(store(place), changed))[-1]).endswith("it is in one run alone")


def test_a_tiny_run_that_fails_says_its_last_words(tmp_path: Path, ftbench_command: list[str]) -> None:
    with pytest.raises(CellFailed, match=r"exit code 2: .*nonsense"):
        repeat.run(tmp_path, "--set", "nonsense=1", command=ftbench_command)


def test_two_runs_can_be_compared_where_nothing_but_settings_differs(place: Path) -> None:
    first = manifest(store(place))
    assert first[GROUNDS]["threads"] == "1"
    assert first[GROUNDS]["digest"] == manifest(store(place, "again 1"))[GROUNDS]["digest"]
    assert in_both(first, manifest(store(place, "again 1"))) == (3, [])
    other: dict[str, Any] = json.loads(json.dumps(first))
    other["data"]["digest"] = "e" * 64
    other["behind"]["ftbench/train/loop.py"] = "f" * 64
    for cell in other["cells"]:
        cell["made_with"]["torch"] = "1.0"
        cell["made_on"]["processor"] = "an abacus"
    other["cells"][0]["files"]["weights.safetensors"]["sha256"] = "0" * 64
    assert [one.partition(" (")[0] for one in differences(first, other)] == ["images", "code", "torch", "processor"]
    assert "code (ftbench/train/loop.py)" in sentence(first, other)
    count, otherwise = in_both(first, other)
    assert count == 3
    assert otherwise == ["fit faceswap latent=16 width=0.06 (weights.safetensors)"]
    assert sentence({}, {"cells": "odd", "compute": []}) == "comparable: yes"


def test_compare_tells_of_two_runs(place: Path) -> None:
    def said(name: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["compare", str(results(place)), str(results(place, name))])
        return done.exit_code, done.output

    code, text = said("again 1")
    assert code == 0
    assert "comparable: yes" in text
    assert "3 cells are in both, and came out the same, to the bit" in text
    code, text = said("threads")
    assert code == 1
    assert "comparable: no, these differ: threads (1 and 2)" in text
    assert "no cell is in both" in text
