"""Which results are trainings of one setting that differ in their seed alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ftbench.storage.results import CellResult

SEED = "seed"


def alike(results: Sequence[CellResult]) -> list[list[int]]:
    """The places of results that differ in their seed alone, group by group.

    A setting is every settings column but the seed, and the lengths of payload and code.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, result in enumerate(results):
        groups.setdefault(_setting(result), []).append(index)
    return list(groups.values())


def _setting(result: CellResult) -> tuple[object, ...]:
    columns = sorted((name, value) for name, value in result.settings.items() if name != SEED)
    return (*columns, result.bits, result.code_bits)


def without_seed(label: str, seed: str | None) -> str:
    """A setting's label without the words that name its seed."""
    if seed is None:
        return label
    return re.sub(rf"\s*\bseed {re.escape(seed)}(?!\S)", "", label).strip() or label
