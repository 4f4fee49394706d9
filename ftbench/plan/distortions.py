"""The distortions of a benchmark: the grid that pairs are tested under, the pool that they are trained with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, get_origin

from ftbench.benchfile.document import KeyPath
from ftbench.benchfile.reference import Reference
from ftbench.errors import BadInput
from ftbench.parts.catalogue import BUILT_IN
from ftbench.plan.part import ResolvedPart
from ftbench.plan.resolve import Resolver

PLAIN = "identity"
"""The distortion that does nothing."""
OUR_PLAIN = f"{PLAIN}@{BUILT_IN}"
"""What the harness itself names, whoever else provides one."""
GRID: KeyPath = ("evaluate", "distortions")
POOL: KeyPath = ("train", "distortions")


def distortion_grid(resolver: Resolver, references: Sequence[Reference]) -> Iterator[ResolvedPart]:
    """The distortions of the evaluation, every strength on its own."""
    if not any(reference.bare == PLAIN for reference in references):
        # The main table and the control are read without any distortion.
        chosen = resolver.part("distortion", Reference(name=OUR_PLAIN), GRID)
        yield from [chosen] if chosen else []
    for index, reference in enumerate(references):
        given, whole = reference.parameters, _lists(resolver, reference, GRID)
        for key, value in given.items():
            if value == [] and key not in whole:
                resolver.note((*GRID, index, key), "the grid is empty; list its strengths")
        values = [value if _is_grid(value, key in whole) else [value] for key, value in given.items()]
        for combination in itertools.product(*values):
            single = {"name": reference.name, **dict(zip(given, combination, strict=True))}
            chosen = resolver.part("distortion", Reference.model_validate(single), (*GRID, index))
            if chosen:
                yield chosen


def training_pool(resolver: Resolver, references: Sequence[Reference]) -> Iterator[tuple[ResolvedPart, dict[str, Any]]]:
    """The distortions of the training, with ranges as (low, high)."""
    for index, reference in enumerate(references):
        path = (*POOL, index)
        given, whole = reference.parameters, _lists(resolver, reference, POOL)
        ranges = [key for key, value in given.items() if key not in whole and _is_range(value)]
        ends: list[ResolvedPart | None] = []
        for end in (0, 1):
            single = {key: value[end] if key in ranges else value for key, value in given.items()}
            one = Reference.model_validate({"name": reference.name, **single})
            ends.append(resolver.part("distortion", one, path))
        low, high = ends
        if low is None or high is None:
            continue
        _check_between(resolver, reference, path, ranges)
        ranged = {
            key: (getattr(low.parameters, key), getattr(high.parameters, key)) if key in ranges else value
            for key, value in dict(low.parameters).items()
        }
        yield low, ranged


def _check_between(resolver: Resolver, reference: Reference, path: KeyPath, ranges: Sequence[str]) -> None:
    """Every whole number that a range may draw must be one that the part takes."""
    for key in ranges:
        low, high = reference.parameters[key]
        if low > high:
            resolver.note((*path, key), f"the range [{low}, {high}] runs backwards; write the lower end first")
        elif isinstance(low, int) and isinstance(high, int):
            for drawn in range(low + 1, min(high, low + 1000)):
                problems = len(resolver.problems)
                changed = {**reference.parameters, key: drawn}
                single = {name: item[0] if name in ranges and name != key else item for name, item in changed.items()}
                resolver.part("distortion", Reference.model_validate({"name": reference.name, **single}), path)
                if len(resolver.problems) > problems:
                    return


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _is_grid(value: Any, whole: bool) -> bool:
    """A list is a grid of strengths; where one value is a list itself, a list of lists is."""
    return isinstance(value, list) and (not whole or (value != [] and all(isinstance(item, list) for item in value)))


def _lists(resolver: Resolver, reference: Reference, path: KeyPath) -> set[str]:
    """The parameters of which one value is a list, such as a chain's steps."""
    try:
        fields = resolver.find("distortion", reference.name, path).record.parameters.model_fields
    except BadInput:
        # Told of where the part is chosen.
        return set()
    return {name for name, info in fields.items() if get_origin(info.annotation) is list}
