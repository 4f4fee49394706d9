from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ftbench.errors import BadInput
from ftbench.report.figures import curves, difference, distortion_plot, picture_grid
from ftbench.report.figures.canvas import COLOURS
from ftbench.report.figures.distortions import _series, panels
from ftbench.report.result import Caption, Samples
from ftbench.storage.results import CellResult

WIDEST = 1600


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert not {"Software", "date:create", "Creation Time", "tIME"} & set(picture.info)
        return np.asarray(picture.convert("RGB"))


def count(picture: np.ndarray, colour: tuple[int, int, int] | str) -> int:
    if isinstance(colour, str):
        colour = tuple(bytes.fromhex(colour[1:]))  # type: ignore[assignment]
    return int((picture == np.array(colour)).all(axis=2).sum())


def frame_is_white(picture: np.ndarray) -> bool:
    """Nothing is cut off: no ink touches the border."""
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    return all(bool((edge == 255).all()) for edge in edges)


def test_difference_is_ten_times_the_change_around_mid_grey() -> None:
    cover = np.array([[[100, 100, 100], [0, 255, 10]]], dtype=np.uint8)
    marked = np.array([[[100, 103, 98], [20, 240, 10]]], dtype=np.uint8)
    assert difference(cover, marked).tolist() == [[[128, 158, 108], [255, 0, 128]]]


def test_grid_shows_whole_pixels_and_grey_where_nothing_changed(
    tmp_path: Path, samples: Samples, caption: Caption
) -> None:
    picture = pixels(picture_grid(tmp_path / "s.png", {"λ=1": samples}, caption))
    assert picture.shape[1] <= WIDEST
    assert frame_is_white(picture)
    # 32 px are shown five times enlarged, so a picture is 160 × 160 pixels of its colour and no other.
    area = 160 * 160
    assert count(picture, (10, 200, 30)) == 2 * area  # first cover and marked
    assert count(picture, (90, 60, 140)) == area  # second cover
    assert count(picture, (93, 60, 140)) == area  # second marked
    assert count(picture, (128, 128, 128)) >= area  # first difference; grey letters may add a few
    assert count(picture, (158, 128, 128)) == area  # second difference, 128 + 10 · 3
    assert count(picture, (5, 100, 15)) == 2 * area  # first fakes
    green = np.argwhere((picture == (10, 200, 30)).all(axis=2))
    top, left = green.min(axis=0)
    # The difference column is the third of equal columns: one width and one gap past marked.
    right = green[:, 1].max()
    gap = right - left + 1 - 2 * 160
    block = picture[top : top + 160, right + 1 + gap : right + 1 + gap + 160]
    assert (block == 128).all()


@pytest.mark.parametrize(("side", "shown"), [(32, 160), (64, 192), (128, 256), (256, 256), (512, 256), (300, 150)])
def test_grid_fits_a_page_at_any_image_size(tmp_path: Path, caption: Caption, side: int, shown: int) -> None:
    cover = np.full((1, side, side, 3), (10, 200, 30), dtype=np.uint8)
    sample = Samples(("one",), cover, cover, cover, cover)
    picture = pixels(picture_grid(tmp_path / "s.png", {"a": sample}, caption))
    assert picture.shape[1] <= WIDEST
    assert count(picture, (10, 200, 30)) == 4 * shown * shown


def test_grid_keeps_every_pixel_upright(tmp_path: Path, caption: Caption) -> None:
    cover = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    picture = pixels(picture_grid(tmp_path / "s.png", {"a": Samples(("one",), cover, cover)}, caption))
    large = cover[0].repeat(5, axis=0).repeat(5, axis=1)
    starts = np.argwhere((picture == large[0, 0]).all(axis=2))
    assert any(np.array_equal(picture[y : y + 160, x : x + 160], large) for y, x in starts)


def test_grid_without_a_sample_is_refused(tmp_path: Path, caption: Caption) -> None:
    with pytest.raises(BadInput, match="no sample images"):
        picture_grid(tmp_path / "s.png", {}, caption)


def test_samples_must_agree() -> None:
    cover = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    with pytest.raises(BadInput, match="uint8"):
        Samples(("a",), cover, cover.astype(float))
    with pytest.raises(BadInput, match="one a row name"):
        Samples(("a", "b"), cover, cover)
    with pytest.raises(BadInput, match="both or neither"):
        Samples(("a",), cover, cover, cover)


def test_curves_draw_what_was_recorded_and_nothing_else(tmp_path: Path, result: CellResult, caption: Caption) -> None:
    blue, vermilion = COLOURS[:2]
    legend_alone = replace(result, curve=pd.DataFrame({"step": [1, 2], "psnr": [20.0, 30.0]}))
    without = pixels(curves(tmp_path / "a.png", [legend_alone], caption))
    drawn = pixels(curves(tmp_path / "b.png", [result], caption))
    swapped = replace(result, curve=result.curve.assign(val_accuracy_swapped=[0.5, 0.6, 0.7]))
    with_swapped = pixels(curves(tmp_path / "c.png", [swapped], caption))
    assert count(drawn, blue) > count(without, blue)
    assert count(drawn, vermilion) == count(without, vermilion)
    assert count(with_swapped, vermilion) > count(drawn, vermilion)
    for picture in (without, drawn, with_swapped):
        assert picture.shape[1] <= WIDEST
        assert frame_is_white(picture)


def test_curves_of_many_settings_stay_within_the_page(tmp_path: Path, result: CellResult, caption: Caption) -> None:
    label = "unet-resnet18 conv7 soft-bch λ=10 α=0.1 seed 2"
    cells = [replace(result, cell=f"{n:064x}", label=f"{label}{n}") for n in range(6)]
    cells[3] = replace(cells[3], curve=pd.DataFrame({"step": []}), status="stalled")
    picture = pixels(curves(tmp_path / "c.png", cells, caption))
    assert picture.shape[1] <= WIDEST
    assert frame_is_white(picture)


