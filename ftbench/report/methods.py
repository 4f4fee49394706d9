"""Is one method better than another? Over the seeds that both were trained with, and over images."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ftbench.report.measures import CHANCE, image_accuracy, image_quality, qualities, readings
from ftbench.report.pairs import (
    VERDICT_NOTE,
    Row,
    attack_names,
    compared_columns,
    judged,
    reached_label,
    same_pictures,
)
from ftbench.report.result import PSNR_SSIM, CellResult, MetricInfo
from ftbench.report.seeds import SEED, alike, without_seed
from ftbench.report.table import CSV_ONLY, Column, Table, make_table
from ftbench.statistics import Estimate, difference_over_seeds

METHODS_NOTE = (
    "Each row compares two methods: first minus second, the mean over the seeds of both, paired by seed where two or "
    "more are the same. Brackets hold for other seeds and other images."
)
TOLD_NOTE = " A difference has to be told from 0 over seeds (Student's t) as well as over images."


def methods_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table | None:
    """One row a pair of settings with two or more seeds each; None where there is no such pair.

    CSV names are those of the pairs table, with ``first_cells``, ``second_cells`` (identities, apart by a space) and
    ``first_seeds``, ``second_seeds`` before them.
    """
    methods = [[results[index] for index in members] for members in alike(results)]
    methods = [found for found in methods if 1 < len(found) == len({one.settings.get(SEED) for one in found})]
    attacks = attack_names(results)
    rows: list[Row] = []
    differences: list[dict[str, Estimate | None]] = []
    for first, second in itertools.combinations(methods, 2):
        rows.append({"first": _label(first), "second": _label(second)})
        for side, found in (("first", first), ("second", second)):
            rows[-1][f"{side}_cells"] = " ".join(one.cell for one in found)
            rows[-1][f"{side}_seeds"] = ", ".join(one.settings.get(SEED, "") for one in found)
        told = {metric.name: _difference(first, second, _quality(metric.name), 0.0) for metric in metrics}
        for simulator, key in attacks.items():
            told[f"{key}_raw_bit_accuracy"] = _difference(first, second, _accuracy(simulator), CHANCE)
        differences.append(told)
    if not rows:
        return None
    columns = [
        Column("first_cells", "first cells", part=CSV_ONLY),
        Column("second_cells", "second cells", part=CSV_ONLY),
        Column("first", "first method"),
        Column("first_seeds", "seeds"),
        Column("second", "second method"),
        Column("second_seeds", "seeds"),
        *compared_columns(attacks, metrics),
    ]
    compared = judged(rows, differences)
    notes = [METHODS_NOTE, VERDICT_NOTE.format(compared=compared) + TOLD_NOTE]
    return make_table("methods", "Methods compared over seeds", columns, rows, notes)


Frame = Callable[[CellResult], pd.DataFrame]
Values = Callable[[pd.DataFrame, CellResult], "pd.Series[float]"]


def _quality(metric: str) -> tuple[Frame, Values]:
    def frame(result: CellResult) -> pd.DataFrame:
        taken = qualities(result, "marked")
        return taken if metric in taken.columns else taken.iloc[:0]

    return frame, lambda rows, _: image_quality(rows, metric)


def _accuracy(simulator: str) -> tuple[Frame, Values]:
    return lambda result: readings(result, simulator), lambda rows, result: image_accuracy(rows, result.code_bits)


def _difference(
    first: Sequence[CellResult], second: Sequence[CellResult], taken: tuple[Frame, Values], reach: float
) -> Estimate | None:
    """None where the trainings were not taken on the same images and draws, or no image has a value of all."""
    frame, values = taken
    frames = [frame(result) for result in (*first, *second)]
    if not all(same_pictures(frames[0], other) for other in frames):
        return None
    each = [values(rows, result) for rows, result in zip(frames, (*first, *second), strict=True)]
    joined = pd.concat(each, axis=1, join="inner").to_numpy(dtype=float).T
    if joined.shape[1] == 0:
        return None
    a, b = joined[: len(first)], joined[len(first) :]
    seeds = [[one.settings.get(SEED) for one in side] for side in (first, second)]
    shared = [seed for seed in seeds[0] if seed in seeds[1]]
    if len(shared) < 2:
        return difference_over_seeds(a, b, paired=False, reach=reach)
    a, b = (np.stack([side[of.index(seed)] for seed in shared]) for side, of in zip((a, b), seeds, strict=True))
    return difference_over_seeds(a, b, paired=True, reach=reach)


def _label(members: Sequence[CellResult]) -> str:
    return reached_label(without_seed(members[0].label, members[0].settings.get(SEED)), members[0])
