"""Claims held against what a results folder shows. Pure: evidence in, findings out.

An ordering holds where the whole interval of the paired difference lies above its margin, in every seed; it fails
where the whole interval lies below, and is undecided otherwise. A bound, and a difference of two measures, is
judged by the value: with several seeds, by their mean.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ftbench.compare.claims import (
    Bound,
    Claim,
    Claims,
    Difference,
    Limits,
    Measure,
    Ordering,
    Selection,
    Value,
    measure,
)
from ftbench.compare.evidence import SEED, Evidence, Setting
from ftbench.errors import BadInput, nearest
from ftbench.report.result import STALLED
from ftbench.report.seeds import without_seed
from ftbench.report.table import Column, Measured, format_measured, snake_case
from ftbench.statistics import Estimate

Verdict = Literal["holds", "fails", "undecided", "not judged"]
WORST: tuple[Verdict, ...] = ("fails", "undecided", "holds")
UNSAID = ("none", "own")
"""Values that a column which the results do not have, or leave empty, is taken to say."""
FOLLOWING = "code_bits"
"""Follows from codec and payload: two settings may differ in it and be alike in all else."""
SLACK = 1e-9


@dataclass(frozen=True)
class Finding:
    """What became of a claim."""

    claim: Claim
    verdict: Verdict
    why: str = ""
    numbers: tuple[str, ...] = ()
    """A line for each setting, or pair of settings, with its intervals over images."""
    meant: bool = True
    """False where the claim is for other scales or other data."""


class _Unjudged(Exception):
    def __init__(self, why: str, verdict: Verdict = "not judged") -> None:
        super().__init__(why)
        self.verdict = verdict


def judge(claims: Claims, evidence: Evidence) -> list[Finding]:
    """A finding for each claim, in the file's order. Raises BadInput when they are of another benchmark."""
    if claims.benchmark != evidence.benchmark:
        raise BadInput(
            f"the claims are about benchmark {claims.benchmark!r}, the results are of {evidence.benchmark!r}; "
            "name that benchmark's claims"
        )
    return [_judged(claims, claim, evidence) for claim in claims.claims]


def _judged(claims: Claims, claim: Claim, evidence: Evidence) -> Finding:
    for meant, here in ((claim.scales, evidence.scale), (claim.data, evidence.data)):
        if meant is not None and here not in meant:
            return Finding(claim, "not judged", f"meant for {', '.join(meant)}", meant=False)
    court = _Court(claims, claim, evidence)
    try:
        found = court.hear()
    except _Unjudged as unjudged:
        return Finding(claim, unjudged.verdict, str(unjudged))
    if found.verdict == "holds" and court.lost:
        lost = ", ".join(setting.label for setting in court.lost)
        return replace(found, verdict="undecided", why=f"failed, and has no numbers: {lost}")
    return found


