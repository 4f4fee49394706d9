"""Entries of many folders in one table: leagues, ranks, and who is not told apart from the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ftbench.protocol.entry import Entry, League
from ftbench.protocol.reading import Fault
from ftbench.protocol.rules import PROTOCOLS
from ftbench.protocol.score import Score, score
from ftbench.report.sample import compared
from ftbench.report.table import BEST, CSV_ONLY, LEVEL, Column, Measured, Table, make_table
from ftbench.statistics.estimates import Estimate, two_samples
from ftbench.statistics.significance import holm

ALPHA = 0.05
UNREAD = "not read"
RANKED, PROVISIONAL, OUTSIDE = "ranked", "provisional", "outside"
FOR_PROGRAMS = ("mark", "behind_best_p", "folder", "version", "data", "digest", "size", "bits", "state", "cells")
NOTES = (
    "Score: marks found at a false-positive rate of at most {rate:g}, in %: the mean over the kinds of attack of the "
    "means over each kind's attacks. Weakest: the kind after which fewest are found; its interval knows that it was "
    "chosen. Ranked together: one version of the protocol (v), one data set (name and digest), one size, one length of "
    "payload. The rules are in docs/protocol.md.",
    "Provisional: it lacks what its row names, and has no rank. Outside: not of the quality that the protocol asks "
    "for: a louder mark is not a better one.",
)
MARK_NOTE = (
    "Bold: the best score of those ranked together, or provisional together. ≈: not told from it at 5 % after Holm's "
    "correction for every two of them, {family} comparisons in all; over the same images where they are the same."
)
TABLES_NOTE = (
    "An interval of tables alone is the mean of its attacks' intervals, and at least as wide as one over images."
)


@dataclass(frozen=True)
class Placed:
    """An entry with what came of it."""

    entry: Entry
    score: Score
    rank: int | None
    mark: str = ""
    behind: Estimate | None = None
    """This minus the best of those that it is compared with."""
    p: float | None = None
    """Of that difference, corrected."""


def placed(entries: Sequence[Entry]) -> tuple[list[Placed], int]:
    """Entries league by league, ranked ones first, best first; and how many comparisons there were."""
    scored = [(entry, score(entry)) for entry in entries]
    leagues: dict[League, list[tuple[Entry, Score]]] = {}
    for entry, found in scored:
        leagues.setdefault(entry.league, []).append((entry, found))
    order: list[Placed] = []
    groups: list[list[int]] = []
    for league in sorted(leagues, key=lambda one: (-one.version, one.data, one.digest, one.size, one.bits)):
        for members in _by_state(leagues[league]):
            members.sort(key=lambda pair: (-_value(pair[1]), pair[0].made.folder, pair[0].method))
            start = len(order)
            for number, (entry, found) in enumerate(members, start=1):
                order.append(Placed(entry, found, number if entry.ranked else None))
            if not members[0][0].outside:
                groups.append([at for at in range(start, len(order)) if order[at].score.whole.estimate is not None])
    best, behind, corrected, family = _behind_best(order, groups)
    marks = {at: LEVEL for at in behind if corrected.get(at, 1.0) > ALPHA} | dict.fromkeys(best, BEST)
    return [
        replace(one, mark=marks.get(at, ""), behind=behind.get(at), p=corrected.get(at)) for at, one in enumerate(order)
    ], family


def board(entries: Sequence[Entry], faults: Sequence[Fault]) -> Table:
    """The table: a row an entry, and one for whatever could not be read."""
    order, family = placed(entries)
    kinds = list(dict.fromkeys(kind for one in order for kind in PROTOCOLS[one.entry.league.version].kinds))
    overall, after, why = "score and quality", "found after each kind of attack, %", "what it lacks"
    columns = [
        Column("league", "ranked together"),
        Column("method", "method"),
        Column("rank", "rank"),
        Column("score", "score", 1, 100.0, part=overall, spread=True),
        Column("weakest", "weakest", 1, 100.0, part=overall),
        Column("psnr", "PSNR dB", 2, part=overall),
        Column("flip", "FLIP", 3, part=overall),
        Column("run_on", "seeds/images/people", part=overall),
        *(Column(f"kind_{number}", kind, 1, 100.0, part=after) for number, kind in enumerate(kinds, start=1)),
        Column("why", "lacks", part=why),
        Column("behind_best", "this minus the best", 1, 100.0, signed=True, part=CSV_ONLY),
        *(Column(key, key, part=CSV_ONLY) for key in FOR_PROGRAMS),
    ]
    folders = list(dict.fromkeys([*(one.entry.made.folder for one in order), *(fault.folder for fault in faults)]))
    number = {folder: f" [{place}]" for place, folder in enumerate(folders, start=1)} if len(folders) > 1 else {}
    rows: list[dict[str, str | Measured]] = [_row(one, kinds, number.get(one.entry.made.folder, "")) for one in order]
    rows += [
        {
            "league": UNREAD,
            "method": (fault.method or fault.folder) + number.get(fault.folder, ""),
            "rank": "—",
            "state": UNREAD,
            "folder": fault.folder,
            "why": fault.why,
        }
        for fault in faults
    ]
    notes = [NOTES[0].format(rate=max((PROTOCOLS[one.entry.league.version].rate for one in order), default=0.01))]
    notes.append(NOTES[1])
    if number:
        notes.append("From: " + "; ".join(f"{mark.strip()} {folder}" for folder, mark in number.items()) + ".")
    if family:
        notes.append(MARK_NOTE.format(family=family))
    if any(one.score.whole.estimate is not None and one.score.sample is None for one in order):
        notes.append(TABLES_NOTE)
    versions = sorted({one.entry.league.version for one in order})
    if len(versions) > 1:
        listed = ", ".join(map(str, versions))
        notes.append(
            f"Results of versions {listed} of the protocol: each is ranked by its own rules, and among its own."
        )
    nothing = "No results folder could be read."
    return make_table("leaderboard", "Leaderboard", columns, rows, notes, nothing=nothing, group="league")


def _row(one: Placed, kinds: Sequence[str], number: str) -> dict[str, str | Measured]:
    entry, found = one.entry, one.score
    league, people = entry.league, "—" if entry.people is None else entry.people
    state = RANKED if one.rank else OUTSIDE if entry.outside else PROVISIONAL
    return {
        "league": league.title,
        "method": entry.method + number,
        "rank": str(one.rank or state),
        "score": replace(found.whole, mark=one.mark),
        "weakest": found.weakest,
        "psnr": entry.quality.get("psnr", Measured()),
        "flip": entry.quality.get("flip", Measured()),
        "run_on": f"{entry.seeds}/{entry.images}/{people}",
        "mark": one.mark,
        "behind_best": Measured(one.behind),
        "behind_best_p": "" if one.p is None else repr(one.p),
        "folder": entry.made.folder,
        "version": str(league.version),
        "data": league.data,
        "digest": league.digest,
        "size": str(league.size),
        "bits": str(league.bits),
        "state": state,
        "cells": " ".join(entry.cells),
        **{f"kind_{number}": found.kinds.get(kind, Measured()) for number, kind in enumerate(kinds, start=1)},
        "why": "; ".join(filter(None, [entry.outside, *entry.lacks])) or "nothing",
    }


def _by_state(members: list[tuple[Entry, Score]]) -> list[list[tuple[Entry, Score]]]:
    """Ranked, provisional, outside."""
    states: Mapping[int, list[tuple[Entry, Score]]] = {0: [], 1: [], 2: []}
    for pair in members:
        states[2 if pair[0].outside else 0 if pair[0].ranked else 1].append(pair)
    return [found for found in states.values() if found]


def _value(found: Score) -> float:
    return -1.0 if found.whole.estimate is None else found.whole.estimate.value


def _behind_best(
    order: Sequence[Placed], groups: Sequence[Sequence[int]]
) -> tuple[list[int], dict[int, Estimate], dict[int, float], int]:
    """The best of each group; of the others the difference to it, its p-value after correction; and the family's size.

    Every two of a group are of the family: the best is known only after all were seen.
    """
    first_of: list[int] = []
    differences: dict[int, Estimate] = {}
    paired = {}
    family = 0
    for group in groups:
        if len(group) < 2:
            continue
        best, *others = group
        family += len(group) * (len(group) - 1) // 2
        first_of.append(best)
        for at in others:
            first, other = order[best].score, order[at].score
            if first.sample is not None and other.sample is not None and first.sample.images == other.sample.images:
                paired[at] = other.sample, first.sample
            elif first.whole.estimate is not None and other.whole.estimate is not None:
                differences[at] = two_samples(first.whole.estimate, other.whole.estimate)
    differences |= compared(paired)
    p_values = {at: found.p for at, found in differences.items() if found.p is not None}
    corrected = dict(zip(p_values, holm(list(p_values.values()), family), strict=True))
    return first_of, differences, corrected, family
