"""Trained cells found by what people call them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ftbench.errors import BadInput
from ftbench.marking.locate import describe, find
from ftbench.plan.part import ResolvedPart
from ftbench.storage.store import CellFolder
from tests.marking.carriers import write_cell, write_manifest
from tests.marking.thin_pair import BITS


@pytest.fixture(scope="module")
def results(parts: dict[str, ResolvedPart], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of five trainings, two of one name."""
    home = tmp_path_factory.mktemp("results")
    named = {"1": "λ=1 α=0.1", "2": "λ=10 α=0.1", "3": "30 dB seed 0", "4": "twice", "5": "twice"}
    cells = [
        write_cell(home / ".store", parts, bits=BITS, code_bits=2 * BITS, label=label, identity=digit * 64)
        for digit, label in named.items()
    ]
    write_manifest(home / "paper" / "faces-small", cells)
    write_manifest(home / "paper" / "one-small", cells[:1])
    return home


@pytest.mark.parametrize(
    ("setting", "digit"),
    [
        ("λ=1 α=0.1", "1"),
        ("lambda=1 alpha=0.1", "1"),
        ("λ=10", "2"),
        ("LAMBDA=10  α=0.1", "2"),
        ("30", "3"),
        ("30 dB", "3"),
        ("222222", "2"),
        ("4" * 64, "4"),
        ("twice (555555)", "5"),
    ],
)
def test_a_setting_is_found_by_label_or_identity(setting: str, digit: str, results: Path) -> None:
    folder = find(results / "paper" / "faces-small", setting)
    assert folder.path == results.resolve() / ".store" / f"train-{digit * 24}"


def test_the_only_setting_needs_no_name(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = f"train-{'1' * 24}"
    assert find(results / "paper" / "one-small").path.name == wanted
    # Also from inside, where the path has no parents to show.
    monkeypatch.chdir(results / "paper" / "one-small")
    assert find(Path()).file("weights.safetensors").is_file()
    assert find(results / ".store" / wanted).path.name == wanted


@pytest.mark.parametrize(
    ("place", "setting", "says"),
    [
        ("paper/faces-small", None, r"holds 5 trained settings; choose one with --setting: 'λ=1 α=0\.1' \(111111\), "),
        ("paper/faces-small", "λ=1", r"several settings begin with 'λ=1'; there are: 'λ=1 α=0\.1' \(111111\), 'λ=10"),
        ("paper/faces-small", "twice", r"several settings begin with 'twice'; .*'twice \(444444\)' \(444444\)"),
        ("paper/faces-small", "λ=2", "no setting begins with 'λ=2'; there are: 'λ=1"),
        ("paper/faces-small", "22222", "no setting begins with '22222'"),
        ("paper", None, r"holds several results; name one: .*faces-small, .*one-small"),
        (".store", None, r"holds neither manifest\.json nor cell\.json"),
        ("nowhere", None, "there is no .*nowhere; give a results folder"),
        (f".store/train-{'1' * 24}", "λ=1", "is a cell itself; leave out --setting"),
    ],
)
def test_what_is_not_found_is_listed(place: str, setting: str | None, says: str, results: Path) -> None:
    with pytest.raises(BadInput, match=says) as raised:
        find(results / place, setting)
    assert "\n" not in str(raised.value)


def test_weights_that_are_elsewhere(results: Path, tmp_path: Path) -> None:
    alone = tmp_path / "results" / "paper" / "one-small"
    shutil.copytree(results / "paper" / "one-small", alone)
    with pytest.raises(
        BadInput, match=r"weights of 'λ=1 α=0\.1' are not in .*\.store: .*ftbench run tiny --scale small, or .*--store"
    ):
        find(alone)
    assert find(alone, store=results / ".store").file("weights.safetensors").is_file()


@pytest.mark.parametrize(
    ("text", "says"), [("{", "cannot be read"), ("{}", "cannot be understood"), ("7", "understood")]
)
def test_a_broken_manifest_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=rf"manifest\.json {says}|{says}"):
        find(tmp_path)


def test_results_without_a_training(tmp_path: Path) -> None:
    write_manifest(tmp_path / "a" / "b", [])
    with pytest.raises(BadInput, match="lists no trained cell"):
        find(tmp_path / "a" / "b")


def test_a_cell_of_a_newer_ftbench_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text(json.dumps({"form": 3, "kind": "train"}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"was written by a newer ftbench \(form 3 .* 2\); update ftbench"):
        describe(CellFolder(tmp_path))
