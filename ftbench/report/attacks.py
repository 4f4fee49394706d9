"""What was done to the images, by kind: simulators that pairs met in training, twins of them, others, distortions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ftbench.report.scores import Attack, Scores, plain
from ftbench.storage.results import FORGED, LEFT, MARKED, UNDISTORTED, UNMARKED, CellResult

AGAINST = "trained against"
"""The settings column that names the simulators of a training, apart by plus signs."""
NOTHING, MET, VARIANTS, TWINS, OTHERS, REMOVALS, FORGERIES, CONTROL = (
    "not attacked",
    "simulators met in training",
    "simulators met in training, or variants of them",
    "twins of these, not met",
    "other simulators",
    "marks taken off by who knows pictures before and after",
    "forgeries: the copied payload's bits on unmarked covers",
    "control",
)
SIMULATED = (MET, VARIANTS, TWINS, OTHERS)


@dataclass(frozen=True)
class Row:
    """One attack as a row of tables."""

    attack: Attack
    category: str
    kind: str
    title: str
    better: int = 1
    """1 where an owner wants much to be read, -1 where little, 0 where it says nothing."""

    @property
    def keys(self) -> dict[str, str]:
        """What it is told by in files for programs."""
        simulator, distortion = self.attack
        return {"kind": self.kind, "category": self.category, "distortion": distortion, "simulator": simulator}


def met_by(result: CellResult) -> set[str]:
    """The simulators of its training, as rows name them; of several trainings of one each with its seed."""
    named = (name.strip() for name in result.settings.get(AGAINST, "none").split(" + "))
    return {one for name in named for one in _each_training(name)} - {"none", ""}


def _each_training(name: str) -> Iterator[str]:
    """``swap``, ``swap seed=1`` and ``swap seed=2`` of ``swap trainings=3``."""
    several = re.fullmatch(r"(.*) trainings=(\d+)", name)
    if several is None:
        yield name
        return
    first = several[1]
    yield first
    seed = re.search(r" seed=(\d+)(?= |$)", first)
    # A size stands last.
    bare, at, size = (first.replace(seed[0], "", 1) if seed else first).partition(" at ")
    yield from (f"{bare} seed={(int(seed[1]) if seed else 0) + more}{at}{size}" for more in range(1, int(several[2])))


def attack_rows(results: Sequence[CellResult], scores: Iterable[Scores]) -> list[Row]:
    """Every simulator without and every distortion of marked images without the other, kinds together; the control."""
    rows = [row for row in _rows(results, scores) if plain(row.attack) or row.attack == (UNMARKED, UNDISTORTED)]
    order = list(
        dict.fromkeys([NOTHING, *SIMULATED, REMOVALS, FORGERIES, *(row.kind for row in rows if row.kind != CONTROL)])
    )
    return sorted(rows, key=lambda row: [*order, CONTROL].index(row.kind))


def combined_rows(results: Sequence[CellResult], scores: Iterable[Scores]) -> list[Row]:
    """Every distortion after every simulator."""
    rows = [row for row in _rows(results, scores) if not plain(row.attack) and row.attack[0] != UNMARKED]
    order = list(dict.fromkeys(row.kind for row in rows))
    return sorted(rows, key=lambda row: order.index(row.kind))


def _rows(results: Sequence[CellResult], scores: Iterable[Scores]) -> list[Row]:
    seen: dict[Attack, str] = {}
    for found in scores:
        for attack, category in zip(found.attacks, found.categories, strict=True):
            seen.setdefault(attack, category)
    met = set().union(*(met_by(result) for result in results))
    simulators = {simulator for simulator, _ in seen} - {MARKED, UNMARKED}
    exact = met & simulators
    # A training may name a simulator without the parameters that its label has here.
    called = {name: [label for label in simulators if label.partition(" ")[0] == name] for name in met - exact}
    exact |= {labels[0] for labels in called.values() if len(labels) == 1}
    unclear = {label for labels in called.values() if len(labels) > 1 for label in labels}
    families = {_family(name) for name in met}
    measured = {str(of) for result in results if not result.quality.empty for of in result.quality["of"].unique()}
    kinds = {
        label: REMOVALS
        if LEFT + label in measured
        else FORGERIES
        if FORGED + label in measured
        else MET
        if label in exact
        else VARIANTS
        if label in unclear
        else TWINS
        if _family(label) in families
        else OTHERS
        for label in simulators
    }
    return [_row(attack, category, kinds) for attack, category in seen.items()]


def _row(attack: Attack, category: str, kinds: Mapping[str, str]) -> Row:
    simulator, distortion = attack
    if simulator == UNMARKED:
        return Row(attack, category, CONTROL, "unmarked covers", 0)
    better = -1 if kinds.get(simulator) == FORGERIES else 1
    if distortion != UNDISTORTED:
        kind = f"distortions: {category}" if simulator == MARKED else f"after {simulator}, then"
        return Row(attack, category, kind, distortion, better)
    return (
        Row(attack, category, NOTHING, "marked")
        if simulator == MARKED
        else Row(attack, category, kinds[simulator], simulator, better)
    )


def _family(name: str) -> str:
    """``swap-any`` of ``swap-any-2 width=0.25``: a twin has the name of its likeness and a number."""
    return re.sub(r"-\d+$", "", name.partition(" ")[0])