class _Court:
    """One claim and the settings that it is about."""

    def __init__(self, claims: Claims, claim: Claim, evidence: Evidence) -> None:
        self.claims, self.claim, self.evidence = claims, claim, evidence
        self.lost: list[Setting] = []

    def hear(self) -> Finding:
        check = self.claim.check
        if isinstance(check, Ordering):
            return self._ordering(check)
        asked = measure(check.measure)
        if isinstance(check, Bound):
            return self._within(check, lambda setting: self.evidence.value(setting, asked), asked, check.measure)
        return self._difference(check)

    def _difference(self, check: Difference) -> Finding:
        first, second = measure(check.measure), measure(check.minus)
        told = f"{check.measure} and {check.minus}"
        return self._within(check, lambda setting: self.evidence.gap(setting, first, second), first, told, "points")

    def _within(
        self,
        check: Bound | Difference,
        value: Callable[[Setting], Estimate | None],
        asked: Measure,
        told: str,
        unit: str = "%",
    ) -> Finding:
        scale, digits, unit = self._unit(asked, unit)
        numbers, misses = [], []
        for members in _by_setting(self._select(self.claims.selection(self.claim, check.of))):
            estimates = [self._had(value(member), told, member) for member in members]
            mean = scale * sum(estimate.value for estimate in estimates) / len(estimates)
            label = _label(members)
            each = ", ".join(_shown(estimate, scale, digits) for estimate in estimates)
            several = f"mean {mean:.{digits}f}{unit} of {len(members)} seeds: " if len(members) > 1 else ""
            numbers.append(f"{label}: {several}{each}" + ("" if several else unit))
            misses += [f"{label}: {mean:.{digits}f}{unit} is not {limit}" for limit in _missed(check, mean)]
        return Finding(self.claim, "fails" if misses else "holds", "; ".join(misses), tuple(numbers))

    def _ordering(self, check: Ordering) -> Finding:
        asked = measure(check.measure)
        scale, digits, unit = self._unit(asked, "points")
        sides = [self._select(self.claims.selection(self.claim, pick)) for pick in (check.higher, check.lower)]
        # What ``when`` fixes to several values still has to be alike on both sides.
        named = {
            snake_case(name)
            for pick in (check.higher, check.lower)
            for name in (self.claims.settings[pick] if isinstance(pick, str) else pick)
        }
        # Which seed did it, where there is but one, nothing tells.
        alone = min(len({setting.columns.get(SEED) for setting in side}) for side in sides) < 2
        numbers, verdicts = [], set[Verdict]()
        for higher, lower in itertools.product(*sides):
            if higher.cell == lower.cell or _others(higher, named) != _others(lower, named):
                continue
            told = f"{check.measure} paired over the same images"
            difference = self._had(self.evidence.paired(higher, lower, asked), told, higher, lower)
            verdicts.add(_verdict(difference, check.by_at_least / scale))
            shown = _shown(difference, scale, digits, signed=True)
            of = " (of these two trainings: one seed)" if alone else ""
            numbers.append(f"{higher.shown} − {lower.shown}: {shown}{unit}{of}")
        if not verdicts:
            raise _Unjudged("no two settings are alike in the columns that the claim does not name")
        verdict = next(verdict for verdict in WORST if verdict in verdicts)
        above = f"above {check.by_at_least:g}{unit}" if check.by_at_least else "above 0"
        why = {"holds": "", "fails": f"an interval is not {above}", "undecided": f"an interval is not wholly {above}"}
        return Finding(self.claim, verdict, why[verdict], tuple(numbers))

    def _select(self, selection: Selection) -> list[Setting]:
        wanted = {
            snake_case(name): (name, value if isinstance(value, list) else [value]) for name, value in selection.items()
        }
        everyone = [*self.evidence.settings, *self.evidence.failed]
        known = dict.fromkeys(key for setting in everyone for key in setting.columns)
        for key, (name, values) in wanted.items():
            if key not in known and not any(value in UNSAID for value in values):
                near = ", ".join(nearest(key, known) or known)
                raise _Unjudged(f"the results have no column {name!r}; nearest: {near}")

        def fits(setting: Setting) -> bool:
            return all(any(_says(setting, key, v) for v in values) for key, (_, values) in wanted.items())

        failed = [setting for setting in self.evidence.failed if fits(setting)]
        self.lost += failed
        found = [setting for setting in self.evidence.settings if fits(setting)]
        if not found:
            asked = ", ".join(f"{name} {' or '.join(map(str, values))}" for name, values in wanted.values())
            if failed:
                raise _Unjudged(f"failed, and has no numbers: {', '.join(s.label for s in failed)}", "undecided")
            raise _Unjudged(f"no setting has {asked}" if asked else "there is no setting")
        return found

    def _had(self, estimate: Estimate | None, told: str, *settings: Setting) -> Estimate:
        if estimate is None:
            who = " and ".join(setting.label for setting in settings)
            metrics = ", ".join(metric.name for metric in self.evidence.metrics)
            rows = "" if self.evidence.results is not None else "; the rows are not kept"
            raise _Unjudged(f"{told} cannot be had of {who} (metrics: {metrics}{rows})")
        return estimate

    def _unit(self, asked: Measure, unit: str) -> tuple[float, int, str]:
        """What a number is multiplied by, its decimals, and the words after it."""
        if asked.is_rate:
            return 100.0, 2, f" {unit}"
        found = next((metric for metric in self.evidence.metrics if metric.name == asked.metric), None)
        return 1.0, found.digits if found else 3, f" {found.unit}" if found and found.unit else ""


def _says(setting: Setting, key: str, value: Value) -> bool:
    said = setting.columns.get(key, "")
    if not said:
        return value in UNSAID
    try:
        return math.isclose(float(said), float(value))
    except ValueError:
        return said == str(value)


def _others(setting: Setting, named: Iterable[str]) -> dict[str, str]:
    return {key: said for key, said in setting.columns.items() if key not in named and key != FOLLOWING}


def _by_setting(found: Sequence[Setting]) -> list[list[Setting]]:
    """Those that differ in their seed alone, together."""
    groups: dict[tuple[tuple[str, str], ...], list[Setting]] = {}
    for setting in found:
        columns = tuple(sorted((key, said) for key, said in setting.columns.items() if key != SEED))
        groups.setdefault(columns, []).append(setting)
    for members in groups.values():
        if len({member.columns.get(SEED) for member in members}) < len(members):
            raise _Unjudged(f"no column tells these apart: {', '.join(member.label for member in members)}")
    return list(groups.values())


def _label(members: Sequence[Setting]) -> str:
    """What the seeds of a setting are known by together, and how many of them never learned to read."""
    if len(members) == 1:
        return members[0].shown
    label = without_seed(members[0].label, members[0].columns.get(SEED))
    stalled = sum(member.status == STALLED for member in members)
    return f"{label} {stalled} of {len(members)} {STALLED.upper()}" if stalled else label


def _verdict(difference: Estimate, margin: float) -> Verdict:
    if difference.n < 2 or not (math.isfinite(difference.low) and math.isfinite(difference.high)):
        return "undecided"
    # An end that rounding alone puts beside the margin is on it.
    if difference.low > margin + SLACK:
        return "holds"
    return "fails" if difference.high < margin - SLACK else "undecided"


def _missed(limits: Limits, value: float) -> list[str]:
    missed = []
    if limits.at_least is not None and not value >= limits.at_least - SLACK:
        missed.append(f"at least {limits.at_least:g}")
    if limits.at_most is not None and not value <= limits.at_most + SLACK:
        missed.append(f"at most {limits.at_most:g}")
    return missed


def _shown(estimate: Estimate, scale: float, digits: int, signed: bool = False) -> str:
    column = Column("", "", digits, scale, signed)
    value, _, interval = format_measured(Measured(estimate), column, with_n=False).partition(" ")
    return f"{value} {interval}" if math.isfinite(estimate.low) and math.isfinite(estimate.high) else value
