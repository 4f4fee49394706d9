"""What all figures share: a pixel-sized Figure, colours, a wrapped caption, and bytes without a date."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ftbench.plaintext import shown
from ftbench.report.files import write_bytes

DPI = 100
TEXT, QUIET, GRID = "#222222", "#555555", "#dddddd"
# Okabe and Ito's palette, told apart with any kind of colour vision; its yellow is too pale for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
MARKERS = "osD^vP"
CAPTION_POINTS = 8.5
LINE_PIXELS = 15
OUTLINE, FRACTION = re.compile(rb'\bd="[^"]*"'), re.compile(rb"(\.\d\d)\d+")
"""A path of an SVG, and a number in it with more decimals than any eye sees."""


def figure(width: int, height: int) -> Figure:
    """An empty white Figure of that many pixels, drawn by Agg and unknown to pyplot."""
    made = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(made)
    return made


def caption_lines(caption: str, width: int) -> list[str]:
    """The caption, wrapped to ``width`` pixels less a margin."""
    # A letter of the caption's face is 5.9 px wide on average at its size; 6.4 leaves room for capitals.
    return textwrap.wrap(shown(caption), max(20, int((width - 40) / 6.4)))


def write_caption(made: Figure, lines: list[str]) -> None:
    """Put the caption at the bottom left; it takes ``LINE_PIXELS`` a line and one more below."""
    height = made.get_size_inches()[1] * DPI
    width = made.get_size_inches()[0] * DPI
    for number, line in enumerate(reversed(lines)):
        y = (0.7 + number) * LINE_PIXELS / height
        made.text(20 / width, y, line, fontsize=CAPTION_POINTS, color=QUIET, va="bottom", ha="left")


def wrapped(text: str, letters: int, lines: int) -> str:
    """At most that many lines of about that many letters; an ellipsis stands for the middle of what is longer.

    What tells names apart, a seed or a quality, stands at their end.
    """
    whole = textwrap.wrap(shown(text), letters)
    if len(whole) <= lines:
        return "\n".join(whole)
    if lines == 1:
        start, end = letters - letters // 2 - 1, letters // 2
        return f"{shown(text)[:start].rstrip()}…{shown(text)[-end:].lstrip()}"
    first, last = whole[: lines - lines // 2], whole[-(lines // 2) :]
    return "\n".join([*first[:-1], first[-1] + "…", *last])


def quiet_axes(axes: Axes) -> None:
    """A light grid and no box."""
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(which="minor", color=GRID)
    axes.tick_params(labelsize=8.5, color=GRID, labelcolor=TEXT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#999999")


@contextmanager
def plain_style() -> Iterator[None]:
    """Within it the reader's own matplotlib settings change nothing, and ``$`` in a name begins no mathematics."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["text.parse_math"] = False
        yield


def save(path: Path, made: Figure, vector: bool = True) -> Path:
    """Write PNG, and an SVG beside it, each whole or not at all; the same figure gives the same bytes.

    Not ``vector``: pixels alone, of which an SVG would be a wrapper.
    """
    buffer = io.BytesIO()
    made.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    if vector:
        held = io.BytesIO()
        # Letters stay letters: a tenth of the size, and a reader can search for a name.
        with matplotlib.rc_context({"svg.hashsalt": "ftbench", "svg.fonttype": "none"}):
            made.savefig(held, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
        write_bytes(path.with_suffix(".svg"), OUTLINE.sub(_shorter, held.getvalue()))
    return write_bytes(path, buffer.getvalue())


def _shorter(outline: re.Match[bytes]) -> bytes:
    return FRACTION.sub(rb"\1", outline[0])
