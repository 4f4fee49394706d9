"""Is one training better than another? Paired over the images that both were evaluated on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ftbench.report.measures import image_quality, qualities, reached, simulators
from ftbench.report.result import display_labels
from ftbench.report.sample import Sample, compared
from ftbench.report.scores import Scores, scores_of
from ftbench.report.seeds import SEED, alike
from ftbench.report.table import CSV_ONLY, NO_CELL, Column, Measured, Table, make_table, unique_names
from ftbench.statistics.estimates import Estimate, paired_difference
from ftbench.statistics.significance import FEWEST, holm
from ftbench.storage.results import MARKED, PSNR_SSIM, UNDISTORTED, CellResult, MetricInfo

ALPHA = 0.05
VERDICT_NOTE = (
    "Intervals are of one comparison by itself. “Higher” and “lower” stand where sign flips over images tell the "
    "difference from 0 at 5 %, after Holm's correction for this table's comparisons, {compared} in all; “higher?” and "
    "“lower?” where it is told from 0 by itself alone, as a few are by chance; “tie” where not even so."
)
FEWEST_NOTE = f"Undecided: of fewer than {FEWEST} images no outcome can tell a difference from chance."
PAIRS_NOTE = (
    "Each row compares these two trainings, first minus second, paired by image over the same draws. What other seeds "
    "would give it cannot tell: a verdict about two methods needs several seeds of both."
)
SEEDS_NOTE = (
    "Trainings that differ in their seed alone are no two methods and are not compared; the other tables have their "
    "range."
)
TITLE = "Trainings compared in pairs"
MOST_PAIRS = 300
"""More of them nobody reads, and they take longer than all other tables."""
TOO_MANY = (
    "{cells} cells make too many pairs to be compared one by one; other tables compare every method with the best."
)
JOIN = ["image", "draw"]
Row = dict[str, "str | Measured"]


def verdict(difference: Estimate | None, corrected: float | None = None) -> str:
    """``"higher"``, ``"lower"``, or ``"tie"`` where the interval includes 0; a dash where there is none.

    ``corrected`` is the p-value after correction for a family of comparisons: where it is above 5 %, the word has a
    question mark. So few images that no outcome could tell them apart (``FEWEST``) give ``"undecided"``, as does an
    interval that is not finite.
    """
    if difference is None:
        return "—"
    tested = difference.p is not None
    if difference.n < (FEWEST if tested else 2) or not (
        math.isfinite(difference.low) and math.isfinite(difference.high)
    ):
        return "undecided"
    if difference.low <= 0.0 <= difference.high:
        return "tie"
    unsure = "?" if corrected is not None and corrected > ALPHA else ""
    return ("higher" if difference.low > 0.0 else "lower") + unsure


def pairs_table(
    results: Sequence[CellResult],
    metrics: Sequence[MetricInfo] = PSNR_SSIM,
    scores: Sequence[Scores] = (),
) -> Table:
    """One row a pair of trainings: paired differences (first − second) of quality and of raw bit accuracy.

    Pairs whose marked images are not the same images and draws are left out and named in a note; those that differ
    in their seed alone are left out. CSV names: ``<metric>_difference``, ``marked_raw_bit_accuracy_difference`` and
    ``<simulator>_raw_bit_accuracy_difference``, each with ``_value``, ``_low``, ``_high`` and ``_n``, and the
    same stems with ``_p``, before correction, and ``_verdict``, after it. Differences of accuracy lie in −1..1, in
    print in percentage points.
    """
    scores = scores or [scores_of(result) for result in results]
    attacks = attack_names(results)
    columns = [
        Column("first_cell", "first cell", part=CSV_ONLY),
        Column("second_cell", "second cell", part=CSV_ONLY),
        Column("first", "first training"),
        Column("second", "second training"),
        *compared_columns(attacks, metrics),
    ]
    if len(results) * (len(results) - 1) // 2 > MOST_PAIRS:
        return make_table("pairs", TITLE, columns, [], nothing=TOO_MANY.format(cells=f"{len(results):,}"))
    labels = [reached_label(label, result) for label, result in zip(display_labels(results), results, strict=True)]
    taken = [measures(result, one, attacks, metrics) for result, one in zip(results, scores, strict=True)]
    rows: list[Row] = []
    pairs: list[tuple[int, int]] = []
    apart, only_seed = [], set(_only_seed(results))
    for i, j in itertools.combinations(range(len(results)), 2):
        if (i, j) in only_seed:
            continue
        if not same_readings(taken[i], taken[j]):
            apart.append(f"{labels[i]} and {labels[j]} were not read on the same images and draws: not compared.")
            continue
        cells = {"first_cell": results[i].cell, "second_cell": results[j].cell}
        rows.append({**cells, "first": labels[i], "second": labels[j]})
        pairs.append((i, j))
    differences = compared_by_measure([(taken[i], taken[j]) for i, j in pairs])
    family = judged(rows, differences)
    notes = [PAIRS_NOTE, VERDICT_NOTE.format(compared=family)] if rows else []
    notes += [FEWEST_NOTE] if any("undecided" in row.values() for row in rows) else []
    notes += [SEEDS_NOTE] if only_seed else []
    nothing = "No two settings could be compared." if results else NO_CELL
    return make_table("pairs", TITLE, columns, rows, [*notes, *apart], nothing=nothing)


Measures = Mapping[str, Sample]


def measures(
    result: CellResult, scores: Scores, attacks: Mapping[str, str], metrics: Sequence[MetricInfo]
) -> dict[str, Sample]:
    """What is compared of one training, by stem: every metric, and the bits read after every attack."""
    found = {metric.name: scores.quality.sample(metric.name) for metric in metrics}
    for simulator, key in attacks.items():
        found[f"{key}_raw_bit_accuracy"] = scores.bits_read([(simulator, UNDISTORTED)])
    return {key: sample for key, sample in found.items() if sample is not None}


def same_readings(first: Measures, second: Measures) -> bool:
    """Whether marked images were read on the same images and draws."""
    a, b = (side.get("marked_raw_bit_accuracy") for side in (first, second))
    return a is not None and b is not None and a.images == b.images


def compared_by_measure(pairs: Sequence[tuple[Measures, Measures]]) -> list[dict[str, Estimate | None]]:
    """First minus second, of every measure that either has; None where it was not taken on the same images."""
    asked = {
        (number, key): (first[key], second[key])
        for number, (first, second) in enumerate(pairs)
        for key in first
        if key in second
    }
    found = compared(asked)
    return [
        {key: found.get((number, key)) for key in dict.fromkeys([*first, *second])}
        for number, (first, second) in enumerate(pairs)
    ]


def attack_names(results: Sequence[CellResult]) -> dict[str, str]:
    """Simulator → stem of its CSV names, marked images first."""
    return {MARKED: "marked"} | unique_names(simulators(results), taken=("marked", "unmarked"))


def compared_columns(attacks: Mapping[str, str], metrics: Sequence[MetricInfo]) -> list[Column]:
    """Difference, p-value and verdict of every metric and of the bits read after every attack."""
    columns: list[Column] = []
    for metric in metrics:
        unit = f" {metric.unit}" if metric.unit else ""
        columns += _compared(metric.name, metric.name.upper() + unit, metric.digits, 1.0, "Image quality, difference")
    for simulator, key in attacks.items():
        where = "marked" if simulator == MARKED else simulator
        columns += _compared(f"{key}_raw_bit_accuracy", where, 2, 100.0, "Bits read, difference in points")
    return columns


def judged(rows: Sequence[Row], differences: Sequence[Mapping[str, Estimate | None]]) -> int:
    """Put differences, p-values and verdicts into their rows; return how many comparisons the family has."""
    tested = [
        (number, key, difference.p)
        for number, found in enumerate(differences)
        for key, difference in found.items()
        if difference is not None and difference.p is not None and difference.n >= FEWEST
    ]
    corrected = holm([p for _, _, p in tested])
    after = {(number, key): p for (number, key, _), p in zip(tested, corrected, strict=True)}
    for number, (row, found) in enumerate(zip(rows, differences, strict=True)):
        for key, difference in found.items():
            said = verdict(difference, after.get((number, key)))
            row[f"{key}_difference"] = Measured(difference, said="" if difference is None else said)
            row[f"{key}_p"] = "" if difference is None or difference.p is None else repr(difference.p)
            row[f"{key}_verdict"] = said
    return len(tested)


def reached_label(label: str, result: CellResult) -> str:
    """The label, with the dB or FLIP that was reached where it is not what was asked for."""
    off = reached(result)
    return f"{label} (reached {off[0].measured(off[1])})" if off else label


def _only_seed(results: Sequence[CellResult]) -> Iterator[tuple[int, int]]:
    for members in alike(results):
        for i, j in itertools.combinations(members, 2):
            if results[i].settings.get(SEED) != results[j].settings.get(SEED):
                yield i, j


def _compared(key: str, title: str, digits: int, scale: float, part: str) -> tuple[Column, Column, Column]:
    return (
        Column(f"{key}_difference", title, digits, scale, signed=True, part=part),
        Column(f"{key}_p", "p", part=CSV_ONLY),
        Column(f"{key}_verdict", "first is", part=CSV_ONLY),
    )


def same_pictures(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether both frames have the same images and draws, and any."""
    if first.empty or second.empty:
        return False
    return set(zip(first["image"], first["draw"], strict=True)) == set(
        zip(second["image"], second["draw"], strict=True)
    )


def quality_difference(first: CellResult, second: CellResult, metric: str) -> Estimate | None:
    """Quality of the marked images, first − second, paired by image; None where it was not taken on the same."""
    a, b = qualities(first, "marked"), qualities(second, "marked")
    if not same_pictures(a, b) or metric not in a.columns or metric not in b.columns:
        return None
    # A draw counts only where the metric is finite on both sides, so that both means are of the same draws.
    both = a[[*JOIN, metric]].merge(b[[*JOIN, metric]], on=JOIN, suffixes=("_a", "_b"), validate="one_to_one")
    finite = both[np.isfinite(both[[f"{metric}_a", f"{metric}_b"]].to_numpy(dtype=float)).all(axis=1)]
    return _paired(
        image_quality(finite.rename(columns={f"{metric}_a": metric}), metric),
        image_quality(finite.rename(columns={f"{metric}_b": metric}), metric),
        0.0,
    )


def _paired(a: pd.Series[float], b: pd.Series[float], reach: float) -> Estimate | None:
    """Both indexed by image key."""
    if a.empty:
        return None
    return paired_difference(a.to_numpy(), b.reindex(a.index).to_numpy(), reach=reach)
