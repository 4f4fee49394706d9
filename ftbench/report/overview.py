"""The methods at a glance: quality, what is read unattacked, on average and at worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ftbench.report.attacked import CONTROL_NOTE, STALLED_NOTE
from ftbench.report.attacks import CONTROL, FORGERIES, MET, NOTHING, REMOVALS, SIMULATED, Row, attack_rows
from ftbench.report.crossed import Crossed, Line, Method, over_method
from ftbench.report.inwords import LOOKS, Said, task
from ftbench.report.measures import reached
from ftbench.report.quality import held_equal, metric_title
from ftbench.report.sample import Sample, worst
from ftbench.report.scores import Scores
from ftbench.report.table import Measured
from ftbench.storage.results import UNDISTORTED, UNMARKED, CellResult, MetricInfo

SETTING, QUALITY, BITS, WORDS = (
    "setting",
    "marked against cover",
    "bits read, %",
    "payloads read without an error, %",
)
REACHED_NOTE = (
    "Reached: residuals were scaled to the asked PSNR or FLIP, but saturated pixels keep some of them from it; what "
    "stays better has the weaker mark, and is not of equal quality."
)
AFTER = {
    "simulators": "Read after deepfakes and the like",
    "distortions": "Read after distortions of the file",
}
MET_TOO = ", which it was trained against"
MEAN_NOTE = "In a mean each attack counts alike; it says as much as the attacks that the benchmark lists."
WORST_NOTE = (
    "Worst: chosen after it was seen, so it is too low by chance; its interval holds the lowest true rate, whichever "
    "attack that is of. It is not compared."
)


def overview_table(
    results: Sequence[CellResult],
    metrics: Sequence[MetricInfo],
    scores: Sequence[Scores],
    methods: Sequence[Method],
) -> Crossed:
    """One line a measure. CSV: ``overview_value`` and so on, in the metric's unit or, of rates, in 0..1."""
    made = _Overview(methods)
    if not results:
        return Crossed("overview", "Overview", "overview", (), (), {})
    for name, values in _settings(results).items():
        if len(set(values)) > 1:
            made.add(
                Line(SETTING, name, {"measure": name}, better=0),
                said=[Measured(said=values[method.places[0]]) for method in methods],
            )
    for metric in metrics:
        better = 0 if held_equal(results, metric) else 1 if metric.higher_is_better else -1
        each = [one.quality.sample(metric.name) for one in scores]
        if metric.name in LOOKS:
            made.say("Marked pictures against originals", LOOKS[metric.name])
        made.add(Line(QUALITY, metric_title(metric), {"measure": metric.name}, metric.digits, 1.0, better), each)
    rows = attack_rows(results, scores)
    simulators = [row for row in rows if row.kind in (*SIMULATED, REMOVALS)]
    distortions = [row for row in rows if row.attack[1] != UNDISTORTED]
    everyone = [
        {row.title for row in attack_rows([one], [score]) if row.kind == MET}
        for one, score in zip(results, scores, strict=True)
    ]
    _attacked(made, scores, rows, {"simulators": simulators, "distortions": distortions}, set.intersection(*everyone))
    if forged := [row for row in rows if row.kind == FORGERIES]:
        made.bits(f"{FORGERIES}, {_mean_of(forged)}", scores, forged, better=-1)
    if any(row.kind == CONTROL for row in rows):
        each = [one.bits_read([(UNMARKED, UNDISTORTED)]) for one in scores]
        made.add(Line(BITS, CONTROL, {"measure": "bits unmarked"}, 1, 100.0, 0), each)
    for called, of in (
        ("marked", [row for row in rows if row.kind == NOTHING]),
        ("all simulators", simulators),
        ("all distortions", distortions),
    ):
        if of:
            title = called if called == "marked" else f"{called}: {_mean_of(of)}"
            each = [one.words_read([row.attack for row in of]) for one in scores]
            made.add(Line(WORDS, title, {"measure": f"words {called}"}, 1, 100.0), each)
    notes = [_shared(results)]
    notes += [MEAN_NOTE] if len(simulators) > 1 or len(distortions) > 1 else []
    notes += [WORST_NOTE] if made.has_worst else []
    notes += [CONTROL_NOTE] if any(row.kind == CONTROL for row in rows) else []
    notes += [REACHED_NOTE] if any(reached(result) for result in results) else []
    notes += [STALLED_NOTE] if any(result.stalled for result in results) else []
    lines, samples, said = made.lines, made.samples, made.said
    notes = [note for note in notes if note]
    of_val = any(result.settings.get("tested on") == "val" for result in results)
    bits, attacks = [result.bits for result in results], len(simulators + distortions)
    asked = task(bits, _images(scores), _draws(results), attacks, of_val)
    return Crossed(
        "overview", "Overview", "overview", tuple(lines), tuple(methods), samples, said, tuple(notes), task=asked,
        said_of=made.said_of,
    )  # fmt: skip


