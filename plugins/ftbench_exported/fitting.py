"""Whether a file is what its recipe says: what differs is one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftbench_exported.description import Description
from ftbench_exported.donors import check_matrix, converter, recogniser
from ftbench_exported.files import Unusable
from ftbench_exported.recipes import LENGTH, RECIPES, Picture, Recipe, Vector

Shape = tuple[int | None, ...]


def laid_over(network: Description, p: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with what the recipe says, which fit the file; raises Unusable with what differs."""
    if not p["recipe"]:
        return dict(p)
    recipe = RECIPES[p["recipe"]]
    # What a file may be without, such as CodeFormer's weight, is given to those that have it.
    usual = {one: value for one, value in recipe.constants.items() if one in {port.name for port in network.inputs}}
    whole = {**p, **recipe.parameters(), "constants": {**usual, **p["constants"]}}
    whole["input"] = p["input"] or recipe.input
    whole["output"] = p["output"] or network.outputs[0].name
    if recipe.source:
        whole["source_input"] = p["source_input"] or recipe.source.input
    _check_ports(network, p["recipe"], recipe, whole)
    return whole


def check_source_files(recipe: Recipe, p: Mapping[str, Any]) -> None:
    """Raise Unusable unless the files that make the donor's vector fit."""
    source, name = recipe.source, p["recipe"]
    if isinstance(source, Vector):
        if not p["recogniser"]:
            raise Unusable(
                f"recipe {name} puts in a face by its vector; name the recogniser that makes it, such as "
                "recogniser: w600k_r50.onnx"
            )
        recogniser(Path(p["recogniser"]))
        if source.matrix:
            check_matrix(Path(p["model"]))
    elif p["recogniser"]:
        raise Unusable(f"recipe {name} takes no vector; leave recogniser out")
    if p["converter"]:
        if not (isinstance(source, Vector) and source.converted):
            raise Unusable(f"recipe {name} takes the recogniser's vector as it is; leave converter out")
        converter(Path(p["converter"]))


def _check_ports(network: Description, name: str, recipe: Recipe, p: Mapping[str, Any]) -> None:
    wanted: dict[str, Shape] = {p["input"]: (None, 3, recipe.side, recipe.side)}
    if isinstance(recipe.source, Picture):
        wanted[p["source_input"]] = (None, 3, recipe.source.side, recipe.source.side)
    elif recipe.source:
        wanted[p["source_input"]] = (None, LENGTH)
    there = {port.name: port for port in network.inputs}
    fits = all(one in there and _alike(there[one].dims, shape) for one, shape in wanted.items())
    if not fits or set(there) - set(wanted) - set(p["constants"]):
        expected = ", ".join([*(f"{one!r} ({_written(shape)})" for one, shape in wanted.items()), *p["constants"]])
        found = ", ".join(map(str, network.inputs)) or "none"
        raise Unusable(
            f"{network.file!r} does not fit recipe {name}: the recipe's inputs are {expected}, and the file's are "
            f"{found}; name another recipe, or the file's own names under input and source_input"
        )


def _alike(dims: Shape, wanted: Shape) -> bool:
    pairs = zip(dims, wanted, strict=False)
    return len(dims) == len(wanted) and all(None in (mine, other) or mine == other for mine, other in pairs)


def _written(shape: Shape) -> str:
    return ", ".join("b" if one is None else str(one) for one in shape)
