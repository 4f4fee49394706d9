"""Which pair withstands which simulator: methods down, simulators across, bits read in each field."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.patches import Rectangle

from ftbench.errors import BadInput
from ftbench.report.attacked import met_in_training
from ftbench.report.attacks import CONTROL, NOTHING, Row, attack_rows
from ftbench.report.crossed import Method, methods_of, over_method, short_names
from ftbench.report.figures.canvas import (
    LINE_PIXELS,
    QUIET,
    TEXT,
    caption_lines,
    figure,
    plain_style,
    save,
    wrapped,
    write_caption,
)
from ftbench.report.result import Caption
from ftbench.report.sample import measured
from ftbench.report.scores import Scores, scores_of
from ftbench.report.table import Column, Measured, format_short
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import UNDISTORTED, CellResult

FIELD, HIGH, NAMES, BAR = 90, 34, 250, 96
HEAD_LINES, HEAD_LETTERS = 6, 13
MOST = 40
"""Methods that one figure holds."""
SHADES = "cividis"
"""As dark in grey as in colour, and told apart with any kind of colour vision."""


def matrix(
    results: Sequence[CellResult], scores: Sequence[Scores] = ()
) -> tuple[list[Method], list[Row], np.ndarray] | None:
    """Methods, simulators, and the share of bits read (methods, simulators), NaN where it was not measured.

    None with fewer than two methods or two simulators.
    """
    scores = scores or [scores_of(result) for result in results]
    rows = [row for row in attack_rows(results, scores) if row.attack[1] == UNDISTORTED and row.kind != CONTROL]
    methods = methods_of(results)[:MOST]
    if len(methods) < 2 or sum(row.kind != NOTHING for row in rows) < 2:
        return None
    samples = {}
    for number, row in enumerate(rows):
        each = [one.bits_read([row.attack]) for one in scores]
        for place, method in enumerate(methods):
            if (sample := over_method(method, each)) is not None:
                samples[place, number] = sample
    values = np.full((len(methods), len(rows)), np.nan)
    for at, entry in measured(samples).items():
        values[at] = np.nan if entry.estimate is None else entry.estimate.value
    return methods, rows, values


def transfer_matrix(path: Path, results: Sequence[CellResult], caption: Caption, scores: Sequence[Scores] = ()) -> Path:
    """Write the figure. Raises BadInput where there are not two methods and two simulators."""
    found = matrix(results, scores)
    if found is None:
        raise BadInput("a transfer matrix wants two methods and two simulators")
    methods, rows, values = found
    met = met_in_training(rows, results, methods)
    left_out = len(methods_of(results)) - len(methods)
    heads = [wrapped(row.title, HEAD_LETTERS, HEAD_LINES) for row in rows]
    above = (max(head.count("\n") for head in heads) + 1) * LINE_PIXELS + 21
    width = NAMES + len(rows) * FIELD + BAR
    title = "Bits read after each simulator, %. " + ("Framed: met in that pair's training. " if met else "")
    title += f"{left_out} more methods: tables/attacks.csv. " if left_out else ""
    names, shared = short_names([method.label for method in methods])
    title += f"In the name of every method: {shared}. " if shared else ""
    said = caption_lines(title + caption.line(), width)
    height = above + len(methods) * HIGH + (len(said) + 2) * LINE_PIXELS
    with plain_style():
        made = figure(width, height)
        bottom = (height - above - len(methods) * HIGH) / height
        tall = len(methods) * HIGH / height
        axes = made.add_axes((NAMES / width, bottom, len(rows) * FIELD / width, tall))
        shades = matplotlib.colormaps[SHADES]
        drawn = axes.imshow(100 * values, cmap=shades, vmin=50, vmax=100, aspect="auto")
        for (down, along), value in np.ndenumerate(values):
            if not np.isfinite(value):
                axes.text(along, down, "–", ha="center", va="center", fontsize=9, color=QUIET)
                continue
            light = np.dot(shades(float(np.clip(2 * value - 1, 0, 1)))[:3], (0.299, 0.587, 0.114)) > 0.5
            axes.text(
                along, down, _in_per_cent(value), ha="center", va="center", fontsize=9.5,
                color="black" if light else "white",
            )  # fmt: skip
            if (along, down) in met:
                # Black on white, so that it is seen on every shade.
                for colour, thick in (("white", 4.0), ("black", 2.0)):
                    box = (along - 0.45, down - 0.42)
                    axes.add_patch(Rectangle(box, 0.9, 0.84, fill=False, edgecolor=colour, linewidth=thick))
        axes.set_xticks(range(len(rows)), heads)
        axes.set_yticks(range(len(methods)), [wrapped(name, 34, 2) for name in names])
        axes.tick_params(
            top=True, labeltop=True, bottom=False, labelbottom=False, length=0, labelsize=8.5, labelcolor=TEXT
        )
        for side in axes.spines.values():
            side.set_visible(False)
        bar = made.colorbar(drawn, cax=made.add_axes(((width - BAR + 22) / width, bottom, 14 / width, tall)))
        bar.ax.tick_params(labelsize=8.5, labelcolor=TEXT, color=QUIET)
        bar.outline.set_visible(False)
        write_caption(made, said)
        return save(path, made)


def _in_per_cent(share: float) -> str:
    """As in tables: what is not all and not nothing does not read as if it were."""
    return format_short(Measured(Estimate(share, share, share, 1, "")), Column("", "", 1, 100.0)).partition(" ")[0]
