"""Is one training better than another? Paired over the images that both were evaluated on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ftbench.report.measures import CHANCE, image_accuracy, image_quality, qualities, reached, readings, simulators
from ftbench.report.result import display_labels
from ftbench.report.seeds import SEED, alike
from ftbench.report.table import CSV_ONLY, NO_CELL, Column, Measured, Table, make_table, unique_names
from ftbench.statistics.estimates import Estimate, paired_difference
from ftbench.statistics.significance import FEWEST, holm
from ftbench.storage.results import MARKED, PSNR_SSIM, CellResult, MetricInfo

ALPHA = 0.05
VERDICT_NOTE = (
    "Brackets are of one comparison by itself. “Higher” and “lower” stand where sign flips over images tell the "
    "difference from 0 at 5 %, after Holm's correction for this table's comparisons, {compared} in all; “higher?” and "
    "“lower?” where it is told from 0 by itself alone, as a few are by chance; “tie” where not even so."
)
FEWEST_NOTE = f"Undecided: of fewer than {FEWEST} images no outcome can tell a difference from chance."
PAIRS_NOTE = (
    "Each row compares these two trainings, first minus second, paired by image over the same draws. What other seeds "
    "would give it cannot tell: a verdict about two methods needs several seeds of both."
)
SEEDS_NOTE = (
    "Trainings that differ in their seed alone are no two methods and are not compared; the table “seeds” has their "
    "spread."
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


def pairs_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table:
    """One row a pair of trainings: paired differences (first − second) of quality and of raw bit accuracy.

    Pairs whose marked images are not the same images and draws are left out and named in a note; those that differ
    in their seed alone are left out. CSV names: ``<metric>_difference``, ``marked_raw_bit_accuracy_difference`` and
    ``<simulator>_raw_bit_accuracy_difference``, each with ``_value``, ``_low``, ``_high`` and ``_n``, and the
    same stems with ``_p``, before correction, and ``_verdict``, after it. Differences of accuracy lie in −1..1, in
    print in percentage points.
    """
    attacks = attack_names(results)
    columns = [
        Column("first_cell", "first cell", part=CSV_ONLY),
        Column("second_cell", "second cell", part=CSV_ONLY),
        Column("first", "first training"),
        Column("second", "second training"),
        *compared_columns(attacks, metrics),
    ]
    labels = [reached_label(label, result) for label, result in zip(display_labels(results), results, strict=True)]
    rows: list[Row] = []
    differences: list[dict[str, Estimate | None]] = []
    apart, only_seed = [], set(_only_seed(results))
    for i, j in itertools.combinations(range(len(results)), 2):
        first, second = results[i], results[j]
        if (i, j) in only_seed:
            continue
        if not same_pictures(readings(first, MARKED), readings(second, MARKED)):
            apart.append(f"{labels[i]} and {labels[j]} were not read on the same images and draws: not compared.")
            continue
        rows.append(
            {"first_cell": first.cell, "second_cell": second.cell, "first": labels[i], "second": labels[j]},
        )
        found = {metric.name: quality_difference(first, second, metric.name) for metric in metrics}
        for simulator, key in attacks.items():
            found[f"{key}_raw_bit_accuracy"] = _accuracy_difference(first, second, simulator)
        differences.append(found)
    compared = judged(rows, differences)
    notes = [PAIRS_NOTE, VERDICT_NOTE.format(compared=compared)] if rows else []
    notes += [FEWEST_NOTE] if any("undecided" in row.values() for row in rows) else []
    notes += [SEEDS_NOTE] if only_seed else []
    nothing = "No two settings could be compared." if results else NO_CELL
    return make_table("pairs", "Trainings compared in pairs", columns, rows, [*notes, *apart], nothing=nothing)


def attack_names(results: Sequence[CellResult]) -> dict[str, str]:
    """Simulator → stem of its CSV names, marked images first."""
    return {MARKED: "marked"} | unique_names(simulators(results), taken=("marked", "unmarked"))


def compared_columns(attacks: Mapping[str, str], metrics: Sequence[MetricInfo]) -> list[Column]:
    """Difference, p-value and verdict of every metric and of the bits read after every attack."""
    columns: list[Column] = []
    for metric in metrics:
        unit = f" {metric.unit}" if metric.unit else ""
        columns += _compared(metric.name, metric.name.upper() + unit, metric.digits, 1.0, "Image quality")
    for simulator, key in attacks.items():
        where = "marked" if simulator == MARKED else f"after {simulator}"
        columns += _compared(f"{key}_raw_bit_accuracy", f"bits pp, {where}", 2, 100.0, "Bits read")
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
            row[f"{key}_difference"] = Measured(difference)
            row[f"{key}_p"] = "" if difference is None or difference.p is None else repr(difference.p)
            row[f"{key}_verdict"] = verdict(difference, after.get((number, key)))
    return len(tested)


def reached_label(label: str, result: CellResult) -> str:
    """The label, with the dB that were reached where they are not those that were asked for."""
    off = reached(result)
    return f"{label} (reached {off[1]:.2f} dB)" if off else label


def _only_seed(results: Sequence[CellResult]) -> Iterator[tuple[int, int]]:
    for members in alike(results):
        for i, j in itertools.combinations(members, 2):
            if results[i].settings.get(SEED) != results[j].settings.get(SEED):
                yield i, j


def _compared(key: str, title: str, digits: int, scale: float, part: str) -> tuple[Column, Column, Column]:
    return (
        Column(f"{key}_difference", f"Δ {title}", digits, scale, signed=True, part=part),
        Column(f"{key}_p", "p", part=CSV_ONLY),
        Column(f"{key}_verdict", "first is", part=part),
    )


def same_pictures(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether both frames have the same images and draws, and any."""
    if first.empty or second.empty:
        return False
    return set(zip(first["image"], first["draw"], strict=True)) == set(
        zip(second["image"], second["draw"], strict=True)
    )


def _accuracy_difference(first: CellResult, second: CellResult, simulator: str) -> Estimate | None:
    a, b = readings(first, simulator), readings(second, simulator)
    if not same_pictures(a, b):
        return None
    return _paired(image_accuracy(a, first.code_bits), image_accuracy(b, second.code_bits), CHANCE)


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
