"""How well each bit of the code is read after each attack: bits that a pair has learned worse than others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ftbench.errors import BadInput
from ftbench.plaintext import shown
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
from ftbench.storage.results import MARKED, UNDISTORTED, UNMARKED

MOST, ATTACKS = 6, 40
"""Settings, and attacks of each, that one figure holds."""
LINE, LEFT, TITLE, FOOT, BAR = 17, 250, 34, 46, 80
NARROWEST, WIDEST = 460, 900


@dataclass(frozen=True)
class ByBit:
    """Of one setting: the share of readings in which each bit was right, (attacks, n)."""

    attacks: tuple[str, ...]
    right: NDArray[np.float64]


def by_bit(simulator: Sequence[str], distortion: Sequence[str], wrong: NDArray[np.bool_]) -> ByBit:
    """From readings (readings,) and which of their bits were wrong (readings, n).

    Of marked images after a simulator, or a distortion, or neither.
    """
    kept: dict[str, list[int]] = {}
    for number, (faked, damaged) in enumerate(zip(simulator, distortion, strict=True)):
        if faked != UNMARKED and (faked == MARKED or damaged == UNDISTORTED):
            name = damaged if faked == MARKED else faked
            kept.setdefault("marked" if name == UNDISTORTED else name, []).append(number)
    right = [1.0 - wrong[places].mean(axis=0) for places in kept.values()]
    return ByBit(tuple(kept), np.array(right, dtype=np.float64).reshape(len(kept), wrong.shape[1]))


def bit_map(path: Path, found: Mapping[str, ByBit], caption: Caption) -> Path:
    """Write the figure: a panel a setting, a line an attack, a column a bit. Raises BadInput without a reading."""
    listed = {label: one for label, one in found.items() if one.right.size and one.right.shape[1] > 1}
    if not listed:
        raise BadInput("there are no readings bit by bit; cells of earlier releases keep none")
    drawn = {label: ByBit(one.attacks[:ATTACKS], one.right[:ATTACKS]) for label, one in list(listed.items())[:MOST]}
    bits = max(one.right.shape[1] for one in drawn.values())
    wide = int(np.clip(20 * bits, NARROWEST, WIDEST))
    width = LEFT + wide + BAR
    title = "Share of readings in which each bit of the code was right, %. "
    title += f"{len(listed) - len(drawn)} more settings are not shown. " if len(listed) > len(drawn) else ""
    said = caption_lines(title + caption.line(), width)
    heights = {label: LINE * len(one.attacks) for label, one in drawn.items()}
    height = sum(TITLE + tall + FOOT for tall in heights.values()) + (len(said) + 2) * LINE_PIXELS
    with plain_style():
        made, top = figure(width, height), height
        for label, one in drawn.items():
            bottom, tall = top - TITLE - heights[label], heights[label] / height
            axes = made.add_axes((LEFT / width, bottom / height, wide / width, tall))
            edges = (0.5, one.right.shape[1] + 0.5, len(one.attacks) - 0.5, -0.5)
            image = axes.imshow(
                100 * one.right, cmap="cividis", vmin=50, vmax=100, aspect="auto", interpolation="nearest", extent=edges
            )
            axes.set_title(wrapped(label, 80, 1), fontsize=11, color=TEXT, weight="bold", loc="left")
            axes.set_yticks(range(len(one.attacks)), [shown(name)[:40] for name in one.attacks])
            axes.tick_params(labelsize=8, length=0, labelcolor=TEXT)
            axes.set_xlabel("bit of the code", fontsize=9, color=TEXT)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            for side in axes.spines.values():
                side.set_visible(False)
            bar = made.colorbar(
                image, cax=made.add_axes(((LEFT + wide + 14) / width, bottom / height, 12 / width, tall))
            )
            bar.ax.tick_params(labelsize=8.5, labelcolor=TEXT, color=QUIET)
            top = bottom - FOOT
        write_caption(made, said)
        return save(path, made)
