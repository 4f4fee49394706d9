"""The distortions of a benchmark: the grid that pairs are tested under, the pool that they are trained with."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
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
        ranges = _ranges(reference.parameters, _lists(resolver, reference, POOL))
        ends = [resolver.part("distortion", _at_end(reference, ranges, end), path) for end in (0, 1)]
        low, high = ends
        if low is None or high is None:
            continue
        _check_between(resolver, reference, path, ranges)
        lowest, highest = dict(low.parameters), dict(high.parameters)
        yield low, _with(lowest, {place: (_at(lowest, place), _at(highest, place)) for place in ranges})


def _ranges(given: Mapping[str, Any], whole: set[str]) -> list[KeyPath]:
    """Where [low, high] stands: in a parameter, or in one of a chain's steps."""
    plain: list[KeyPath] = [(key,) for key, value in given.items() if key not in whole and _is_range(value)]
    return plain + [
        (key, number, name)
        for key in given
        if key in whole and isinstance(given[key], list)
        for number, step in enumerate(given[key])
        if isinstance(step, dict)
        for name, value in step.items()
        if _is_range(value)
    ]


def _at_end(reference: Reference, ranges: Sequence[KeyPath], end: int) -> Reference:
    given = reference.parameters
    single = _with(given, {place: _at(given, place)[end] for place in ranges})
    return Reference.model_validate({"name": reference.name, **single})


def _at(values: Any, place: KeyPath) -> Any:
    return reduce(lambda inner, key: inner[key], place, values)


def _with(values: Mapping[str, Any], changes: Mapping[KeyPath, Any]) -> dict[str, Any]:
    """A copy with other values at these places."""
    changed: dict[str, Any] = copy.deepcopy(dict(values))
    for place, value in changes.items():
        _at(changed, place[:-1])[place[-1]] = value
    return changed


def _check_between(resolver: Resolver, reference: Reference, path: KeyPath, ranges: Sequence[KeyPath]) -> None:
    """Every whole number that a range may draw must be one that the part takes."""
    for place in ranges:
        low, high = _at(reference.parameters, place)
        if low > high:
            resolver.note((*path, *place), f"the range [{low}, {high}] runs backwards; write the lower end first")
        elif isinstance(low, int) and isinstance(high, int):
            lowest = _at_end(reference, ranges, 0)
            for drawn in range(low + 1, min(high, low + 1000)):
                problems = len(resolver.problems)
                single = {"name": reference.name, **_with(lowest.parameters, {place: drawn})}
                resolver.part("distortion", Reference.model_validate(single), path)
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
