"""Two results folders held against each other: cells matched by what they are, differences with intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from ftbench.report.attacks import CONTROL, attack_rows, combined_rows
from ftbench.report.looks import quality_sample
from ftbench.report.measures import qualities
from ftbench.report.pairs import ALPHA, verdict
from ftbench.report.quality import metric_title
from ftbench.report.result import display_labels
from ftbench.report.sample import Sample, compared, measured
from ftbench.report.scores import scores_of
from ftbench.report.table import Column, Measured, Table, make_table
from ftbench.statistics.estimates import Estimate, two_samples
from ftbench.statistics.significance import holm
from ftbench.storage.manifest import Folder, read_results
from ftbench.storage.results import CellResult, MetricInfo

HIGHER, LOWER = "higher", "lower"
NOTE = (
    "Second minus first. “Higher” and “lower” stand where the difference is told from 0 at 5 % after Holm's correction "
    "for all {family} comparisons; “higher?” and “lower?” where by itself alone, as a few are by chance."
)
PAIRED = "Compared over the same images, whichever payloads each was read with."
UNPAIRED = "The images are not the same: compared as two samples apart, which tells less."


@dataclass(frozen=True)
class Comparison:
    """What came of it."""

    table: Table
    matched: int
    worse: int
    """Comparisons told to be worse in the second folder, after correction."""
    different: int
    alone: tuple[str, ...]
    """Cells without a match, in words."""
    changed: tuple[str, ...]
    """Settings in which the folders differ as a whole."""


def compare_folders(first: Folder, second: Folder) -> Comparison:
    """Every matched cell's quality and bits read after each attack, second minus first. Needs the rows of both."""
    return compare_results(read_results(first), read_results(second), first.metrics)


def compare_results(
    first: Sequence[CellResult], second: Sequence[CellResult], metrics: Sequence[MetricInfo]
) -> Comparison:
    """As ``compare_folders`` does, of what was read from them."""
    pairs, changed, alone = matched_cells(first, second)
    rows: list[tuple[str, _Key]] = []
    asked: dict[int, tuple[Sample, Sample]] = {}
    labels = display_labels(first)
    better: dict[int, int] = {}
    for i, j in pairs:
        a, b = _measures(first[i], metrics), _measures(second[j], metrics)
        for key in a:
            if key in b:
                better[len(rows)] = key.better
                asked[len(rows)] = a[key], b[key]
                rows.append((labels[i], key))
    differences, paired = _differences(asked)
    tested = [number for number, found in differences.items() if found.p is not None]
    p_values = [found if (found := differences[number].p) is not None else 1.0 for number in tested]
    corrected = dict(zip(tested, holm(p_values), strict=True))
    verdicts = {number: verdict(found, corrected.get(number)) for number, found in differences.items()}
    table = _table(rows, asked, differences, verdicts, len(tested), paired)
    told = {number: word for number, word in verdicts.items() if word in (HIGHER, LOWER)}
    worse = sum(word == (LOWER if better[number] > 0 else HIGHER) for number, word in told.items())
    return Comparison(table, len(pairs), worse, len(told), tuple(alone), tuple(changed))


def matched_cells(
    first: Sequence[CellResult], second: Sequence[CellResult]
) -> tuple[list[tuple[int, int]], list[str], list[str]]:
    """Pairs of places; what differs between the folders as a whole, in words; cells without a match, in words.

    Cells match that have the same settings and lengths. A setting of which the folders share no value is what was
    changed between them: it is said, and not asked for.
    """
    sides = [[_settings(result) for result in side] for side in (first, second)]
    names = dict.fromkeys(name for side in sides for settings in side for name in settings)
    values = [{name: {settings.get(name, "") for settings in side} for name in names} for side in sides]
    apart = [name for name in names if not values[0][name] & values[1][name]]
    changed = [
        f"{name} ({', '.join(sorted(values[0][name]))} | {', '.join(sorted(values[1][name]))})" for name in apart
    ]
    keys = [[tuple((name, one.get(name, "")) for name in names if name not in apart) for one in side] for side in sides]
    pairs = [
        (place, keys[1].index(key))
        for place, key in enumerate(keys[0])
        if keys[0].count(key) == 1 and keys[1].count(key) == 1
    ]
    taken = [{pair[side] for pair in pairs} for side in (0, 1)]
    alone = [
        f"{'first' if side == 0 else 'second'}: {label}"
        for side, results in enumerate((first, second))
        for place, label in enumerate(display_labels(results))
        if place not in taken[side]
    ]
    return pairs, changed, alone


