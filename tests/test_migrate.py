"""Cells of the older form get the keys that their settings give."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ftbench.plan.keys import cell_key
from ftbench.storage.cellfile import read_cell
from ftbench.vouching.migrate import new_cell, new_settings, renames
from ftbench.vouching.moving import migrate

OLD_STORE = json.loads((Path(__file__).parent / "old_store" / "cells.json").read_text(encoding="utf-8"))
"""folder -> cell.json, of a whole run of tiny.yaml beside it."""


def part(name: str, source: str = "s1", distribution: str = "ftbench", **parameters: Any) -> dict[str, Any]:
    about = {"name": name, "distribution": distribution, "version": "0.1.0", "source": source}
    return {**about, "parameters": parameters}


def old(kind: str, settings: dict[str, Any], *inputs: dict[str, Any]) -> dict[str, Any]:
    whole = {"kind": kind, "settings": settings, "inputs": [needed["identity"] for needed in inputs]}
    identity = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return {**whole, "label": f"a {kind}", "identity": identity}


def state(harness: str) -> dict[str, dict[str, Any]]:
    """A store made with one state of the code."""
    about = {"data": "d", "data_source": f"of {harness}", "harness": harness, "size": 32}
    fit = old("fit", {**about, "simulator": part("faceswap")})
    train = old("train", {**about, "encoder": part("compact"), "seed": 0}, fit)
    evaluate = old("evaluate", {**about, "distortions": [["jpeg", part("jpeg", quality=50)]]}, train, fit)
    return {f"{cell['kind']}-{cell['identity'][:24]}": cell for cell in (evaluate, fit, train)}


def test_sources_and_releases_go_and_everything_else_stays() -> None:
    settings = {
        "data": "d",
        "data_source": "x",
        "harness": "y",
        "compute": {"device": "cpu"},
        "encoder": {**part("compact", blocks=2), "at": 128},
        "simulators": [None, ["faceswap seed=1", part("faceswap", seed=1)]],
        "distortions": [[part("jpeg", quality=50), {"quality": [40, 90]}]],
        "metrics": [part("wave", "w1", "waves")],
    }
    kept = copy.deepcopy(settings)
    assert new_settings(settings) == {
        "data": "d",
        "compute": {"device": "cpu"},
        "encoder": {"name": "compact", "version": 1, "parameters": {"blocks": 2}, "at": 128},
        "simulators": [["faceswap seed=1", {"name": "faceswap", "version": 1, "parameters": {"seed": 1}}]],
        "distortions": [[{"name": "jpeg", "version": 1, "parameters": {"quality": 50}}, {"quality": [40, 90]}]],
        "metrics": [["wave", {"name": "wave", "distribution": "waves", "source": "w1", "parameters": {}}]],
    }
    assert settings == kept


def test_a_real_store_is_renamed_whole_inputs_first() -> None:
    found = renames(OLD_STORE, dict.fromkeys(OLD_STORE, 1.0))
    assert found.left == {}
    assert set(found.keys) == set(OLD_STORE)
    assert [folder.partition("-")[0] for folder in found.keys] == ["fit"] * 2 + ["train"] * 2 + ["evaluate"] * 2
    new = {OLD_STORE[folder]["identity"]: key for folder, key in found.keys.items()}
    for folder, key in found.keys.items():
        cell = new_cell(OLD_STORE[folder], new, commit="c0ffee")
        assert cell["identity"] == key == cell_key(cell["kind"], cell["settings"], cell["inputs"])
        assert cell["inputs"] == [new[needed] for needed in OLD_STORE[folder]["inputs"]]
        assert cell["evidence"] == {"migrated": {"identity": OLD_STORE[folder]["identity"], "commit": "c0ffee"}}
        said = json.dumps(cell["settings"])
        assert not any(word in said for word in ("source", "distribution", "harness", "0.1.0"))


def test_of_several_states_of_the_code_one_is_taken_whole() -> None:
    older, newer = state("one"), state("two")
    all_done = dict.fromkeys(older, 1.0) | dict.fromkeys(newer, 2.0)
    assert set(renames({**newer, **older}, all_done).keys) == set(newer)
    # The evaluation of the newer training never came to its end: what is whole is kept.
    broken_off = {folder: when for folder, when in all_done.items() if not (folder in newer and "evaluate" in folder)}
    found = renames({**older, **newer}, broken_off)
    assert set(found.keys) == set(older)
    assert set(found.left) == set(newer)
    assert all("same settings" in why or "made with cell" in why for why in found.left.values())


def test_a_cell_never_takes_an_input_that_it_was_not_made_with() -> None:
    older, newer = state("one"), state("two")
    [evaluation] = [folder for folder in older if "evaluate" in folder]
    lonely = {evaluation: older[evaluation], **{f: c for f, c in newer.items() if "evaluate" not in f}}
    found = renames(lonely, dict.fromkeys(lonely, 1.0))
    assert evaluation not in found.keys
    lost = older[evaluation]["inputs"][0][:12]
    assert found.left[evaluation] == f"it was made with cell {lost}, which is not there or got no key"


def test_a_folder_renamed_by_hand_is_known_by_what_it_holds() -> None:
    cells = {f"mine-{number}": cell for number, cell in enumerate(OLD_STORE.values())}
    assert sorted(renames(cells).keys.values()) == sorted(renames(OLD_STORE).keys.values())
    twice = {**OLD_STORE, "copy": next(iter(OLD_STORE.values()))}
    found = renames(twice)
    assert len(found.keys) == len(OLD_STORE)
    assert list(found.left.values()) == [
        f"{next(folder for folder in found.keys if twice[folder] == twice['copy'])} was made with the same settings "
        "and gets the key"
    ]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ([], "does not say what the cell is"),
        ({}, "does not say what the cell is"),
        ("text", "does not say what the cell is"),
        ({"kind": "bake", "settings": {}, "inputs": [], "identity": ""}, "does not say what the cell is"),
        ({"kind": [], "settings": {}, "inputs": [], "identity": ""}, "does not say what the cell is"),
        ({"kind": "fit", "settings": [], "inputs": [], "identity": ""}, "does not say what the cell is"),
        ({**old("fit", {"size": 64}), "settings": {"size": 128}}, "was changed"),
        ({**old("fit", {"size": 64}), "inputs": 7}, "does not say what the cell is"),
        (old("fit", {"size": 64, "parts": part("a") | {"parameters": 3}}), "does not say what the cell is"),
        ({"form": 2, "evidence": {}}, "does not say what it is"),
        ({"form": 2, "identity": "x", "evidence": {"migrated": [1]}}, "does not say what it is"),
        ({"form": 3, "evidence": {}}, "a newer ftbench wrote it"),
    ],
)
def test_what_cannot_be_understood_keeps_its_name_and_the_rest_goes_on(broken: Any, why: str) -> None:
    found = renames({**OLD_STORE, "odd": broken}, {"odd": 1.0})
    assert set(found.keys) == set(OLD_STORE)
    assert why in found.left["odd"]


def test_a_newer_cell_and_a_broken_one_keep_their_names_and_the_others_are_renamed(tmp_path: Path) -> None:
    newer = {"form": 3, "identity": "n", "evidence": {"by": "later"}}
    broken = {"form": 2, "evidence": {}}
    for folder, cell in {**OLD_STORE, "train-newer": newer, "train-broken": broken}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cell.json").write_text(json.dumps(cell), encoding="utf-8")
    moved = migrate(tmp_path)
    assert set(moved.left) == {"train-newer", "train-broken"}
    assert set(moved.names) == set(OLD_STORE)
    for name in moved.names.values():
        held = read_cell(tmp_path / name)
        assert held is not None
        assert name == f"{held.kind}-{held.identity[:24]}"
    assert json.loads((tmp_path / "train-newer" / "cell.json").read_text()) == newer
    again = migrate(tmp_path)
    assert not again.names
    assert set(again.left) == {"train-newer", "train-broken"}
