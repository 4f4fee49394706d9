"""Whether a ratio of today has lost a fifth of the kept one: short enough for every change, exit code 1 where it has.

Ratios and not seconds: both sides are measured in one run, so that machines differ less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.speed import grid, parts, quality, step
from benchmarks.speed.lines import Line, table, written
from ftbench.errors import BadInput

KEPT = Path(__file__).parent / "ratios.json"
LOST = 0.2
"""Share of a kept ratio whose loss fails."""
ONE = (1,)
Checks = Mapping[str, Callable[[], Iterator[Line]]]
CHECKS: Checks = {
    "step-small": lambda: step.subject("step-small", "small")(ONE, 40, 5),
    "step-field": lambda: step.subject("step-field", "field")(ONE, 30, 5),
    "quality": lambda: quality.quality(ONE, 5, 1, quick=True),
    "grid": lambda: grid.grid(ONE, 3, 1, quick=True),
    "marking": lambda: parts.marking(ONE, 7, 1, scales=("small", "field")),
}


def main(store: bool, record: Path | None = None, kept: Path = KEPT, checks: Checks = CHECKS) -> int:
    """Measure, and compare with ``kept`` or, to ``store``, replace it; 1 where a ratio was lost.

    What seems lost is measured once more: one disturbed measurement fails nobody.
    """
    lines = [line for measure in checks.values() for line in measure()]
    print(table(lines))
    if record:
        written(lines, record)
    if store:
        kept.write_text(json.dumps(_ratios(lines), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"kept in {kept.name}: {len(lines)} ratios")
        return 0
    held = _read(kept)
    if losses(lines, held):
        again = {line.subject for line in lines if losses([line], held)}
        lines = [line for name in again for line in checks[name]()]
        print("once more:", table(lines), sep="\n")
    lost = losses(lines, held)
    print("\n".join(lost) or "no ratio has lost a fifth")
    return 1 if lost else 0


def losses(lines: Iterable[Line], kept: Mapping[str, float]) -> list[str]:
    """A sentence for each ratio that is a fifth or more below the kept one; one that is not kept is told of too."""
    found = []
    for name, ratio in _ratios(lines).items():
        if name not in kept:
            found.append(f"{name}: there is no kept ratio; keep one: python -m benchmarks.speed check --store")
        elif ratio <= (1 - LOST) * kept[name]:
            found.append(
                f"{name}: {ratio:.3g} times as fast as what stands beside it, where {kept[name]:.3g} is kept: "
                f"{100 * (1 - ratio / kept[name]):.0f} % lost; find what became slower, or say why and keep the new one"
            )
    return found


def _ratios(lines: Iterable[Line]) -> dict[str, float]:
    return {line.name: round(line.ratio.median, 3) for line in lines if line.ratio}


def _read(kept: Path) -> dict[str, float]:
    try:
        held = json.loads(kept.read_text(encoding="utf-8"))
        return {str(name): float(ratio) for name, ratio in held.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{kept} holds no ratios ({error}); make it: python -m benchmarks.speed check --store"
        ) from error