def _settings(result: CellResult) -> dict[str, str]:
    return {**result.settings, "payload bits": str(result.bits), "code bits": str(result.code_bits)}


@dataclass(frozen=True)
class _Key:
    group: str
    title: str
    digits: int
    scale: float
    better: int


def _measures(result: CellResult, metrics: Sequence[MetricInfo]) -> dict[_Key, Sample]:
    scores = scores_of(result)
    found: dict[_Key, Sample | None] = {}
    marked = qualities(result, "marked")
    for metric in metrics:
        key = _Key(
            "marked against cover", metric_title(metric), metric.digits, 1.0, 1 if metric.higher_is_better else -1
        )
        found[key] = quality_sample(marked, metric.name)
    for row in [*attack_rows([result], [scores]), *combined_rows([result], [scores])]:
        if row.kind != CONTROL:
            # Kinds hang on the training, which may be what was changed.
            simulator, distortion = row.attack
            title = row.title if not row.kind.startswith("after ") else f"{simulator}, then {distortion}"
            found[_Key("bits read, %", title, 1, 100.0, 1)] = scores.bits_read([row.attack])
    return {key: sample for key, sample in found.items() if sample is not None}


def _differences(asked: Mapping[int, tuple[Sample, Sample]]) -> tuple[dict[int, Estimate], bool]:
    """Second minus first; paired where the images are the same, whatever the draws."""
    alike: dict[int, tuple[Sample, Sample]] = {}
    apart: dict[tuple[int, int], Sample] = {}
    for number, (first, second) in asked.items():
        if _images(first) == _images(second):
            same = ("images",)
            alike[number] = replace(second, images=same), replace(first, images=same)
        else:
            apart[number, 0], apart[number, 1] = first, second
    found = compared(alike)
    entries = measured(apart)
    for number in asked:
        if (number, 0) in apart:
            a, b = entries[number, 0].estimate, entries[number, 1].estimate
            if a is not None and b is not None:
                found[number] = two_samples(a, b)
    return found, not apart


def _images(sample: Sample) -> Hashable:
    """What stands for the images alone, without their draws."""
    first = sample.images[0]
    return (first[0] if isinstance(first, tuple) else first), sample.values.shape[1]


def _table(
    rows: Sequence[tuple[str, _Key]],
    asked: Mapping[int, tuple[Sample, Sample]],
    differences: Mapping[int, Estimate],
    verdicts: Mapping[int, str],
    family: int,
    paired: bool,
) -> Table:
    sides = measured({(number, side): pair[side] for number, pair in asked.items() for side in (0, 1)})
    columns = [
        Column("cell", "cell"),
        Column("measure", "measure"),
        Column("first", "first", 2),
        Column("second", "second", 2),
        Column("difference", "second − first", 2, signed=True),
        Column("verdict", "second is"),
        Column("p", "p"),
    ]
    made = []
    for number, (label, key) in enumerate(rows):
        a, b = (replace(sides[number, side], digits=key.digits, scale=key.scale) for side in (0, 1))
        difference = differences.get(number)
        row: dict[str, str | Measured] = {
            "cell": label, "measure": key.title, "first": a, "second": b, "verdict": verdicts.get(number, "—"),
            "difference": Measured(difference, digits=key.digits, scale=key.scale),
            "p": "" if difference is None or difference.p is None else f"{difference.p:.2g}",
        }  # fmt: skip
        made.append(row)
    notes = [NOTE.format(family=f"{family:,}", alpha=ALPHA), PAIRED if paired else UNPAIRED]
    nothing = "No cell of the one matches a cell of the other."
    return make_table("between", "Second against first", columns, made, notes, nothing=nothing, group="cell")
