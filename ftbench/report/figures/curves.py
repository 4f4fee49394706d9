"""Training curves: losses, bit accuracy and image quality against step, a column a training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ftbench.errors import BadInput
from ftbench.report.figures.canvas import (
    COLOURS,
    LINE_PIXELS,
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
from ftbench.report.result import Caption, display_labels
from ftbench.storage.results import CellResult

BLUE, VERMILION, GREEN, PINK, BLACK = COLOURS[:5]
ACROSS = 4
ACCURACY = "bit accuracy, %"
NARROWEST, PANEL_HEIGHT, LEFT, RIGHT, TITLE, FOOT, BETWEEN = 300, 190, 84, 170, 54, 50, 22

AT = re.compile(r" at (own|FLIP [\d.]+|[\d.]+ dB)\b")
"""What a label says of the evaluation."""
Series = tuple[str, str, str, bool]
# (row's name, [(column of the curve, words in the legend, colour, is it validation)]); what is of deepfakes is dashed.
ROWS: tuple[tuple[str, tuple[Series, ...]], ...] = (
    ("loss", (
        ("loss", "total", BLACK, False),
        ("message_loss", "message", PINK, False),
        ("image_loss", "image", GREEN, False),
    )),
    (ACCURACY, (
        ("accuracy_marked", "marked, train", BLUE, False),
        ("val_accuracy_marked", "marked, val", BLUE, True),
        ("accuracy_swapped", "deepfake, train", VERMILION, False),
        ("val_accuracy_swapped", "deepfake, val", VERMILION, True),
    )),
    ("PSNR, dB", (("psnr", "train", BLACK, False), ("val_psnr", "val", BLACK, True))),
    ("FLIP", (("val_flip", "val", BLACK, True),)),
)  # fmt: skip


def trainings(results: Sequence[CellResult]) -> list[tuple[str, CellResult]]:
    """(label, result) of each training that has a curve, once however often it was evaluated."""
    found: list[tuple[str, CellResult]] = []
    for label, result in zip(display_labels(results), results, strict=True):
        if len(result.curve) > 1 and not any(result.curve.equals(known.curve) for _, known in found):
            found.append((AT.sub("", label), result))
    return found


def curves(path: Path, results: Sequence[CellResult], caption: Caption) -> Path:
    """Write the figure; axes are shared across trainings. Raises BadInput without a curve."""
    found = trainings(results)
    if not found:
        raise BadInput("there is no training curve to draw: no finished cell")
    rows = _recorded([result for _, result in found])
    across, blocks = min(ACROSS, len(found)), -(-len(found) // ACROSS)
    panel_width = max(NARROWEST, 500 // across)
    width = LEFT + across * (panel_width + BETWEEN) + RIGHT
    said = caption_lines("Training curves. " + caption.line(), width)
    block = TITLE + len(rows) * (PANEL_HEIGHT + BETWEEN) + FOOT - BETWEEN
    height = blocks * block + (len(said) + 2) * LINE_PIXELS
    with plain_style():
        made = figure(width, height)
        shared: dict[str, Axes] = {}
        first: Axes | None = None
        for index, (label, result) in enumerate(found):
            left = LEFT + index % across * (panel_width + BETWEEN)
            top = height - index // across * block - TITLE
            for row, (name, series) in enumerate(rows):
                bottom = top - (row + 1) * PANEL_HEIGHT - row * BETWEEN
                place = (left / width, bottom / height, panel_width / width, PANEL_HEIGHT / height)
                axes = made.add_axes(place, sharex=first, sharey=shared.get(name))
                first, shared[name] = first or axes, shared.get(name, axes)
                quiet_axes(axes)
                drawn = _draw(axes, result, series)
                if not drawn:
                    axes.set_title("not recorded", y=0.45, fontsize=9, color=QUIET)
                if name == ACCURACY:
                    axes.axhline(50, color=QUIET, linewidth=0.8, linestyle=":")
                if row == 0:
                    title = wrapped(label, 30, 2)
                    made.text(
                        (left + panel_width / 2) / width, (top + 6) / height, title,
                        fontsize=11.5, color=TEXT, weight="bold", ha="center", va="bottom",
                    )  # fmt: skip
                last = row == len(rows) - 1
                axes.tick_params(labelbottom=last, labelleft=index % across == 0)
                if last:
                    axes.set_xlabel("training step", fontsize=9, color=TEXT)
                if index % across == 0:
                    axes.set_ylabel(name, fontsize=9.5, color=TEXT)
                if index % across == across - 1 or index == len(found) - 1:
                    _legend(axes, series)
        _ranges(shared, [result for _, result in found])
        write_caption(made, said)
        return save(path, made)


def _recorded(results: Sequence[CellResult]) -> list[tuple[str, tuple[Series, ...]]]:
    """The rows and series that any training has: no empty panel, no legend entry without a line."""
    there = {name for result in results for name in result.curve.columns if result.curve[name].notna().any()}
    rows = [(name, tuple(one for one in series if one[0] in there)) for name, series in ROWS]
    return [(name, series) for name, series in rows if series]


def _draw(axes: Axes, result: CellResult, series: Sequence[Series]) -> bool:
    drawn = False
    for column, _, colour, held_out in series:
        if column not in result.curve.columns:
            continue
        known = result.curve[["step", column]].dropna()
        if known.empty:
            continue
        values = known[column].to_numpy(dtype=float) * (100.0 if "accuracy" in column else 1.0)
        axes.plot(known["step"].to_numpy(), values, **_style(column, colour, held_out, _split(series)))
        drawn = True
    return drawn


def _split(series: Sequence[Series]) -> bool:
    return any(held_out for *_, held_out in series)


def _style(column: str, colour: str, held_out: bool, split: bool) -> dict[str, Any]:
    """A training line stands back where a validation line runs beside it; dashes and marks tell them without colour."""
    dashes = {"accuracy_swapped": "--", "message_loss": "--", "image_loss": ":"}
    line: dict[str, Any] = {"color": colour, "linestyle": dashes.get(column.removeprefix("val_"), "-")}
    if held_out:
        return line | {"linewidth": 1.8, "marker": "s" if "swapped" in column else "o", "markersize": 3.5}
    return line | {"linewidth": 1.1, "alpha": 0.6 if split else 1.0}


def _legend(axes: Axes, series: Sequence[Series]) -> None:
    handles = [
        Line2D([], [], label=words, **_style(column, colour, held_out, _split(series)))
        for column, words, colour, held_out in series
    ]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0.0,
        frameon=False, fontsize=9,
    )  # fmt: skip


def _ranges(shared: Mapping[str, Axes], results: Sequence[CellResult]) -> None:
    """A logarithmic loss where all losses are positive; accuracy from a little under chance to 100 %."""
    losses, accuracy = shared.get("loss"), shared.get(ACCURACY)
    values = _losses(results)
    if losses is not None and values.size and values.min() > 0:
        losses.set_yscale("log")
        steps = (1.0,) if values.max() > 100 * values.min() else (1.0, 2.0, 5.0)
        losses.yaxis.set_major_locator(LogLocator(subs=steps))
        losses.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        losses.yaxis.set_minor_formatter(NullFormatter())
    if accuracy is not None:
        accuracy.set_ylim(45, 101)


def _losses(results: Sequence[CellResult]) -> np.ndarray:
    """Every loss that will be drawn."""
    values = [
        result.curve[column].dropna().to_numpy(dtype=float)
        for result in results
        for column, *_ in ROWS[0][1]
        if column in result.curve.columns
    ]
    return np.concatenate(values) if values else np.zeros(0)
