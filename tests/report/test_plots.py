"""Plots of equal quality, transfer, bits and residuals: what they are drawn from, and that they are drawn."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.fft import fft2
from skimage.color import rgb2ycbcr

from ftbench.errors import BadInput
from ftbench.report.figures import by_bit, matrix, trainings, transfer_matrix
from ftbench.report.figures.bits import bit_map
from ftbench.report.figures.canvas import wrapped
from ftbench.report.figures.equal import Point, equal_quality, front, traces
from ftbench.report.figures.residuals import residual_figure, rings, spectrum
from ftbench.report.page.drawn import PICTURES, drawn
from ftbench.report.result import Caption, Samples
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import CellResult
from tests.report.test_figures import frame_is_white, pixels


def evaluated(result: CellResult, psnr: float, errors: int, **settings: str) -> CellResult:
    held = settings["at dB"] if settings["at dB"] == "own" else settings["at dB"] + " dB"
    label = f"{result.label} at " + (f"FLIP {settings['at FLIP']}" if "at FLIP" in settings else held)
    return replace(
        result,
        cell=f"{label}{settings}",
        label=label,
        settings={**result.settings, "target dB": "30", **settings},
        rows=result.rows.assign(code_errors=errors),
        quality=result.quality.assign(psnr=psnr, flip=1 / psnr),
    )


def several(result: CellResult) -> list[CellResult]:
    other = replace(result, label="b", settings={**result.settings, "encoder": "b"})
    return [
        evaluated(result, 30.0, 0, **{"at dB": "own"}),
        evaluated(result, 36.0, 1, **{"at dB": "36"}),
        evaluated(result, 40.0, 2, **{"at dB": "40"}),
        evaluated(other, 30.0, 1, **{"at dB": "own"}),
        evaluated(other, 40.0, 1, **{"at dB": "40"}),
        evaluated(other, 33.0, 1, **{"at dB": "none", "at FLIP": "0.05"}),
    ]


def test_a_line_joins_one_training_at_several_qualities(result: CellResult) -> None:
    found = traces(several(result), "psnr")
    assert set(found) == {"not attacked", "other simulators", "distortions: compression"}
    lines = found["not attacked"]
    assert set(lines) == {result.label, "b"}
    assert [(point.quality, point.bits.value) for point in lines[result.label]] == [(30, 1.0), (36, 0.75), (40, 0.5)]
    # What was held at a FLIP is no point of a PSNR.
    assert [point.quality for point in lines["b"]] == [30, 40]
    assert traces(several(result)[:1], "psnr") == {}
    flips = traces(several(result), "flip")["not attacked"]
    assert [point.quality for point in flips["b"]] == pytest.approx([1 / 30, 1 / 33])
    assert len(flips[result.label]) == 1


def test_the_front_holds_what_nothing_beats() -> None:
    points = [Point(x, Estimate(y, y, y, 1, "")) for x, y in ((30, 0.9), (31, 0.95), (36, 0.8), (35, 0.7), (40, 0.8))]
    assert [(one.quality, one.bits.value) for one in front(points, "psnr")] == [(31, 0.95), (40, 0.8)]
    assert [(one.quality, one.bits.value) for one in front(points, "flip")] == [(31, 0.95), (30, 0.9)]


def test_plots_are_written_as_png_and_svg_without_a_date(
    tmp_path: Path, result: CellResult, samples: Samples, caption: Caption
) -> None:
    reads = by_bit(["none"] * 4, ["identity"] * 2 + ["jpeg quality=50"] * 2, np.eye(4, 5, dtype=bool))
    made = [
        equal_quality(tmp_path / "psnr.png", traces(several(result), "psnr"), "psnr", caption),
        bit_map(tmp_path / "bits.png", {"a $b$ <c>": reads}, caption),
        residual_figure(tmp_path / "residuals.png", {"a": samples}, caption),
    ]
    for path in made:
        picture = pixels(path)
        assert picture.shape[1] <= 1600
        assert frame_is_white(picture)
        svg = path.with_suffix(".svg").read_text(encoding="utf-8")
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert "<dc:date>" not in svg
    assert "a $b$ &lt;c&gt;" in (tmp_path / "bits.svg").read_text(encoding="utf-8")


def test_a_matrix_of_methods_and_simulators(tmp_path: Path, result: CellResult, caption: Caption) -> None:
    more = result.rows[result.rows["simulator"] == "faceswap"].assign(simulator="reenact", code_errors=2)
    both = replace(result, rows=result.rows.merge(more, how="outer"), settings={"trained against": "faceswap"})
    other = replace(both, cell="2", label="b", settings={"trained against": "reenact"})
    assert matrix([both]) is None
    assert matrix([result, replace(result, cell="2", label="b", settings={"encoder": "b"})]) is None
    found = matrix([both, other])
    assert found is not None
    methods, rows, values = found
    assert [method.label for method in methods] == [result.label, "b"]
    assert [row.title for row in rows] == ["marked", "faceswap", "reenact"]
    # Of 16 bits 4 are wrong unattacked, 8 after faceswap; of reenact every second one.
    np.testing.assert_allclose(values, [[0.75, 0.5, 0.5]] * 2)
    assert frame_is_white(pixels(transfer_matrix(tmp_path / "t.png", [both, other], caption)))
    with pytest.raises(BadInput, match="two methods and two simulators"):
        transfer_matrix(tmp_path / "t.png", [both], caption)


def test_what_tells_names_apart_stays_where_they_are_cut(tmp_path: Path, result: CellResult, caption: Caption) -> None:
    assert wrapped("faceswap width=0.25 latent=256 seed=100", 13, 3) == "faceswap\nwidth=0.25…\nseed=100"
    assert wrapped("faceswap seed=100", 13, 3) == "faceswap\nseed=100"
    assert wrapped("abcdefghijklmnop", 9, 1) == "abcd…mnop"
    swaps = [f"swap width=0.25 latent=256 colours=3 more=12345 most=123456 seed={seed}" for seed in (100, 101)]
    of = result.rows[result.rows["simulator"] == "faceswap"]
    rows = pd.concat([result.rows, *(of.assign(simulator=swap) for swap in swaps)])
    pair = [replace(result, rows=rows), replace(result, cell="2", label="b", settings={"encoder": "b"}, rows=rows)]
    drawn = transfer_matrix(tmp_path / "t.png", pair, caption)
    assert frame_is_white(pixels(drawn))
    said = [text.text or "" for text in ElementTree.parse(drawn.with_suffix(".svg")).iter() if text.text]
    assert {"seed=100", "seed=101"} <= {word for line in said for word in line.split()}


def test_each_bit_is_counted_by_itself_and_the_control_is_left_out() -> None:
    wrong = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]], dtype=bool)
    found = by_bit(["none", "none", "swap", "unmarked", "swap"], ["identity"] * 4 + ["flip"], wrong)
    assert found.attacks == ("marked", "swap")
    assert found.right.tolist() == [[0.5, 1, 1], [0, 0, 1]]
    with pytest.raises(BadInput, match="no readings bit by bit"):
        bit_map(Path("none.png"), {}, Caption("b", "d", "0", "s", 8, 1, 1, (0,), "1"))


def test_the_spectrum_is_the_power_of_brightness_and_of_colour() -> None:
    draw = np.random.default_rng(0)
    cover, marked = (draw.integers(0, 256, (3, 16, 12, 3), dtype=np.uint8) for _ in range(2))
    found = spectrum(cover, marked)
    # scikit-image scales to 16..235 and 16..240, as television has it.
    change = (rgb2ycbcr(marked) - rgb2ycbcr(cover)) * 255 / np.array([219, 224, 224])
    power = (np.abs(fft2(change, axes=(1, 2))) ** 2).mean(axis=0) / (16 * 12) ** 2
    np.testing.assert_allclose(np.fft.ifftshift(found.brightness), power[..., 0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(np.fft.ifftshift(found.colour), power[..., 1] + power[..., 2], rtol=1e-3, atol=1e-6)
    # Parseval: the sum over frequencies is the mean square.
    assert found.brightness.sum() == pytest.approx((change[..., 0] ** 2).mean(), rel=1e-3)


def test_a_wave_stands_at_its_frequency() -> None:
    wave = np.cos(2 * np.pi * 8 * np.arange(32) / 32)
    power = np.abs(np.fft.fftshift(np.fft.fft2(np.tile(wave, (32, 1))))) ** 2
    where, mean = rings(power)
    assert where[np.argmax(mean)] == pytest.approx(8 / 32)
    assert (where[0], where[-1]) == (0, 0.5)


def test_a_training_is_drawn_once_and_one_look_is_no_curve(result: CellResult) -> None:
    own, held = evaluated(result, 30.0, 0, **{"at dB": "own"}), evaluated(result, 36.0, 0, **{"at dB": "36"})
    untrained = replace(result, cell="3", label="c", curve=result.curve.iloc[:1])
    assert [label for label, _ in trainings([own, held, untrained])] == [result.label]


def test_drawings_are_taken_while_there_is_room(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), "white").save(tmp_path / "a.png")
    png = (tmp_path / "a.png").read_bytes()
    small, large = (f'<svg xmlns="http://www.w3.org/2000/svg">{"x" * n}</svg>'.encode() for n in (9, PICTURES))
    one, two, three = drawn({"curves": png, "psnr": png, "odd": png}, {"psnr": small, "curves": large})
    assert (one.title, two.title, three.title) == ("Bits read at equal PSNR", "Training curves", "odd")
    assert one.source.startswith("data:image/svg+xml,%3Csvg xmlns=%22http")
    assert unquote(one.source.partition(",")[2]).encode() == small
    assert (one.width, one.height) == (40, 20)
    assert all(figure.source.startswith("data:image/webp;base64,") for figure in (two, three))


def test_samples_of_many_pairs_fit_into_a_page(tmp_path: Path) -> None:
    Image.new("RGB", (300, 40_000), "white").save(tmp_path / "tall.png")
    [tall] = drawn({"samples": (tmp_path / "tall.png").read_bytes()}, {})
    # WebP holds no side of more.
    assert tall.height == 16_383
    assert tall.source.startswith("data:image/webp;base64,")


def test_of_samples_as_many_are_shown_as_there_is_room_for_and_that_is_said(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 90, 100, 3), np.uint8)
    # Rows of pictures with white between them.
    rows = np.pad(noise, ((0, 0), (0, 10), (0, 0), (0, 0)), constant_values=255).reshape(4000, 100, 3)
    Image.fromarray(rows).save(tmp_path / "tall.png")
    png = (tmp_path / "tall.png").read_bytes()
    first, other = drawn({"samples": png, "residuals": png}, {}, 60_000)
    assert first.title.endswith("and the fake of each (the first; all are in figures/samples.png)")
    held = base64.b64decode(first.source.partition(",")[2])
    assert len(held) < 33_000
    shown = np.asarray(Image.open(io.BytesIO(held)).convert("RGB"))
    assert 100 <= len(shown) < 2000
    # It ends in the white below a row of pictures.
    assert shown[-5:].min() > 200
    assert len(shown) % 100 > 85
    # Of what is no list of samples nothing is left out.
    assert (other.title, other.height) == ("What is changed, and at which frequencies", 4000)