class _Overview:
    """Lines as they come."""

    def __init__(self, methods: Sequence[Method]) -> None:
        self.methods = methods
        self.lines: list[Line] = []
        self.samples: dict[tuple[int, int], Sample] = {}
        self.said: dict[tuple[int, int], Measured] = {}
        self.said_of: dict[int, Said] = {}
        self.has_worst = False

    def add(self, line: Line, each: Sequence[Sample | None] = (), said: Sequence[Measured] = ()) -> None:
        number = len(self.lines)
        self.lines.append(line)
        for place, method in enumerate(self.methods):
            if each and (sample := over_method(method, each)) is not None:
                self.samples[number, place] = sample
            if said:
                self.said[number, place] = said[place]

    def say(self, about: str, phrase: str, names: Sequence[str] = ()) -> None:
        """What the next line says in words."""
        self.said_of[len(self.lines)] = Said(about, phrase, tuple(names))

    def bits(self, title: str, scores: Sequence[Scores], rows: Sequence[Row], better: int = 1) -> None:
        each = [one.bits_read([row.attack for row in rows]) for one in scores]
        self.add(Line(BITS, title, {"measure": f"bits {title}"}, 1, 100.0, better), each)

    def worst(self, called: str, scores: Sequence[Scores], rows: Sequence[Row]) -> None:
        found, names = [], []
        by_row = [[one.bits_read([row.attack]) for one in scores] for row in rows]
        for method in self.methods:
            each = [over_method(method, of_row) for of_row in by_row]
            there = [(row, sample) for row, sample in zip(rows, each, strict=True) if sample is not None]
            alike = {sample.values.shape for _, sample in there}
            if not there or len(alike) > 1:
                found.append(Measured())
                names.append(Measured())
                continue
            place, entry = worst([sample for _, sample in there])
            found.append(entry)
            names.append(Measured(said=there[place][0].title))
        self.has_worst = True
        self.say(AFTER[called], "{} % after the worst of them", [name.said for name in names])
        self.add(Line(BITS, f"worst of the {called}", {"measure": f"bits worst of {called}"}, 1, 100.0, 0), said=found)
        self.add(Line(BITS, "which", {"measure": f"which of {called}"}, better=0), said=names)


def _attacked(
    made: _Overview,
    scores: Sequence[Scores],
    rows: Sequence[Row],
    together: Mapping[str, Sequence[Row]],
    met_by_all: Set[str],
) -> None:
    """What is read unattacked, after each kind of simulator, and after all of one sort ``together``."""
    for kind in (NOTHING, *SIMULATED, REMOVALS):
        of = [row for row in rows if row.kind == kind]
        if of:
            title = "marked" if kind == NOTHING else f"{kind}: {_mean_of(of)}"
            if kind == NOTHING:
                made.say("Read of marked pictures", "{} % of the bits")
            elif len(of) == len(together["simulators"]) == 1:
                made.say(
                    AFTER["simulators"], f"{{}} % after {of[0].title}{MET_TOO if of[0].title in met_by_all else ''}"
                )
            made.bits(title, scores, of)
    for called, every in together.items():
        if len(every) > 1:
            made.say(AFTER[called], f"{{}} % in the mean of {len(every)}")
            made.bits(f"all {called}: {_mean_of(every)}", scores, every)
            made.worst(called, scores, every)


def _images(scores: Sequence[Scores]) -> int:
    return max((len(one.images) for one in scores), default=0)


def _draws(results: Sequence[CellResult]) -> int:
    return max((result.rows["draw"].nunique() for result in results), default=0)


def _mean_of(rows: Sequence[Row]) -> str:
    return rows[0].title if len(rows) == 1 else f"mean of {len(rows)}"


def _settings(results: Sequence[CellResult]) -> dict[str, list[str]]:
    return {
        "status": [result.status for result in results],
        "payload bits": [str(result.bits) for result in results],
        "code bits": [str(result.code_bits) for result in results],
    }


def _shared(results: Sequence[CellResult]) -> str:
    """What every cell has in common, said once."""
    names = dict.fromkeys(name for result in results for name in result.settings)
    columns = {name: [result.settings.get(name, "") for result in results] for name in names} | _settings(results)
    same = [f"{name} {values[0]}" for name, values in columns.items() if len(set(values)) == 1 and values[0]]
    return f"The same for all: {', '.join(same)}." if same else ""