def test_panels_group_strengths_in_file_order() -> None:
    names = ["identity", "jpeg quality=90", "resize scale=0.9 antialias=yes", "flip", "jpeg quality=50",
             "resize scale=0.5 antialias=yes", "median kernel=3"]  # fmt: skip
    jpeg, resize, single = panels(names)
    assert jpeg.title == "jpeg: quality"
    assert jpeg.points == (("none", "identity"), ("90", "jpeg quality=90"), ("50", "jpeg quality=50"))
    assert resize.title == "resize: scale (antialias=yes)"
    assert [tick for tick, _ in resize.points] == ["none", "0.9", "0.5"]
    assert not single.joined
    assert [name for _, name in single.points] == ["identity", "flip", "median kernel=3"]


def test_every_distortion_has_its_place_in_a_panel() -> None:
    names = [f"single{n} p=1" for n in range(30)] + [f"grid p={n}" for n in range(5)]
    shown = [name for panel in panels(names) for _, name in panel.points]
    assert sorted(shown) == sorted(names)
    # A single point compares nothing.
    assert panels(["identity"]) == panels(["flip"]) == []


def test_distortion_plot(tmp_path: Path, result: CellResult, caption: Caption) -> None:
    strengths = [
        result.rows[result.rows["distortion"] == "identity"].assign(
            distortion=f"jpeg quality={q}", category="compression"
        )
        for q in (90, 70, 30)
    ]
    cell = replace(result, rows=pd.concat([result.rows, *strengths]))
    one = pixels(distortion_plot(tmp_path / "one.png", [cell], caption))
    two = pixels(distortion_plot(tmp_path / "two.png", [cell, replace(cell, cell="2", label="b")], caption))
    assert count(one, COLOURS[0]) > 200
    assert count(one, COLOURS[1]) == 0
    assert count(two, COLOURS[1]) > 200
    for picture in (one, two):
        assert picture.shape[1] <= WIDEST
        assert frame_is_white(picture)


def test_seeds_of_a_setting_are_drawn_as_their_mean(tmp_path: Path, result: CellResult, caption: Caption) -> None:
    seeds = [
        replace(
            result,
            cell=str(seed),
            label=f"a seed {seed}",
            settings={**result.settings, "seed": str(seed)},
            rows=result.rows.assign(code_errors=seed),
        )
        for seed in (0, 1, 3)
    ]
    [(label, accuracies)] = _series(seeds).items()
    assert label == "a"
    found = accuracies["none", "identity"].estimate
    assert found is not None
    expected = [1 - errors / result.code_bits for errors in (4 / 3, 3, 0)]
    assert (found.value, found.low, found.high) == pytest.approx(expected)
    picture = pixels(distortion_plot(tmp_path / "s.png", seeds, caption))
    assert count(picture, COLOURS[0]) > 50
    assert count(picture, COLOURS[1]) == 0
    # One seed twice, or one that stalled: nothing is averaged.
    assert len(_series([*seeds, replace(seeds[0], cell="7")])) == 4
    assert len(_series([seeds[0], replace(seeds[1], status="stalled")])) == 2


def test_more_deepfakes_than_line_styles_are_left_to_the_table(
    tmp_path: Path, result: CellResult, caption: Caption
) -> None:
    marked = result.rows[result.rows["simulator"] == "none"].assign(code_errors=0)
    fakes = [marked.assign(simulator=f"fake{n}", code_errors=result.code_bits) for n in range(6)]
    few, many = (
        pixels(distortion_plot(tmp_path / "f.png", [replace(result, rows=pd.concat([marked, *some]))], caption))
        for some in (fakes[:2], fakes)
    )
    assert count(many, COLOURS[0]) < count(few, COLOURS[0])


def test_nothing_to_draw_is_refused(tmp_path: Path, caption: Caption) -> None:
    with pytest.raises(BadInput, match="no finished cell"):
        distortion_plot(tmp_path / "d.png", [], caption)
    with pytest.raises(BadInput, match="no finished cell"):
        curves(tmp_path / "c.png", [], caption)


@pytest.mark.parametrize("draw", ["pictures", "curves", "distortions"])
def test_same_input_same_bytes_whatever_the_readers_settings(
    tmp_path: Path, result: CellResult, samples: Samples, caption: Caption, draw: str
) -> None:
    drawn: Callable[[Path], Path] = {
        "pictures": lambda path: picture_grid(path, {"a": samples}, caption),
        "curves": lambda path: curves(path, [result], caption),
        "distortions": lambda path: distortion_plot(path, [result], caption),
    }[draw]
    first = drawn(tmp_path / "1.png").read_bytes()
    with matplotlib.rc_context({"font.size": 30.0, "axes.facecolor": "red", "savefig.dpi": 30}):
        second = drawn(tmp_path / "2.png").read_bytes()
        assert matplotlib.rcParams["font.size"] == 30.0
    assert first == second
    plots = {path.suffix: [] for path in tmp_path.iterdir()}
    for path in sorted(tmp_path.iterdir()):
        plots[path.suffix].append(path.read_bytes())
    assert set(plots) == ({".png"} if draw == "pictures" else {".png", ".svg"})
    assert all(len(both) == 2 and both[0] == both[1] for both in plots.values())


def test_figures_leave_pyplot_and_torch_alone() -> None:
    program = (
        "import sys; import ftbench.report; assert 'matplotlib' not in sys.modules;"
        "import ftbench.report.figures;"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
