"""What a mark changes, and at which spatial frequencies: brightness apart from colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ftbench.errors import BadInput
from ftbench.report.figures.canvas import (
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
from ftbench.report.figures.pictures import GAIN, difference
from ftbench.report.result import Caption, Samples

MOST = 12
"""Settings that one figure holds."""
SIDE, GAP, LEFT, TITLE, FOOT, PLOT = 180, 26, 30, 62, 46, 300
FLOOR = -60.0
"""dB under the strongest frequency of all settings, where shades end."""
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""ITU-R BT.601, as JPEG has it: brightness, and two differences of colour."""
SHADES = "cividis"


@dataclass(frozen=True)
class Spectrum:
    """Mean power of what was changed, in squared levels, by frequency (h, w), the slowest in the middle."""

    brightness: NDArray[np.float64]
    colour: NDArray[np.float64]


def spectrum(cover: NDArray[np.uint8], marked: NDArray[np.uint8]) -> Spectrum:
    """Of pictures (n,h,w,3), 8-bit, a mean over them; the sum over frequencies is the mean square of the change."""
    change = (marked.astype(np.float64) - cover) @ TO_YCC.T
    power = np.abs(np.fft.fft2(change, axes=(1, 2))) ** 2 / (change.shape[1] * change.shape[2]) ** 2
    mean = np.fft.fftshift(power.mean(axis=0), axes=(0, 1))
    return Spectrum(mean[..., 0], mean[..., 1] + mean[..., 2])


def rings(power: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequency in cycles a pixel, from 0 up to one half, and the mean power of all directions there."""
    side = min(power.shape)
    down, along = (np.fft.fftshift(np.fft.fftfreq(length)) for length in power.shape)
    ring = np.rint(np.hypot(down[:, None], along) * side).astype(int).ravel()
    mean = np.bincount(ring, power.ravel()) / np.maximum(np.bincount(ring), 1)
    return np.arange(side // 2 + 1) / side, mean[: side // 2 + 1]


def residual_figure(path: Path, samples: Mapping[str, Samples], caption: Caption) -> Path:
    """A row a setting: one change, its spectra over all samples as maps, and by frequency. Raises BadInput without."""
    found = {label: spectrum(one.cover, one.marked) for label, one in list(samples.items())[:MOST] if len(one.names)}
    most = max((max(one.brightness.max(), one.colour.max()) for one in found.values()), default=0.0)
    if most == 0:
        raise BadInput("there is no change to draw: no sample was marked")
    width = LEFT + 3 * (SIDE + GAP) + 70 + PLOT + 160
    title = (
        f"Change ×{GAIN} of the first sample, and the power of the change over all samples, in dB under the strongest "
    )
    title += "frequency of all. The middle of a map is what varies slowest; its edge, a period of two pixels. "
    left_out = len(samples) - len(found)
    title += f"{left_out} more settings are not shown. " if left_out > 0 else ""
    said = caption_lines(title + caption.line(), width)
    block = TITLE + SIDE + FOOT
    height = len(found) * block + (len(said) + 2) * LINE_PIXELS
    with plain_style():
        made, first = figure(width, height), None
        for number, (label, one) in enumerate(found.items()):
            bottom = height - number * block - TITLE - SIDE

            def at(left: int, wide: int, bottom: int = bottom) -> tuple[float, float, float, float]:
                return left / width, bottom / height, wide / width, SIDE / height

            place = ((LEFT) / width, (bottom + SIDE + 30) / height)
            made.text(*place, wrapped(label, 90, 1), fontsize=11.5, color=TEXT, weight="bold", va="bottom")
            shown = samples[label]
            _picture(made.add_axes(at(LEFT, SIDE)), difference(shown.cover[0], shown.marked[0]), f"change ×{GAIN}")
            maps = (("brightness", one.brightness), ("colour", one.colour))
            for column, (name, power) in enumerate(maps, start=1):
                left = LEFT + column * (SIDE + GAP)
                drawn = _picture(made.add_axes(at(left, SIDE)), _decibels(power, most), f"{name}, by frequency")
            bar = made.colorbar(drawn, cax=made.add_axes(at(LEFT + 3 * (SIDE + GAP) - 10, 12)))
            bar.ax.tick_params(labelsize=8.5, labelcolor=TEXT, color=QUIET)
            bar.outline.set_visible(False)
            axes = made.add_axes(at(LEFT + 3 * (SIDE + GAP) + 90, PLOT), sharey=first)
            first = first or axes
            _profile(axes, one, most)
        write_caption(made, said)
        return save(path, made)


def _decibels(power: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    floor = most * 10 ** (FLOOR / 10)
    found: NDArray[np.float64] = 10 * np.log10(np.maximum(power, floor) / most)
    return found


def _picture(axes: Axes, picture: NDArray[np.generic], title: str) -> matplotlib.image.AxesImage:
    drawn = axes.imshow(picture, cmap=SHADES, vmin=FLOOR, vmax=0, interpolation="nearest")
    axes.set_title(title, fontsize=9.5, color=TEXT)
    axes.set_xticks([])
    axes.set_yticks([])
    return drawn


def _profile(axes: Axes, one: Spectrum, most: float) -> None:
    quiet_axes(axes)
    for name, power, ink, dashes in (
        ("brightness", one.brightness, "#000000", "-"),
        ("colour", one.colour, "#D55E00", "--"),
    ):
        where, mean = rings(power)
        axes.plot(where, _decibels(mean, most), label=name, linewidth=1.6, color=ink, linestyle=dashes)
    axes.set_ylim(FLOOR, 2)
    axes.set_title("dB, by frequency", fontsize=9.5, color=TEXT)
    axes.set_xlabel("cycles a pixel", fontsize=9, color=TEXT)
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0.0)
