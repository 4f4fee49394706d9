"""How marked images look: every metric against the cover, of deepfakes against each other, and after a distortion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from ftbench.report.crossed import Crossed, Line, Method, over_method
from ftbench.report.looks import quality_sample
from ftbench.report.measures import held_at, identities, qualities
from ftbench.report.sample import Sample
from ftbench.report.scores import Scores
from ftbench.storage.results import AFTER, CHANGED, FAKE, FORGED, LEFT, MARKED, CellResult, MetricInfo

PEOPLE_SHOWN = 6
"""More people than this are reported together alone."""
COVER = "marked"
FAKE_NOTE = "Marked: against the cover. Fake: of the marked image, against the fake of its cover."
REFERENCE_NOTE = (
    "After a distortion: against the cover, or the deepfake of the cover, as it is without one. What moves or turns an "
    "image is far from it however clear it stays."
)


def metric_title(metric: MetricInfo) -> str:
    """``PSNR dB``, with the direction where less is better."""
    title = f"{metric.name.upper()} {metric.unit}".strip()
    return title if metric.higher_is_better else f"{title} (less is better)"


def held_equal(results: Sequence[CellResult], metric: MetricInfo) -> bool:
    """Whether every pair was trained or rescaled to a value of the metric: then its differences are none of quality."""
    return all((held := held_at(result)) is not None and held.metric == metric.name for result in results)


def quality_table(
    results: Sequence[CellResult],
    metrics: Sequence[MetricInfo],
    scores: Sequence[Scores],
    methods: Sequence[Method],
) -> Crossed:
    """Of every metric: marked images, of all and of each of few people; fakes; what a distortion left."""
    shown = identities(results)
    people = [None, *(who for who in shown if 1 < len(shown) <= PEOPLE_SHOWN)]
    taken: list[tuple[str, dict[str, str], Callable[[int, str], Sample | None]]] = []
    for of, title in _of(results).items():
        for who in people if of == "marked" else [None]:
            about = {"of": of, "identity": who or "", "simulator": of.partition(":")[2], "distortion": ""}
            look: Callable[[int, str], Sample | None] = partial(_look, scores, of, who)
            taken.append((title if who is None else f"{title}, {who}", about, look))
    after = _after(results)
    taken += [(title, keys, partial(_left, frames)) for title, keys, frames in after]
    lines, looks = [], []
    for metric in metrics:
        held = held_equal(results, metric)
        for title, keys, look in taken:
            better = 0 if held and keys["of"] == "marked" else 1 if metric.higher_is_better else -1
            lines.append(Line(metric_title(metric), title, {**keys, "metric": metric.name}, metric.digits, 1.0, better))
            looks.append(look)
    notes = [FAKE_NOTE, *([REFERENCE_NOTE] if after else [])]
    samples = {}
    for number, (line, look) in enumerate(zip(lines, looks, strict=True)):
        each = [look(cell, line.keys["metric"]) for cell in range(len(results))]
        for place, method in enumerate(methods):
            if (sample := over_method(method, each)) is not None:
                samples[number, place] = sample
    if len(shown) > PEOPLE_SHOWN:
        notes.append(f"{len(shown)} people are shown; image quality is over all of them.")
    return Crossed(
        "quality", "Image quality", "quality", tuple(lines), tuple(methods), samples, notes=tuple(notes),
        nothing="No quality was measured.",
    )  # fmt: skip


def _look(scores: Sequence[Scores], of: str, who: str | None, cell: int, metric: str) -> Sample | None:
    return scores[cell].quality.sample(metric, of, who)


def _left(frames: Sequence[pd.DataFrame], cell: int, metric: str) -> Sample | None:
    return quality_sample(frames[cell], metric)


def _of(results: Sequence[CellResult]) -> dict[str, str]:
    """What quality rows are of -> the heading of its lines."""
    found: dict[str, str] = {}
    for result in results:
        for of in result.quality["of"].unique() if not result.quality.empty else ():
            if of != AFTER:
                found[str(of)] = _title(str(of))
    return found


def _title(of: str) -> str:
    start, colon, simulator = of.partition(":")
    said = {
        FAKE: "fake against fake of cover",
        LEFT: "what is left against the cover",
        CHANGED: "what is left against the marked image",
        FORGED: "forged against the cover",
    }
    return f"{simulator}: {said[start + colon]}" if colon else COVER


def _after(
    results: Sequence[CellResult],
) -> list[tuple[str, dict[str, str], list[pd.DataFrame]]]:
    """Every simulator and distortion after which quality was measured: in words, as keys, and the rows of each cell."""
    taken = [qualities(result, AFTER) for result in results]
    grouped = [
        dict(list(rows.groupby(["simulator", "distortion"], sort=False))) if not rows.empty else {} for rows in taken
    ]
    found = []
    for simulator, distortion in dict.fromkeys(key for one in grouped for key in one):
        keys = {"of": AFTER, "identity": "", "simulator": str(simulator), "distortion": str(distortion)}
        frames = [one.get((simulator, distortion), rows.iloc[:0]) for one, rows in zip(grouped, taken, strict=True)]
        title = f"{distortion}" if simulator == MARKED else f"{simulator}, then {distortion}"
        found.append((f"after {title}", keys, frames))
    return found
