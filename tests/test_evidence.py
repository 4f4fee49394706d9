"""Cells that are found by their key, and whether they still stand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ftbench.errors import BadInput
from ftbench.parts.evidence import why_again
from ftbench.plan.cells import Cell, Plan
from ftbench.runner import executor as execute
from ftbench.runner.opening import Request
from ftbench.storage.cellfile import Evidence, Migrated, cell_json
from ftbench.storage.store import PICKLED, UNFINISHED, Store
from ftbench.vouching import evidence as evidence_module
from ftbench.vouching.accepting import accept
from ftbench.vouching.standing import Standing, Standings
from ftbench.vouching.strays import other_packages
from tests.test_execute import World

OLD = Evidence(code={"a/one.py": "1", "a/two.py": "2"}, libraries={"torch": "2.4"}, inputs={"k": "w"})


@pytest.mark.parametrize(
    ("changed", "rerun", "why"),
    [
        ({}, "code+libraries", ""),
        ({"code": {"a/one.py": "9", "a/two.py": "2"}}, "code", "since it was made, a/one.py changed"),
        ({"code": {"a/one.py": "9", "a/two.py": "2"}}, "key", ""),
        ({"code": {"a/one.py": "1", "b.py": "2"}}, "code", "since it was made, a/two.py is gone, b.py is new"),
        ({"code": {}, "libraries": {}}, "code", "since it was made, a/one.py is gone, a/two.py is gone"),
        (
            {"code": {str(n): "" for n in range(5)}},
            "code",
            "since it was made, 0 is new, 1 is new, 2 is new and 4 more",
        ),
        ({"libraries": {"torch": "2.5"}}, "code", ""),
        ({"libraries": {"torch": "2.5"}}, "code+libraries", "since it was made, torch was 2.4 and is 2.5"),
        ({"inputs": {"k": "other"}}, "key", "it was made with another faceswap"),
        # What is not known is held against nobody.
        ({"inputs": {}}, "code", ""),
        ({"inputs": {"k": "w", "l": "x"}}, "code", ""),
    ],
)
def test_one_rule_says_what_is_made_again_and_why(changed: dict[str, Any], rerun: Any, why: str) -> None:
    new = OLD.model_copy(update=changed)
    assert why_again(OLD, new, rerun, {"k": "fit faceswap", "l": "other"}) == why


def test_a_records_promises_are_evidence() -> None:
    old, new = (Evidence(records={"simulator x@y": {"differentiable": value}}) for value in (True, False))
    assert why_again(old, new, "code", {}) == "since it was made, the record of simulator x@y changed"


def test_of_a_migrated_cell_nobody_knows_the_code_but_its_inputs_count() -> None:
    old = Evidence(inputs={"k": "w"}, migrated=Migrated(identity="i"))
    assert why_again(old, OLD, "code+libraries", {"k": "fit x"}) == ""
    assert why_again(old, OLD.model_copy(update={"inputs": {"k": "v"}}), "key", {"k": "fit x"}) == (
        "it was made with another x"
    )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


@pytest.fixture
def other_code(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets one kind of cell, or every one, be made by another state of a file."""
    true = evidence_module._code

    def change(*kinds: str, digest: str = "0" * 12) -> None:
        monkeypatch.setattr(
            evidence_module,
            "_code",
            lambda kind, *rest: true(kind, *rest) | ({"ftbench/train/loop.py": digest} if kind in kinds else {}),
        )

    return change


def request(**more: Any) -> Request:
    return replace(Request("tiny"), **more)


def run(world: World, **more: Any) -> execute.Outcome:
    world.worked.clear()
    return execute.run(plan_of(world), world.bench, request(**more))


def plan_of(world: World) -> Plan:
    nothing: Any = None
    return Plan(nothing, world.cells)


def standings_of(world: World) -> Standings:
    return Standings(world.bench.store, world.bench.plugins)


def states(world: World) -> list[str]:
    standings = standings_of(world)
    return [standings.expected(cell).state for cell in world.cells]


def test_other_code_makes_a_cell_again_says_why_and_keeps_what_was_there(world: World, other_code: Any) -> None:
    run(world)
    assert states(world) == ["done"] * 3
    other_code("train")
    assert states(world) == [
        "to do: since it was made, ftbench/train/loop.py changed",
        "to do: unless 'pair' comes out as it was",
        "to do: unless 'pair' comes out as it was",
    ]
    before = world.folder(world.trained).file("cell.json").read_bytes()
    outcome = run(world)
    # It came out with the same weights: what hangs on it stands.
    assert world.worked == ["pair"]
    assert set(outcome.summaries) == {cell.key for cell in world.cells}
    [line] = [line for line in world.said.getvalue().splitlines() if "made again" in line]
    folder = world.folder(world.trained).path
    assert line == (
        f"[1/3] train pair: since it was made, ftbench/train/loop.py changed; made again, and kept as "
        f"{folder.name}.earlier until then"
    )
    earlier = folder.with_name(f"{folder.name}.earlier")
    assert (earlier / "cell.json").read_bytes() == before
    assert states(world) == ["done"] * 3
    run(world)
    assert world.worked == []


