"""Bits read against image quality, of pairs whose residuals were rescaled: a panel a kind of attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ftbench.errors import BadInput
from ftbench.plaintext import shown
from ftbench.report.attacks import CONTROL, Row, attack_rows
from ftbench.report.crossed import methods_of, over_method
from ftbench.report.figures.canvas import (
    COLOURS,
    LINE_PIXELS,
    MARKERS,
    QUIET,
    TEXT,
    caption_lines,
    figure,
    plain_style,
    quiet_axes,
    save,
    wrapped,
    write_caption,
)
from ftbench.report.figures.curves import AT
from ftbench.report.measures import Held, held_at, image_quality, qualities
from ftbench.report.result import Caption
from ftbench.report.sample import measured
from ftbench.report.scores import Scores, scores_of
from ftbench.report.seeds import SEED, without_seed
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import CellResult

AXES = {"psnr": "PSNR of marked images, dB", "flip": "mean FLIP of marked images: right is less visible"}
EVALUATED = ("at dB", "at FLIP")
ACROSS = 3
WIDE, HIGH, LEFT, BETWEEN, TITLE, FOOT = 400, 260, 70, 34, 44, 64
FRONT: dict[str, Any] = {"color": "#bbbbbb", "linewidth": 7.0, "solid_capstyle": "butt", "zorder": 1.0}
DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Point:
    """One pair of one setting, at one quality."""

    quality: float
    bits: Estimate


Traces = dict[str, dict[str, list[Point]]]
"""Kind of attack -> training -> points, the least visible last."""


def traces(results: Sequence[CellResult], metric: str, scores: Sequence[Scores] = ()) -> Traces:
    """Trainings that were tested at several values of ``psnr`` or ``flip``, and those beside them at their own.

    Empty where no training was tested at two or more.
    """
    scores = scores or [scores_of(result) for result in results]
    kinds: dict[str, list[Row]] = {}
    for row in attack_rows(results, scores):
        if row.kind != CONTROL:
            kinds.setdefault(row.kind, []).append(row)
    found: Traces = {kind: {} for kind in kinds}
    for method in methods_of(results):
        first = results[method.places[0]]
        quality = _quality([results[place] for place in method.places], metric)
        if quality is None:
            continue
        label = AT.sub("", without_seed(first.label, first.settings.get(SEED) if len(method.places) > 1 else None))
        for kind, rows in kinds.items():
            each = [one.bits_read([row.attack for row in rows]) for one in scores]
            sample = over_method(method, each)
            estimate = measured({0: sample})[0].estimate if sample else None
            if estimate is not None:
                found[kind].setdefault(label, []).append(Point(quality, estimate))
    towards = -1 if metric == "flip" else 1
    ordered = {
        kind: {label: sorted(points, key=lambda point: towards * point.quality) for label, points in lines.items()}
        for kind, lines in found.items()
    }
    several = any(
        len({point.quality for point in points}) > 1 for lines in ordered.values() for points in lines.values()
    )
    return {kind: lines for kind, lines in ordered.items() if sum(map(len, lines.values())) > 1} if several else {}


def _quality(results: Sequence[CellResult], metric: str) -> float | None:
    """The mean of marked images, where they were held by the metric or left as trained; else None."""
    said = [result.settings.get(name, "none") for result in results[:1] for name in EVALUATED]
    held: Held | None = held_at(results[0])
    if set(said) - {"none", "own", ""} and (held is None or held.metric != metric):
        return None
    means = []
    for result in results:
        marked = qualities(result, "marked")
        if marked.empty or metric not in marked.columns:
            return None
        means.append(float(image_quality(marked, metric).mean()))
    return float(np.mean(means)) if np.isfinite(means).all() else None


def front(points: Sequence[Point], metric: str) -> list[Point]:
    """Those than which none is both less visible and better read, the most visible first."""
    towards = -1 if metric == "flip" else 1
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (towards * one.quality, one.bits.value), reverse=True):
        if not best or point.bits.value > best[-1].bits.value:
            best.append(point)
    return best[::-1]


def equal_quality(path: Path, found: Traces, metric: str, caption: Caption) -> Path:
    """Write the figure of what ``traces`` gave. Raises BadInput without a panel."""
    if not found:
        raise BadInput("no pair was tested at two or more qualities")
    labels = list(dict.fromkeys(label for lines in found.values() for label in lines))
    across = min(ACROSS, max(2, len(found)))
    width = LEFT + across * WIDE + (across - 1) * BETWEEN + 30
    legend = [Line2D([], [], label=shown(label), **_look(number)) for number, label in enumerate(labels)]
    legend.append(Line2D([], [], label="front of the best", **FRONT))
    columns = max(1, (width - LEFT) // (70 + 8 * max(len(str(one.get_label())) for one in legend)))
    top_pixels = 12 + 22 * -(-len(legend) // columns)
    title = (
        "Bits read of pairs whose residuals were rescaled, with 95 % intervals; in a mean each attack counts alike. "
    )
    title += "Grey: what the best of these pairs reaches at each quality or better. "
    said = caption_lines(title + caption.line(), width)
    block = TITLE + HIGH + FOOT
    height = top_pixels + -(-len(found) // across) * block + (len(said) + 2) * LINE_PIXELS
    with plain_style():
        made, first = figure(width, height), None
        for index, (kind, lines) in enumerate(found.items()):
            column, row = index % across, index // across
            bottom = height - top_pixels - row * block - TITLE - HIGH
            place = (LEFT + column * (WIDE + BETWEEN)) / width, bottom / height, WIDE / width, HIGH / height
            axes = made.add_axes(place, sharex=first, sharey=first)
            if first is None and metric == "flip":
                axes.invert_xaxis()
            first = first or axes
            _panel(axes, kind, lines, labels, metric)
            axes.tick_params(labelleft=column == 0)
            if column == 0:
                axes.set_ylabel("bits read, %", fontsize=9.5, color=TEXT)
        assert first is not None
        _reach_the_side(made.axes, found, metric)
        first.set_ylim(min(45.0, first.get_ylim()[0]), 101.5)
        made.legend(
            handles=legend, loc="upper left", bbox_to_anchor=(LEFT / width, 1 - 6 / height),
            borderaxespad=0.0, ncols=columns, frameon=False, fontsize=10, handlelength=3.0,
        )  # fmt: skip
        write_caption(made, said)
        return save(path, made)


def _panel(axes: Axes, kind: str, lines: dict[str, list[Point]], labels: Sequence[str], metric: str) -> None:
    quiet_axes(axes)
    axes.axhline(50, color=QUIET, linewidth=0.8, linestyle=":")
    for label, points in lines.items():
        value = np.array([point.bits.value for point in points]) * 100
        arms = [
            np.clip(value - 100 * np.array([point.bits.low for point in points]), 0, None),
            np.clip(100 * np.array([point.bits.high for point in points]) - value, 0, None),
        ]
        look = _look(labels.index(label)) | {"elinewidth": 1.0, "capsize": 2, "zorder": 3.0}
        axes.errorbar([point.quality for point in points], value, yerr=np.stack(arms), **look)
    axes.set_title(wrapped(kind, 44, 2), fontsize=10.5, color=TEXT)
    axes.set_xlabel(AXES[metric], fontsize=9, color=TEXT)


def _reach_the_side(panels: Sequence[Axes], found: Traces, metric: str) -> None:
    """The fronts, which hold at every quality that is more visible than their first point as well."""
    side = panels[0].get_xlim()[0]
    panels[0].set_xlim(*panels[0].get_xlim())
    for axes, lines in zip(panels, found.values(), strict=True):
        best = front([point for points in lines.values() for point in points], metric)
        at = [side, *(point.quality for point in best)]
        axes.step(at, [100 * one.bits.value for one in (best[0], *best)], where="pre", **FRONT)


def _look(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": DASHES[number % len(DASHES)],
        "linewidth": 1.5,
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 5.5,
    }
