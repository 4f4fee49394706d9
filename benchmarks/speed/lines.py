"""What was measured, a line each: as a table for people and as JSON for whoever compares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.speed.clock import Spread
from ftbench.machine import provenance


@dataclass(frozen=True)
class Line:
    """One figure."""

    subject: str
    what: str
    unit: str
    value: Spread
    against: str = ""
    """What the ratio is to."""
    ratio: Spread | None = None
    """How many times faster than ``against``, in the same run."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else belongs to it: operations, settings."""

    @property
    def name(self) -> str:
        """What it is compared by between runs."""
        return f"{self.subject}: {self.what}"


def table(lines: Iterable[Line]) -> str:
    """Lines as a table."""
    rows = [
        [
            one.subject,
            one.what,
            _told(one.value),
            one.unit,
            one.value.n,
            _told(one.ratio) if one.ratio else "",
            one.against,
            ", ".join(f"{key} {_short(value)}" for key, value in one.more.items()),
        ]
        for one in lines
    ]
    heads = ["subject", "what", "median (quartiles)", "unit", "n", "times as fast", "as", "more"]
    return tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True)


def written(lines: Iterable[Line], file: Path) -> None:
    """JSON: which code on which kind of machine, and the lines."""
    content = {
        "code": provenance.code(),
        "machine": provenance.machine(),
        "lines": [{"name": one.name, **asdict(one)} for one in lines],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _told(spread: Spread) -> str:
    if spread.n == 1:
        return _short(spread.median)
    return f"{_short(spread.median)} ({_short(spread.low)}–{_short(spread.high)})"


def _short(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