def test_an_earlier_cell_is_replaced_only_once_the_new_one_is_done(world: World, other_code: Any) -> None:
    run(world)
    first = world.folder(world.trained).file("done.json").read_bytes()
    folder = world.folder(world.trained).path

    def broken(folder: Any) -> None:
        raise RuntimeError("broken off")

    world.inside["pair"] = broken
    for number in range(3):
        other_code("train", digest=str(number) * 12)
        run(world)
        assert (folder.with_name(f"{folder.name}.earlier") / "done.json").read_bytes() == first
    world.inside.clear()
    run(world)
    assert [path.name for path in folder.parent.glob("train-*.earlier*")] == [f"{folder.name}.earlier"]
    assert (folder.with_name(f"{folder.name}.earlier") / "done.json").read_bytes() == first


def test_rerun_key_keeps_it_and_the_outcome_says_so(world: World, other_code: Any) -> None:
    run(world)
    other_code("train", "evaluate")
    outcome = run(world, rerun="key")
    assert world.worked == []
    assert outcome.remarks[world.first.key] == "kept, though since it was made, ftbench/train/loop.py is new"


def test_accepting_keeps_cells_by_hand_and_says_so(world: World, other_code: Any) -> None:
    run(world)
    other_code("train", "evaluate")
    told = accept(plan_of(world), standings_of(world))
    assert list(told) == ["pair", "first", "second"]
    assert told["pair"] == "since it was made, ftbench/train/loop.py changed"
    assert states(world) == ["done, accepted by hand"] * 3
    outcome = run(world)
    assert world.worked == []
    assert set(outcome.remarks.values()) == {"accepted by hand"}
    assert accept(plan_of(world), standings_of(world)) == {}
    assert not world.folder(world.trained).faults({})


def test_accepting_puts_back_what_was_there_before(world: World, other_code: Any) -> None:
    run(world)
    folder = world.folder(world.trained)
    first = folder.file("weights.safetensors").read_bytes()
    other_code("train")

    def broken(folder: Any) -> None:
        folder.file(UNFINISHED).write_bytes(b"half")
        raise RuntimeError("broken off")

    world.inside["pair"] = broken
    run(world)
    assert folder.summary is None
    assert "put back" in accept(plan_of(world), standings_of(world))["pair"]
    assert folder.file("weights.safetensors").read_bytes() == first
    assert states(world)[0] == "done, accepted by hand"


def test_other_weights_of_an_input_make_what_hangs_on_it_again(world: World, other_code: Any) -> None:
    run(world)
    other_code("train")
    world.inside["pair"] = lambda folder: world.weights.update(bias=2.0)
    run(world)
    assert world.worked == ["pair", "first", "second"]
    assert "evaluate first: it was made with another pair" in world.said.getvalue()


def test_a_training_that_was_broken_off_is_not_gone_on_with_by_other_code(world: World, other_code: Any) -> None:
    run(world)
    folder = world.folder(world.trained)
    folder.file("done.json").unlink()
    folder.file(UNFINISHED).write_bytes(b"half")
    assert states(world)[0] == "to do"
    other_code("train")
    assert states(world)[0] == "to do: since it was made, ftbench/train/loop.py changed"
    run(world)
    assert folder.path.with_name(f"{folder.path.name}.earlier").joinpath(UNFINISHED).read_bytes() == b"half"


def test_a_pickled_checkpoint_is_neither_read_nor_trained_over(world: World, other_code: Any) -> None:
    run(world)
    folder = world.folder(world.trained)
    folder.file("done.json").unlink()
    old = folder.file(PICKLED)
    old.write_bytes(b"pickled")
    for look in (states, run):
        with pytest.raises(BadInput, match=r"checkpoint\.pt is the .* of an earlier release.* rename or remove"):
            look(world)
    assert (world.worked, old.read_bytes()) == ([], b"pickled")
    # Other code would not go on from it anyway: it is kept with the rest of the cell.
    other_code("train")
    run(world)
    assert folder.path.with_name(f"{folder.path.name}.earlier").joinpath(PICKLED).read_bytes() == b"pickled"


