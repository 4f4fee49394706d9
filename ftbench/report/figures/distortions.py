"""Bit accuracy against the strength of each distortion."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ftbench.errors import BadInput
from ftbench.plaintext import shown
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
from ftbench.report.measures import bit_accuracies, distortions, simulators
from ftbench.report.result import Caption, display_labels
from ftbench.report.seeds import SEED, alike, without_seed
from ftbench.report.table import Measured
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import MARKED, UNDISTORTED, CellResult

ACROSS = 4
SINGLES = 12
"""Distortions with a single strength that one panel holds."""
PANEL_WIDTH, PANEL_HEIGHT, LEFT, BETWEEN, TITLE, FOOT = 330, 230, 70, 34, 36, 62
STYLES = ("-", "--", ":", "-.")
FILLINGS = ("full", "none", "left", "bottom")


@dataclass(frozen=True)
class Panel:
    """One small plot: what it shows, and (tick, distortion) from none to the last strength listed."""

    title: str
    points: tuple[tuple[str, str], ...]
    joined: bool = True
    """Points are strengths of one distortion, so a line between them means something."""


def panels(names: Sequence[str], alone: Collection[str] = ()) -> list[Panel]:
    """A panel a distortion with several strengths, then one for all that have a single strength.

    None has one point alone. ``names`` are such as ``"jpeg quality=50"``; those that differ in values alone share a
    panel, but for those in ``alone``: two chains are no strengths of one distortion.
    """
    families: dict[str, list[str]] = {}
    for name in names:
        if name != UNDISTORTED:
            families.setdefault(name if name in alone else name.split(" ", 1)[0], []).append(name)
    start = (("none", UNDISTORTED),) if UNDISTORTED in names else ()
    grids = [
        Panel(_title(members), (*start, *((_tick(member, members), member) for member in members)))
        for members in families.values()
        if len(members) > 1
    ]
    single = [members[0] for members in families.values() if len(members) == 1]
    for begin in range(0, max(len(single), 0 if grids else 1), SINGLES):
        some = single[begin : begin + SINGLES]
        grids.append(Panel("at one strength", (*start, *((name, name) for name in some)), joined=False))
    # One point alone compares nothing.
    return [panel for panel in grids if len(panel.points) > 1]


def distortion_plot(path: Path, results: Sequence[CellResult], caption: Caption) -> Path:
    """Write the figure: a colour a setting, a line style a deepfake. Raises BadInput without rows.

    Settings of several seeds are drawn as their mean, and more deepfakes than there are styles not at all.
    """
    listed = dict(distortions(results))
    shown = panels(list(listed), [name for name, category in listed.items() if category == "chain"])
    if not shown:
        raise BadInput("there is no distortion to draw: no finished cell")
    attacks = [MARKED, *simulators(results)]
    left_out = len(attacks) > len(STYLES)
    attacks = attacks[:1] if left_out else attacks
    series = {label: each for label, each in _series(results).items() if each}
    accuracies = list(series.values())
    # The panel of single distortions is as wide as a row, so that their names can be read.
    wide = [panel for panel in shown if not panel.joined]
    small = [panel for panel in shown if panel.joined]
    across = ACROSS if wide else min(ACROSS, max(2, len(small)))
    width = LEFT + across * PANEL_WIDTH + (across - 1) * BETWEEN + 30
    legend = _legend_handles(list(series), attacks)
    longest = max(len(str(handle.get_label())) for handle in legend)
    columns = max(1, (width - LEFT) // (60 + 8 * longest))
    legend_height = 12 + 22 * -(-len(legend) // columns)
    brackets = "95 % intervals over images" if len(series) == len(results) else "the range of seeds about their mean"
    title = f"Bits read after a distortion, with {brackets}. "
    title += "Of marked images; after simulators: tables/combined.csv. " if left_out else ""
    said = caption_lines(title + caption.line(), width)
    rows = -(-len(small) // across)
    block = TITLE + PANEL_HEIGHT + FOOT
    height = legend_height + (rows + len(wide)) * block + (len(said) + 3) * LINE_PIXELS
    with plain_style():
        made = figure(width, height)
        first: Axes | None = None
        top = height - legend_height
        for index, panel in enumerate(small + wide):
            column = index % across if panel.joined else 0
            row = index // across if panel.joined else rows + index - len(small)
            bottom = top - row * block - TITLE - PANEL_HEIGHT
            across_pixels = PANEL_WIDTH if panel.joined else width - LEFT - 30
            left = LEFT + column * (PANEL_WIDTH + BETWEEN)
            place = (left / width, bottom / height, across_pixels / width, PANEL_HEIGHT / height)
            axes = made.add_axes(place, sharey=first)
            first = first or axes
            _draw(axes, panel, accuracies, attacks)
            axes.tick_params(labelleft=column == 0)
            if column == 0:
                axes.set_ylabel("bit accuracy, %", fontsize=9.5, color=TEXT)
        if first is not None:
            low, _ = first.get_ylim()
            first.set_ylim(min(45.0, low), 101.5)
        made.legend(
            handles=legend, loc="upper left", bbox_to_anchor=(LEFT / width, 1 - 6 / height),
            borderaxespad=0.0, ncols=columns, frameon=False, fontsize=10, handlelength=3.0,
        )  # fmt: skip
        write_caption(made, said)
        return save(path, made)


def _draw(
    axes: Axes, panel: Panel, results: Sequence[Mapping[tuple[str, str], Measured]], attacks: Sequence[str]
) -> None:
    quiet_axes(axes)
    axes.axhline(50, color=QUIET, linewidth=0.8, linestyle=":")
    places = np.arange(len(panel.points), dtype=float)
    count = len(results) * len(attacks)
    for number, accuracies in enumerate(results):
        for style, simulator in enumerate(attacks):
            entries = [accuracies.get((simulator, name), Measured()) for _, name in panel.points]
            found = [entry.estimate for entry in entries]
            if not any(found):
                continue
            value = np.array([np.nan if e is None else e.value for e in found]) * 100
            low = np.array([np.nan if e is None else e.low for e in found]) * 100
            high = np.array([np.nan if e is None else e.high for e in found]) * 100
            # Series stand side by side, so that their intervals do not cover each other.
            shift = ((number * len(attacks) + style) - (count - 1) / 2) * min(0.06, 0.5 / count)
            axes.errorbar(
                places + shift,
                value,
                yerr=np.clip(np.stack([value - low, high - value]), 0, None),
                **_look(number, style, panel.joined),
            )
    axes.set_title(shown(panel.title), fontsize=10.5, color=TEXT)
    axes.set_xlim(-0.5, len(places) - 0.5)
    if panel.joined:
        axes.set_xticks(places, ["\n".join(map(shown, tick.split("\n"))) for tick, _ in panel.points])
    else:
        ticks = [
            wrapped(tick.replace("chain steps=", "").replace(">", " > ").replace("(", " ("), 13, 4)
            for tick, _ in panel.points
        ]
        axes.set_xticks(places, ticks)


def _look(number: int, style: int, joined: bool = True) -> dict[str, Any]:
    colour = COLOURS[number % len(COLOURS)]
    return {
        "color": colour,
        "linestyle": STYLES[style % len(STYLES)] if joined else "none",
        "linewidth": 1.5,
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 5,
        "fillstyle": FILLINGS[style % len(FILLINGS)],
        "elinewidth": 1.0,
        "capsize": 2,
    }


def _series(results: Sequence[CellResult]) -> dict[str, Mapping[tuple[str, str], Measured]]:
    """What is drawn in one colour each, by its name: settings over their seeds, or results where seeds are unclear."""
    each: list[Mapping[tuple[str, str], Measured]] = [bit_accuracies(result) for result in results]
    pooled: dict[str, Mapping[tuple[str, str], Measured]] = {}
    for members in alike(results):
        seeds = [results[index].settings.get(SEED) for index in members]
        label = without_seed(results[members[0]].label, seeds[0])
        if len(set(seeds)) < max(2, len(members)) or label in pooled or any(results[i].stalled for i in members):
            return dict(zip(display_labels(results), each, strict=True))
        pooled[label] = _mean([each[index] for index in members])
    return pooled


def _mean(found: Sequence[Mapping[tuple[str, str], Measured]]) -> dict[tuple[str, str], Measured]:
    return {key: _over_seeds([one.get(key, Measured()) for one in found]) for key in found[0]}


def _over_seeds(entries: Sequence[Measured]) -> Measured:
    """The mean of what was measured, between the lowest and the highest."""
    values = [entry.estimate.value for entry in entries if entry.estimate is not None]
    if not values:
        return Measured()
    # Rounding must not put the mean of equal values outside them.
    mean = min(max(sum(values) / len(values), min(values)), max(values))
    return Measured(Estimate(mean, min(values), max(values), len(values), "range over seeds"))


def _legend_handles(labels: Sequence[str], attacks: Sequence[str]) -> list[Line2D]:
    """The settings by colour and marker, then the deepfakes by line and filling."""
    settings = [(label, _look(number, 0)) for number, label in enumerate(labels)]
    lines = [
        (
            "marked" if simulator == MARKED else f"after {simulator}",
            _look(0, style) | {"color": QUIET},
        )
        for style, simulator in enumerate(attacks if len(attacks) > 1 else [])
    ]
    return [
        Line2D([], [], label=shown(words), **{k: v for k, v in look.items() if k not in ("elinewidth", "capsize")})
        for words, look in settings + lines
    ]


def _settings(name: str) -> list[str]:
    return name.split()[1:]


def _shared(members: Sequence[str]) -> list[str]:
    """Parameters that all members give the same value."""
    return [part for part in _settings(members[0]) if all(part in _settings(member) for member in members)]


def _title(members: Sequence[str]) -> str:
    varying = [part.split("=")[0] for part in _settings(members[-1]) if part not in _shared(members)]
    fixed = _shared(members)
    title = members[0].split()[0] + (f": {', '.join(varying)}" if varying else "")
    return title + (f" ({', '.join(fixed)})" if fixed else "")


def _tick(name: str, members: Sequence[str]) -> str:
    varying = [part for part in _settings(name) if part not in _shared(members)]
    return "\n".join(part.split("=", 1)[-1] for part in varying) or "default"
