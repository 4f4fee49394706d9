"""Cells that are damaged or do not fit are refused in one sentence, and nothing is unpickled."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ftbench.errors import BadInput
from ftbench.marking.trained import load
from ftbench.parts.catalogue import Plugins
from ftbench.storage.store import CellFolder
from tests.marking.thin_pair import edit, finish_again


def cut_short(cell: CellFolder) -> None:
    file = cell.file("weights.safetensors")
    file.write_bytes(file.read_bytes()[:5000])


def emptied(cell: CellFolder) -> None:
    cell.file("weights.safetensors").write_bytes(b"")


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.path),)


def pickled(cell: CellFolder) -> None:
    cell.file("weights.safetensors").write_bytes(pickle.dumps(Bomb(str(cell.path / "ran"))))


def reweighted(change: Callable[[dict[str, Any]], None]) -> Callable[[CellFolder], None]:
    def damage(cell: CellFolder) -> None:
        weights = load_file(cell.file("weights.safetensors"))
        change(weights)
        save_file(weights, cell.file("weights.safetensors"))
        finish_again(cell)

    return damage


def flipped(name: str) -> Callable[[CellFolder], None]:
    """One bit of a file changed, which is still a file of its kind."""

    def damage(cell: CellFolder) -> None:
        content = bytearray(cell.file(name).read_bytes())
        content[-9] ^= 1
        cell.file(name).write_bytes(content)

    return damage


def renamed(cell: CellFolder) -> None:
    """A letter of the label changed."""
    content = cell.file("cell.json").read_bytes()
    cell.file("cell.json").write_bytes(content.replace(b"=0.1", b"=0.3"))


def without_digests(damage: Callable[[CellFolder], None]) -> Callable[[CellFolder], None]:
    """In a cell of a release that kept none."""

    def hurt(cell: CellFolder) -> None:
        summary = json.loads(cell.file("done.json").read_text(encoding="utf-8"))
        summary = {**summary, "files": sorted(summary["files"])}
        cell.file("done.json").write_text(json.dumps(summary), encoding="utf-8")
        damage(cell)

    return hurt


READ = "decoder.read.weight"


DAMAGE: dict[str, tuple[Callable[[CellFolder], None], str]] = {
    "a flipped weight": (flipped("weights.safetensors"), r"weights\.safetensors is damaged \(it is not as it was wr"),
    "another label": (renamed, r"cell\.json is damaged \(it is not as it was written"),
    "cut short": (cut_short, r"no finished training; weights\.safetensors is damaged"),
    "empty": (emptied, r"no finished training; weights\.safetensors is damaged"),
    "cut short, no digests": (without_digests(cut_short), r"weights\.safetensors is damaged \(it cannot be read"),
    "empty, no digests": (without_digests(emptied), r"weights\.safetensors is damaged \(it cannot be read"),
    "a pickle": (without_digests(pickled), r"weights\.safetensors is damaged \(it cannot be read"),
    "another shape": (
        reweighted(lambda weights: weights.update({READ: torch.zeros(8, 3)})),
        r"decoder\.read\.weight has shape \(8, 3\) and \(8, \d+\) is needed",
    ),
    "a weight gone": (reweighted(lambda weights: weights.pop(READ)), r"decoder\.read\.weight is missing"),
    "a weight too many": (
        reweighted(lambda weights: weights.update({"extra": torch.zeros(1)})),
        "extra is no weight of it",
    ),
    "not numbers": (
        reweighted(lambda weights: weights[READ].fill_(float("nan"))),
        r"decoder\.read\.weight holds values that are no numbers",
    ),
    "no weights": (lambda cell: cell.file("weights.safetensors").unlink(), "no finished training"),
    "unfinished": (lambda cell: cell.file("done.json").unlink(), "no finished training"),
    "no json": (lambda cell: cell.file("cell.json").write_text("{"), r"cell\.json cannot be read"),
    "a list": (lambda cell: cell.file("cell.json").write_text("[]"), r"cell\.json cannot be understood"),
    "bits that are none": (
        lambda cell: edit(cell, lambda held: held["settings"].update(bits=0)),
        r"cell\.json cannot be understood \(settings\.bits: ",
    ),
    "a simulator": (lambda cell: edit(cell, lambda held: held.update(kind="fit")), "cell of kind 'fit'"),
    "other bits": (
        lambda cell: edit(cell, lambda held: held["settings"].update(code_bits=9)),
        "does not fit its model",
    ),
    "a part that is not here": (
        lambda cell: edit(cell, lambda held: held["settings"]["decoder"].update(name="conv8")),
        "the model needs decoder 'conv8' of ftbench: .*nearest: conv7",
    ),
    "another distribution": (
        lambda cell: edit(cell, lambda held: held["settings"]["decoder"].update(distribution="elsewhere")),
        "the model needs decoder 'conv7' of elsewhere: .*not in distribution 'elsewhere'",
    ),
    "a part that is a file": (
        lambda cell: edit(
            cell, lambda held: held["settings"]["decoder"].update(name="exported", parameters={"model": "5f3a"})
        ),
        "decoder 'exported' is made from a file, its parameter model, .* neither embed nor extract",
    ),
    "a parameter that is gone": (
        lambda cell: edit(cell, lambda held: held["settings"]["decoder"]["parameters"].update(depth=3)),
        r"decoder 'conv7' was trained as of another ftbench, .* refuses its parameters \(depth: ",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_one_sentence_and_nothing_is_unpickled(case: str, cell: CellFolder, plugins: Plugins) -> None:
    damage, says = DAMAGE[case]
    damage(cell)
    with pytest.raises(BadInput, match=says) as raised:
        load(cell, plugins)
    assert "\n" not in str(raised.value)
    assert not (cell.path / "ran").exists()