def said_of(cell: Cell, world: World, change: Callable[[dict[str, Any]], None]) -> None:
    folder = world.folder(cell)
    held = json.loads(folder.file("cell.json").read_text())
    change(held)
    folder.restamp(held)


@pytest.mark.parametrize("change", [{"evidence": 7}, {"evidence": {"code": [1]}}, {"form": None}, {"inputs": "x"}])
def test_evidence_that_cannot_be_read_is_told_and_nothing_is_lost(world: World, change: dict[str, Any]) -> None:
    run(world)
    said_of(world.first, world, lambda held: held.update(change))
    assert states(world)[1].startswith("to do: cell.json does not say what it was made with (")
    run(world)
    assert world.worked == ["first"]
    assert "cell.json does not say what it was made with" in world.said.getvalue()
    name = world.folder(world.first).path.name
    assert (world.folder(world.first).path.with_name(f"{name}.earlier") / "rows.csv.gz").exists()


def test_damage_that_shows_in_sizes_or_in_what_a_cell_is_stands_in_the_plan(world: World) -> None:
    run(world)
    weights, rows = (
        world.folder(cell).file(name)
        for cell, name in ((world.trained, "weights.safetensors"), (world.first, "rows.csv.gz"))
    )
    weights.write_bytes(weights.read_bytes()[:-1])
    rows.unlink()
    world.folder(world.second).file("done.json").write_text("null")
    assert states(world) == [
        "to do: weights.safetensors is damaged (it is not as it was written)",
        "to do: rows.csv.gz is damaged (it is missing)",
        "to do: done.json is damaged (it is not what a finished cell writes)",
    ]
    run(world)
    assert states(world) == ["done"] * 3
    said = world.folder(world.second).file("cell.json")
    said.write_text(said.read_text().replace('"second"', '"2econd"'))
    assert states(world)[2] == "to do: cell.json is damaged (it is not as it was written)"


def test_a_part_without_a_version_whose_package_changed_is_named(tmp_path: Path) -> None:
    def settings(source: str, width: int = 2) -> dict[str, Any]:
        part = {"name": "wave", "distribution": "waves", "source": source, "parameters": {"width": width}}
        return {"size": 32, "simulators": [["wave", part]]}

    def cell(key: str, settings: dict[str, Any]) -> Any:
        return SimpleNamespace(key=key, kind="train", label="pair", inputs=(), settings=settings)

    store = Store(tmp_path)
    store.cell("train", "old").begin(cell_json("train", "pair", "old", [], settings("s1"), Evidence()))
    nothing: Any = None
    looked: Any = SimpleNamespace(store=store, of=lambda cell: Standing())
    changed, wider, own = cell("a", settings("s2")), cell("b", settings("s2", 3)), cell("c", {"size": 32})
    assert other_packages(Plan(nothing, (changed, wider, own)), looked) == {
        "a": "waves changed since it was made, and 'wave' of it declares no version, so that each change of its "
        "package is another part"
    }


def test_copies_of_what_was_there_before_under_names_of_ones_own_are_left_alone(world: World, other_code: Any) -> None:
    run(world)
    folder = world.folder(world.trained).path
    copies = [folder.with_name(f"{folder.name}.earlier{ending}") for ending in (".bak", "-old", "-2026-11", "-7 (1)")]
    for copy in copies:
        shutil.copytree(folder, copy)
    (folder / "done.json").unlink()
    assert accept(plan_of(world), standings_of(world)) == {}
    other_code("train")
    run(world)
    assert all((copy / "weights.safetensors").exists() for copy in copies)
    assert states(world) == ["done"] * 3


def test_a_cell_of_a_newer_ftbench_is_refused(world: World) -> None:
    run(world)
    said_of(world.first, world, lambda held: held.update(form=3))
    with pytest.raises(BadInput, match=r"was written by a newer ftbench \(form 3 .* 2\); update ftbench"):
        run(world)


def test_a_folder_that_was_renamed_by_hand_is_told(world: World) -> None:
    run(world)
    one, two = (world.folder(cell).path for cell in (world.first, world.second))
    one.rename(one.with_name("mine"))
    with pytest.raises(BadInput, match=f"mine in .* claims to be evaluate 'first'; rename it to {one.name}"):
        run(world)
    shutil.copytree(one.with_name("mine"), one.with_name("yours"))
    with pytest.raises(BadInput, match=r"mine and yours in .* claim to be evaluate 'first'; rename the right one to"):
        run(world)
    two.rename(one)
    with pytest.raises(BadInput, match=rf"holds another cell than its name says, evaluate 'second'; .* {two.name}"):
        run(world)
    assert world.worked == []
    one.rename(two)
    one.with_name("mine").rename(one)
    # A copy under another name is nobody's business.
    run(world)
    assert world.worked == []
