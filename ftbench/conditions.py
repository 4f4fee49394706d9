"""The distortions of a benchmark: the grid that pairs are tested under, the pool that they are trained with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ftbench.choice import Choice, Chosen
from ftbench.config import Reference
from ftbench.yamlfile import KeyPath

PLAIN = "identity"
"""The distortion that does nothing."""
GRID: KeyPath = ("evaluate", "distortions")
POOL: KeyPath = ("train", "distortions")


def distortion_grid(choice: Choice, references: Sequence[Reference]) -> Iterator[Chosen]:
    """The distortions of the evaluation, every strength on its own."""
    if not any(reference.name == PLAIN for reference in references):
        # The main table and the control are read without any distortion.
        chosen = choice.part("distortion", Reference(name=PLAIN), GRID)
        yield from [chosen] if chosen else []
    for index, reference in enumerate(references):
        given = reference.parameters
        for key, value in given.items():
            if value == []:
                choice.note((*GRID, index, key), "the grid is empty; list its strengths")
        values = [value if isinstance(value, list) else [value] for value in given.values()]
        for combination in itertools.product(*values):
            single = {"name": reference.name, **dict(zip(given, combination, strict=True))}
            chosen = choice.part("distortion", Reference.model_validate(single), (*GRID, index))
            if chosen:
                yield chosen


def training_pool(choice: Choice, references: Sequence[Reference]) -> Iterator[tuple[Chosen, dict[str, Any]]]:
    """The distortions of the training, with ranges as (low, high)."""
    for index, reference in enumerate(references):
        path = (*POOL, index)
        given = reference.parameters
        ends: list[Chosen | None] = []
        for end in (0, 1):
            single = {key: value[end] if _is_range(value) else value for key, value in given.items()}
            one = Reference.model_validate({"name": reference.name, **single})
            ends.append(choice.part("distortion", one, path))
        low, high = ends
        if low is None or high is None:
            continue
        _check_between(choice, reference, path)
        ranged = {
            key: (getattr(low.parameters, key), getattr(high.parameters, key)) if _is_range(given.get(key)) else value
            for key, value in dict(low.parameters).items()
        }
        yield low, ranged


def _check_between(choice: Choice, reference: Reference, path: KeyPath) -> None:
    """Every whole number that a range may draw must be one that the part takes."""
    for key, value in reference.parameters.items():
        if not _is_range(value):
            continue
        low, high = value
        if low > high:
            choice.note((*path, key), f"the range [{low}, {high}] runs backwards; write the lower end first")
        elif isinstance(low, int) and isinstance(high, int):
            for drawn in range(low + 1, min(high, low + 1000)):
                problems = len(choice.problems)
                changed = {**reference.parameters, key: drawn}
                single = {name: item[0] if _is_range(item) else item for name, item in changed.items()}
                choice.part("distortion", Reference.model_validate({"name": reference.name, **single}), path)
                if len(choice.problems) > problems:
                    return


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2
