"""How cost grows with images, attacks and cells, over two decades: measured, fitted by a straight line, drawn."""

from __future__ import annotations

import io
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from rich.console import Console
from tabulate import tabulate

from benchmarks.speed.clock import Work, timed
from benchmarks.speed.setup import WORK_FILE, opened, training
from ftbench.machine import provenance
from ftbench.progress import Silent
from ftbench.report.figures.canvas import COLOURS, caption_lines, figure, plain_style, quiet_axes, save, write_caption
from ftbench.runner.jobs import WORK
from ftbench.runner.opening import Request, open_benchmark

IMAGES = (10, 30, 100, 300, 1000)
ATTACKS = (1, 3, 10, 30, 100)
CELLS = (100, 300, 1000, 3000, 10_000)
FEW_ATTACKS, FEW_IMAGES = 4, 16
PICTURES = 5.5
"""Of each of two people, for one image of the test split, which a tenth of all are at least."""
WIDTH, HEIGHT = 1080, 420


@dataclass(frozen=True)
class Growth:
    """Seconds of a processor at several counts of a thing."""

    what: str
    work: str
    counts: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def line(self) -> tuple[float, float]:
        """Seconds at none and seconds each: least squares, relative errors alike."""
        weights = 1 / np.array(self.seconds)
        each, start = np.polyfit(self.counts, self.seconds, 1, w=weights)
        return float(start), float(each)

    @property
    def off(self) -> float:
        """The largest distance of a point from the line, as a share of the point."""
        start, each = self.line
        return max(abs(start + each * n - s) / s for n, s in zip(self.counts, self.seconds, strict=True))

    @property
    def exponent(self) -> float:
        """Of the last decade: 1 is linear, less still holds a fixed cost."""
        last, tenth = self.counts[-1], self.counts[-1] / 10
        before = float(np.interp(tenth, self.counts, self.seconds))
        return float(np.log(self.seconds[-1] / before) / np.log(last / tenth))


def images(repeats: int) -> Growth:
    """A whole evaluation cell of more and more images."""
    return _grown("images", f"an evaluation under {FEW_ATTACKS} distortions", IMAGES, repeats, _of_images)


def attacks(repeats: int) -> Growth:
    """A whole evaluation cell under more and more distortions."""
    return _grown("attacks", f"an evaluation of {FEW_IMAGES} images", ATTACKS, repeats, _of_attacks)


def cells(repeats: int) -> Growth:
    """A benchmark read, checked and planned, of more and more cells."""
    return _grown("cells", "reading, checking and planning a benchmark", CELLS, repeats, _of_cells)


def _grown(
    what: str, work: str, counts: tuple[int, ...], repeats: int, at: Callable[[int], AbstractContextManager[Work]]
) -> Growth:
    seconds = []
    for count in counts:
        with at(count) as once:
            once()
            seconds.append(statistics.median(timed(once).cpu for _ in range(repeats)))
    return Growth(what, work, counts, tuple(seconds))


@contextmanager
def _evaluation(*settings: str) -> Iterator[Work]:
    with opened("growth", 1, *settings) as found:
        bench, [cell] = found.bench, found.plan.evaluations
        WORK["train"](training(found), bench, bench.folder(training(found)), Silent())
        yield lambda: WORK["evaluate"](cell, bench, bench.folder(cell), Silent())


def _jpeg(count: int) -> str:
    qualities = ", ".join(str(quality) for quality in range(100, 100 - count, -1))
    return f"evaluate.distortions=[{{name: jpeg, quality: [{qualities}]}}]"


def _of_images(count: int) -> AbstractContextManager[Work]:
    settings = [
        f"dataset.images_per_identity={max(40, round(PICTURES * count))}",
        f"evaluate.limit={count}",
        _jpeg(FEW_ATTACKS),
    ]
    return _evaluation("train.steps=1", *settings)


def _of_attacks(count: int) -> AbstractContextManager[Work]:
    return _evaluation("train.steps=1", "dataset.images_per_identity=100", f"evaluate.limit={FEW_IMAGES}", _jpeg(count))


@contextmanager
def _of_cells(count: int) -> Iterator[Work]:
    seeds = ", ".join(map(str, range(count // 2)))
    settings = [f"matrix.seed=[{seeds}]", f"most_settings={count}"]
    with tempfile.TemporaryDirectory() as out:
        request = Request(str(WORK_FILE), "growth", out=Path(out), assignments=settings)
        yield lambda: len(open_benchmark(request, Console(file=io.StringIO()), settle_on_disk=False).plan.cells)


def drawn(grown: list[Growth], repeats: int) -> Figure:
    """A panel each, both axes in decades: the points, and the straight line that fits them."""
    with plain_style():
        made = figure(WIDTH, HEIGHT)
        axes = made.subplots(1, len(grown), sharey=True)
        for place, (one, panel) in enumerate(zip(grown, axes, strict=True)):
            quiet_axes(panel)
            start, each = one.line
            along = np.geomspace(one.counts[0], one.counts[-1], 60)
            panel.plot(along, start + each * along, color=COLOURS[place], linewidth=1.2)
            panel.plot(one.counts, one.seconds, "o", color=COLOURS[place], markersize=5)
            for axis, scale in ((panel.xaxis, panel.set_xscale), (panel.yaxis, panel.set_yscale)):
                scale("log")
                axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
                axis.set_minor_formatter(NullFormatter())
            panel.set_xlabel(one.what, fontsize=9.5)
            panel.set_title(f"{one.work}:\n{_short(start)} and {_short(each)} each", fontsize=9)
        axes[0].set_ylabel("seconds of a processor", fontsize=9.5)
        caption = (
            f"Cost against work over two decades. Dots: medians of {repeats}. Lines: a fixed cost and an equal one for "
            f"each. One thread of {provenance.machine()['processor']}; python -m benchmarks.speed growth."
        )
        lines = caption_lines(caption, WIDTH)
        write_caption(made, lines)
        made.subplots_adjust(left=0.07, right=0.98, top=0.86, bottom=0.25, wspace=0.25)
        return made


def main(file: Path, repeats: int) -> str:
    """Measure, draw into ``file``, and say how straight the lines are."""
    grown = [images(repeats), attacks(repeats), cells(repeats)]
    file.parent.mkdir(parents=True, exist_ok=True)
    save(file, drawn(grown, repeats))
    rows = [
        [
            one.what,
            f"{one.counts[0]:,} to {one.counts[-1]:,}",
            *map(_short, one.line),
            f"{one.exponent:.2f}",
            f"{100 * one.off:.0f} %",
            ", ".join(f"{s:.3g}" for s in one.seconds),
        ]
        for one in grown
    ]
    heads = ["of", "from", "fixed", "each", "exponent of the last decade", "farthest point off", "seconds"]
    return tabulate(rows, headers=heads, disable_numparse=True)


def _short(seconds: float) -> str:
    return f"{seconds:.3g} s" if abs(seconds) >= 1 else f"{1000 * seconds:.3g} ms"
