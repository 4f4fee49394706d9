"""Kept tables, to be quoted: one row found by what stands in it, and its numbers as pages write them."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
Row = dict[str, str]


@cache
def table(folder: str, name: str) -> tuple[Row, ...]:
    """Every row of ``results/<folder>/<name>.csv``."""
    with (ROOT / "results" / folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def row(folder: str, name: str, **where: str) -> Row:
    """The one row that has these entries."""
    found = [one for one in table(folder, f"tables/{name}") if all(one[key] == text for key, text in where.items())]
    assert len(found) == 1, f"{folder}/{name}: {len(found)} rows with {where}"
    return found[0]


def number(taken: Row, stem: str, digits: int, scale: float = 100.0, end: str = "value") -> str:
    """``99.97``, or ``−0.5``."""
    text = f"{scale * float(taken[f'{stem}_{end}']):.{digits}f}"
    return text.replace("-", "−")


def interval(
    taken: Row, stem: str, digits: int, scale: float = 100.0, ends: tuple[str, str] = ("low", "high"),
    within: int | None = None,
) -> str:  # fmt: skip
    """``99.97 [99.95, 99.99]``; ``within`` is the digits of the brackets, where there are others."""
    low, high = (number(taken, stem, digits if within is None else within, scale, end) for end in ends)
    return f"{number(taken, stem, digits, scale)} [{low}, {high}]"


def over_seeds(taken: Row, stem: str, digits: int, scale: float = 100.0) -> str:
    """The mean, and the lowest and the highest seed."""
    return interval(taken, stem, digits, scale, ("lowest", "highest"))


def wrong(taken: Row, stem: str) -> str:
    """Bits read wrongly, in %, with their interval."""
    value, low, high = (100 * (1 - float(taken[f"{stem}_{end}"])) for end in ("value", "high", "low"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
