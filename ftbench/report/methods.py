"""Is one method better than another? Over the seeds that both were trained with, and over images."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ftbench.report.pairs import (
    MOST_PAIRS,
    VERDICT_NOTE,
    Measures,
    Row,
    attack_names,
    compared_by_measure,
    compared_columns,
    judged,
    measures,
    reached_label,
)
from ftbench.report.sample import pooled
from ftbench.report.scores import Scores, scores_of
from ftbench.report.seeds import SEED, alike, without_seed
from ftbench.report.table import CSV_ONLY, Column, Table, make_table
from ftbench.storage.results import PSNR_SSIM, CellResult, MetricInfo

METHODS_NOTE = (
    "Each row compares two methods: first minus second, the mean over the seeds of both, paired by seed where two or "
    "more are the same. Intervals hold for other seeds and other images."
)
TOLD_NOTE = " A difference has to be told from 0 over seeds (Student's t) as well as over images."


def methods_table(
    results: Sequence[CellResult],
    metrics: Sequence[MetricInfo] = PSNR_SSIM,
    scores: Sequence[Scores] = (),
) -> Table | None:
    """One row a pair of settings with two or more seeds each; None where there is no such pair, or too many.

    CSV names are those of the pairs table, with ``first_cells``, ``second_cells`` (identities, apart by a space) and
    ``first_seeds``, ``second_seeds`` before them.
    """
    methods = [members for members in alike(results) if 1 < len(members) == len(set(_seeds(results, members)))]
    pairs = list(itertools.combinations(range(len(methods)), 2))
    if not pairs or len(pairs) > MOST_PAIRS:
        return None
    scores = scores or [scores_of(result) for result in results]
    attacks = attack_names(results)
    taken: list[Measures] = []
    for members in methods:
        each = [measures(results[index], scores[index], attacks, metrics) for index in members]
        both = {key: pooled([one.get(key) for one in each], _seeds(results, members)) for key in each[0]}
        taken.append({key: sample for key, sample in both.items() if sample is not None})
    rows: list[Row] = []
    for first, second in pairs:
        rows.append({"first": _label(results, methods[first]), "second": _label(results, methods[second])})
        for side, members in (("first", methods[first]), ("second", methods[second])):
            rows[-1][f"{side}_cells"] = " ".join(results[index].cell for index in members)
            rows[-1][f"{side}_seeds"] = ", ".join(_seeds(results, members))
    columns = [
        Column("first_cells", "first cells", part=CSV_ONLY),
        Column("second_cells", "second cells", part=CSV_ONLY),
        Column("first", "first method"),
        Column("first_seeds", "seeds of the first"),
        Column("second", "second method"),
        Column("second_seeds", "seeds of the second"),
        *compared_columns(attacks, metrics),
    ]
    family = judged(rows, compared_by_measure([(taken[first], taken[second]) for first, second in pairs]))
    notes = [METHODS_NOTE, VERDICT_NOTE.format(compared=family) + TOLD_NOTE]
    return make_table("methods", "Methods compared over seeds", columns, rows, notes)


def _seeds(results: Sequence[CellResult], members: Sequence[int]) -> list[str]:
    return [results[index].settings.get(SEED, "") for index in members]


def _label(results: Sequence[CellResult], members: Sequence[int]) -> str:
    first = results[members[0]]
    return reached_label(without_seed(first.label, first.settings.get(SEED)), first)
